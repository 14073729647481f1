"""Settings: a file and variables, checked once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rootkeeper.errors import SettingsError
from rootkeeper.settings.reading import load_settings
from rootkeeper.settings.sections import Settings

DATA = Path("/data/rootkeeper")


def load(environment: dict[str, str] | None = None, config: Path | None = None) -> Settings:
    return load_settings(config, environment or {}, DATA)


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text)
    return path


def test_without_any_settings_the_database_is_a_file_in_the_data_folder() -> None:
    settings = load()
    assert settings.database.url == "sqlite:////data/rootkeeper/rootkeeper.db"
    assert settings.aws.concurrency == 128
    assert settings.windows.longest == timedelta(hours=72)


def test_the_files_beside_the_ledger_are_named_after_the_database() -> None:
    settings = load({"ROOTKEEPER_DATABASE_URL": "sqlite:////elsewhere/mine.db"})
    assert settings.ledger.anchor == Path("/elsewhere/mine.db.anchor.jsonl")
    assert settings.ledger.mirror == Path("/elsewhere/mine.db.mirror.jsonl")
    assert settings.ledger.spill == Path("/elsewhere")


def test_the_address_of_the_database_can_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql+psycopg://keeper:hunter2@db.example.com/rootkeeper\n")
    secret.chmod(0o440)
    settings = load({"ROOTKEEPER_DATABASE_URL": f"file:{secret}"})
    assert settings.database.url == "postgresql+psycopg://keeper:hunter2@db.example.com/rootkeeper"
    secret.chmod(0o444)
    with pytest.raises(SettingsError, match="other users can read"):
        load({"ROOTKEEPER_DATABASE_URL": f"file:{secret}"})
    with pytest.raises(SettingsError, match="can't be read"):
        load({"ROOTKEEPER_DATABASE_URL": f"file:{tmp_path / 'none'}"})


def mirror_of(url: str) -> Path:
    return load({"ROOTKEEPER_DATABASE_URL": f"postgresql+psycopg://{url}"}).ledger.mirror


def test_two_postgresql_databases_share_no_file() -> None:
    urls = [
        "keeper@db.example.com/one",
        "keeper@db.example.com/two",
        "keeper@db.example.com:5433/one",
        "keeper@/one?host=/run/first",
        "keeper@/one?host=/run/second",
        "keeper@/one?host=/run/second&port=5433",
        "keeper@/?service=one",
    ]
    assert len({mirror_of(url) for url in urls}) == len(urls)


def test_what_does_not_say_where_a_database_is_changes_no_file() -> None:
    assert mirror_of("keeper:one@db.example.com/x") == mirror_of("other:two@db.example.com/x?application_name=y")


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, '[aws]\nconcurrency = 10\nverify_seconds = 1\n[windows]\nlongest = "2h"\n')
    settings = load({"ROOTKEEPER_AWS_CONCURRENCY": "20"}, config)
    assert settings.aws.concurrency == 20
    assert settings.aws.verify_seconds == 1
    assert settings.windows.longest == timedelta(hours=2)


def test_a_variable_names_section_and_key() -> None:
    assert load({"ROOTKEEPER_WINDOWS_APPROVALS": "0"}).windows.approvals == 0


def test_an_empty_variable_counts_as_unset() -> None:
    assert load({"ROOTKEEPER_AWS_CONCURRENCY": ""}).aws.concurrency == 128


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"ROOTKEEPER_AWS_CONCURENCY": "3"}, "ROOTKEEPER_AWS_CONCURENCY"),
        ({"ROOTKEEPER_AWS_CONCURRENCY": "0"}, "ROOTKEEPER_AWS_CONCURRENCY"),
        ({"ROOTKEEPER_AWS_CONCURRENCY": "many"}, "many"),
        ({"ROOTKEEPER_AWS_CONCURRENCY": "1.5"}, "1.5"),
        ({"ROOTKEEPER_AWS_CONCURRENCY": "\N{SUPERSCRIPT TWO}"}, "whole number"),
        ({"ROOTKEEPER_WINDOWS_LONGEST": "soon"}, "soon"),
        ({"ROOTKEEPER_WINDOWS_LONGEST": "99d"}, "ROOTKEEPER_WINDOWS_LONGEST"),
        ({"ROOTKEEPER_DATABASE_URL": "mysql://host/db"}, "mysql"),
        ({"ROOTKEEPER_DATABASE_URL": "sqlite:///:memory:"}, "database"),
    ],
)
def test_a_wrong_variable_is_named_with_a_hint(environment: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as raised:
        load(environment)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[aws]\nconcurency = 3\n", "aws.concurency"),
        ("[amazon]\nconcurrency = 3\n", "amazon"),
        ("concurrency = 3\n", "concurrency"),
        ("[aws]\nconcurrency = true\n", "True"),
        ("[ledger]\nanchor = 3\n", "ledger.anchor"),
        ("[windows]\nlongest = 3600\n", "windows.longest"),
        ("not toml", "not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_a_hint(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named) as raised:
        load(config=write(tmp_path, text))
    assert raised.value.hint


def test_a_file_that_is_not_there_is_an_error_and_not_ignored(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load(config=tmp_path / "nothing.toml")


def test_the_password_of_a_database_gets_into_no_name_and_no_repr() -> None:
    settings = load({"ROOTKEEPER_DATABASE_URL": "postgresql+psycopg://keeper:hunter2@db.example.com/rootkeeper"})
    assert "hunter2" not in repr(settings)
    assert settings.ledger.anchor.parent == DATA


def test_a_wrong_database_address_is_reported_without_its_password() -> None:
    with pytest.raises(SettingsError) as raised:
        load({"ROOTKEEPER_DATABASE_URL": "postgres://keeper:hunter2@db.example.com/rootkeeper"})
    assert "hunter2" not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("https://rootkeeper.example.com", "https://rootkeeper.example.com", "rootkeeper.example.com"),
        ("https://Rootkeeper.Example.com:443/", "https://rootkeeper.example.com", "rootkeeper.example.com"),
        ("http://10.0.0.7:8700", "http://10.0.0.7:8700", "10.0.0.7"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443", "2001:db8::1"),
    ],
)
def test_the_public_address_is_an_origin(url: str, origin: str, host: str) -> None:
    found = load({"ROOTKEEPER_SERVER_PUBLIC_URL": url}).server.public_address
    assert found is not None
    assert (found.origin, found.host) == (origin, host)


def test_without_a_public_address_there_is_none() -> None:
    assert load().server.public_address is None


@pytest.mark.parametrize(
    "url",
    [
        "rootkeeper.example.com",
        "ftp://rootkeeper.example.com",
        "https://",
        "https://rootkeeper.example.com/console",
        "https://user:hunter2@rootkeeper.example.com",
        "https://rootkeeper.example.com?a=b",
        "https://rootkeeper.example.com:port",
        "https://root keeper.example.com",
        "https://[::1",
    ],
)
def test_what_no_browser_could_be_sent_to_is_no_public_address(url: str) -> None:
    with pytest.raises(SettingsError, match=r"server\.public_url") as refused:
        load({"ROOTKEEPER_SERVER_PUBLIC_URL": url})
    assert "hunter2" not in refused.value.message
