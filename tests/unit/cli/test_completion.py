"""A shell completes values from the local database, quickly, silently and without words that a shell would evaluate."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rootkeeper.cli.completion import MOST_ITEMS, VALUES, choose
from rootkeeper.cli.main import RootkeeperGroup, main
from rootkeeper.ledger.database import open_database
from tests.unit.database.samples import REPOSITORY

ORGANIZATION = "o-exampleorgid"
ACCOUNTS = {
    "111122223333": "Management",
    "222233334444": "Security",
    "333344445555": "shop-prod",
    "444455556666": "twin",
    "555566667777": "twin",
    "666677778888": "a\\$(touch /tmp/x)`id`'\"; b",
}
UNITS = {"ou-exam-sandboxes": "Sandboxes", "r-exam": "Root"}
TIME = "2026-11-01T12:00:00.000000Z"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the schema of today; the rows are written as the completion reads them, by plain SQL."""
    path = tmp_path_factory.mktemp("data") / "rootkeeper.db"
    open_database(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO inventories (organization_id, management_account_id, has_all_features, partition, listed_at)"
            " VALUES (?, '111122223333', 1, 'aws', ?)",
            (ORGANIZATION, TIME),
        )
        for position, (account_id, name) in enumerate(ACCOUNTS.items()):
            connection.execute(
                "INSERT INTO inventory_accounts (organization_id, account_id, position, name, email, state, ou_ids,"
                " ou_path) VALUES (?, ?, ?, ?, 'a@example.com', 'ACTIVE', '[]', 'Root/Sandboxes')",
                (ORGANIZATION, account_id, position, name),
            )
        for position, (ou_id, name) in enumerate(UNITS.items()):
            connection.execute(
                "INSERT INTO inventory_organizational_units (organization_id, ou_id, position, name)"
                " VALUES (?, ?, ?, ?)",
                (ORGANIZATION, ou_id, position, name),
            )
        connection.execute(
            "INSERT INTO recovery_windows (window_id, organization_id, account_id, state, reason, requested_by,"
            " requested_at, duration_seconds, approved_by) VALUES ('w-17', ?, '333344445555', 'OPEN', 'x', 'ana', ?,"
            " 60, '[]')",
            (ORGANIZATION, TIME),
        )
        connection.execute(
            "INSERT INTO jobs (job_id, organization_id, kind, state, endpoint, created_by, created_at, updated_at,"
            " owner_id, parameters, progress) VALUES ('j-5', ?, 'audit', 'DONE', 'AWS', 'ana', ?, ?, 'x', '{}', '{}')",
            (ORGANIZATION, TIME, TIME),
        )
    return path


def complete(words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let bash ask, as its script does."""
    monkeypatch.setenv("_ROOTKEEPER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    lines = [line.split(",", 1) for line in shown.out.splitlines() if line]
    assert {kind for kind, _ in lines} <= {"plain"}
    return [word for _, word in lines]


IDS = list(ACCOUNTS)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("rootkeeper audit 3", ["333344445555"]),
        ("rootkeeper audit --all ", [*IDS, "Management", "Security", "shop-prod"]),
        ("rootkeeper history shop", ["shop-prod"]),
        ("rootkeeper recover 2222", ["222233334444"]),
        ("rootkeeper delete --ou ", ["ou-exam-sandboxes", "r-exam", "Root/Sandboxes"]),
        ("rootkeeper audit --ou Root/", ["Root/Sandboxes"]),
        ("rootkeeper audit --exclude ou-", ["ou-exam-sandboxes"]),
        ("rootkeeper windows close ", ["w-17", *IDS]),
        ("rootkeeper windows show w", ["w-17"]),
        ("rootkeeper jobs show ", ["j-5"]),
        ("rootkeeper exceptions remove 44", ["444455556666"]),
        ("rootkeeper report --organization ", [ORGANIZATION]),
        ("rootkeeper enable --delegated-administrator 22", ["222233334444"]),
        (
            "rootkeeper audit --account-state ",
            ["ACTIVE", "CLOSED", "PENDING_ACTIVATION", "PENDING_CLOSURE", "SUSPENDED", "UNKNOWN"],
        ),
        ("rootkeeper audit --status p", ["present"]),
        ("rootkeeper audit --fail-on u", ["unknown", "unread"]),
        ("rootkeeper audit -o s", ["sarif"]),
        ("rootkeeper report --format p", ["pdf", "package"]),
    ],
)
def test_values_come_from_the_local_database_and_from_the_program(
    words: str,
    offered: list[str],
    database: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROOTKEEPER_DATABASE_URL", f"sqlite:///{database}")
    found = complete(words, capsys, monkeypatch)
    assert (sorted(found), set(found)) == (sorted(offered), set(offered))


def test_the_settings_file_that_was_typed_says_which_database(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "rootkeeper.toml"
    settings.write_text(f'[database]\nurl = "sqlite:///{database}"\n')
    assert complete(f"rootkeeper jobs show --config {settings} j", capsys, monkeypatch) == ["j-5"]
    assert complete("rootkeeper jobs show j", capsys, monkeypatch) == []


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////no/such/folder/rootkeeper.db",
        "sqlite:///{folder}",
        "sqlite:///{folder}/damaged.db",
        "sqlite:///{folder}/foreign.db",
        "postgresql+psycopg://rootkeeper@127.0.0.1:1/rootkeeper",
        "nonsense",
    ],
)
def test_where_anything_is_wrong_there_are_no_values_and_no_message(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "damaged.db").write_bytes(b"no database" * 100)
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection, connection:
        connection.execute("CREATE TABLE foreign_table (x)")
    monkeypatch.setenv("ROOTKEEPER_DATABASE_URL", url.format(folder=tmp_path))
    before = sorted(tmp_path.iterdir())
    assert complete("rootkeeper audit 3", capsys, monkeypatch) == []
    assert sorted(tmp_path.iterdir()) == before


def test_a_database_that_is_locked_gives_no_values_and_isnt_waited_for(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "rootkeeper.db"
    copy.write_bytes(database.read_bytes())
    monkeypatch.setenv("ROOTKEEPER_DATABASE_URL", f"sqlite:///{copy}")
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("DELETE FROM jobs")
        assert complete("rootkeeper jobs show ", capsys, monkeypatch) == []


def test_words_and_explanations_have_only_characters_that_no_shell_evaluates() -> None:
    found = choose(
        [
            ("$(id)", "x"),
            ("a b", "x"),
            ("`id`", "x"),
            ("-rf", "x"),
            ("a\\", "x"),
            ("ok-1", "it's $(id) `id` \\ \x1b[31m\u202ered"),
            ("ok-1", "again"),
        ],
        "",
    )
    assert [(item.value, item.help) for item in found] == [("ok-1", "its id id  31mred")]
    assert len(choose(((f"w{number}", "") for number in range(10_000)), "w")) == MOST_ITEMS


def test_zsh_gets_no_name_that_it_would_evaluate(
    database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOTKEEPER_DATABASE_URL", f"sqlite:///{database}")
    monkeypatch.setenv("_ROOTKEEPER_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "rootkeeper audit 6666")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.splitlines() == ["plain", "666677778888", "atouch /tmp/xid b"]


def test_profiles_come_from_the_files_of_aws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("[default]\nregion=eu-west-1\n[profile audit]\n[sso-session work]\n[profile bad name]\n")
    credentials.write_text("[keys]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    assert complete("rootkeeper status --profile ", capsys, monkeypatch) == ["audit", "default", "keys"]
    config.write_text("no file of AWS's")
    assert complete("rootkeeper status --profile ", capsys, monkeypatch) == ["keys"]


def test_completion_loads_no_client_and_opens_no_connection(database: Path) -> None:
    program = (
        "import sys, threading\n"
        "sys.addaudithook(lambda event, _: print(event, file=sys.stderr) if event == 'socket.connect' else None)\n"
        "from rootkeeper.cli.entry import main\n"
        "try:\n    main([])\n"
        "finally:\n    print(sorted({'botocore', 'sqlalchemy', 'rootkeeper.composition'} & set(sys.modules)))\n"
    )
    environment = os.environ | {
        "ROOTKEEPER_DATABASE_URL": f"sqlite:///{database}",
        "_ROOTKEEPER_COMPLETE": "bash_complete",
        "COMP_WORDS": "rootkeeper jobs show ",
        "COMP_CWORD": "3",
    }
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert (run.stdout.split("\n"), run.stderr) == (["plain,j-5", "[]", ""], "")


def test_every_named_value_belongs_to_an_option_or_argument_of_some_command() -> None:
    sources = "".join(path.read_text() for path in (REPOSITORY / "src/rootkeeper/cli").rglob("*.py"))
    assert RootkeeperGroup.entries
    assert [name for name in VALUES if f'("{name}' not in sources] == []


@pytest.mark.parametrize(
    ("shell", "file"), [("bash", ".bashrc"), ("zsh", ".zshrc"), ("fish", ".config/fish/config.fish")]
)
def test_completion_is_installed_once_after_the_other_lines_of_the_start_file(
    shell: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    start = tmp_path / file
    start.parent.mkdir(parents=True, exist_ok=True)
    start.write_text("export EDITOR=vi")
    for _ in range(2):
        assert main(["--install-completion"]) == 0
        assert str(start) in capsys.readouterr().err
    before, line = start.read_text().splitlines()
    assert before == "export EDITOR=vi"
    assert f"_ROOTKEEPER_COMPLETE={shell}_source rootkeeper" in line
    assert main(["--show-completion"]) == 0
    assert f"_ROOTKEEPER_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/dash")
    assert main(["--install-completion"]) == 2
    assert "no completion for the shell 'dash'" in capsys.readouterr().err
