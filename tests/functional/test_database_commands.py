"""``rootkeeper database check`` and ``upgrade``, and what every other command says of a database of another version."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from rootkeeper.database.schema import SCHEMA_VERSION
from tests.functional.conversation import converse
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program, Runner
from tests.old_databases import ENTRIES, VERSION, WINDOW_ACCOUNT_ID, place_old_database

NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "us-east-1",
}


@pytest.fixture
def old(tmp_path: Path, runner: Runner) -> Program:
    """The program on a database of the first version, without AWS."""
    url = place_old_database(tmp_path / "rootkeeper.db")
    return Program({**NOWHERE, "ROOTKEEPER_DATABASE_URL": url, "XDG_STATE_HOME": str(tmp_path / "state")}, runner)


def read_version(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "rootkeeper.db")) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(version)


def test_an_older_database_is_checked_and_upgraded_after_a_backup(old: Program, tmp_path: Path) -> None:
    before = old.run("database", "check", "-o", "json")
    require_fits(before.json, "database")
    assert (before.status, before.json["version"], before.json["state"]) == (1, VERSION, "outdated")
    assert (before.json["ledger"]["state"], before.json["ledger"]["entries"]) == ("intact", ENTRIES)
    dry = old.run("database", "upgrade", "--dry-run")
    assert (dry.status, read_version(tmp_path)) == (0, VERSION)
    assert f"from version {VERSION} to {SCHEMA_VERSION}" in dry.stderr
    done = old.run("database", "upgrade", "--yes")
    assert done.status == 0, done.shown
    (backup,) = (tmp_path / "rootkeeper.db.backups").iterdir()
    assert str(backup) in done.stderr
    copied = backup / "rootkeeper.db"
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600
    assert read_version(backup) == VERSION
    after = old.run("database", "check")
    assert after.status == 0, after.shown
    assert f"{SCHEMA_VERSION}, current" in after.stdout
    again = old.run("database", "upgrade", "--yes")
    assert (again.status, "Nothing to upgrade" in again.stderr) == (0, True)
    entries = old.run("ledger", "list", "-o", "json")
    assert len(entries.json["entries"]) == ENTRIES
    restored = old.run("database", "restore", backup, "--yes")
    assert restored.status == 0, restored.shown
    assert "rootkeeper database upgrade" in restored.stdout
    assert read_version(tmp_path) == VERSION


def test_an_upgrade_is_confirmed_by_a_person_or_by_yes(old: Program, tmp_path: Path) -> None:
    alone = old.run("database", "upgrade")
    assert (alone.status, "--yes" in alone.stderr) == (2, True)
    with converse(old, "database", "upgrade") as conversation:
        conversation.wait_for("Continue?")
        conversation.type("no")
        assert conversation.end() == 2
    assert read_version(tmp_path) == VERSION
    assert not (tmp_path / "rootkeeper.db.backups").exists()


COMMANDS = (
    ("audit",),
    ("controls", "list", "--framework", "cis-7.0"),
    ("delete", "--all", "--dry-run"),
    ("diff",),
    ("exceptions", "list"),
    ("history", WINDOW_ACCOUNT_ID),
    ("jobs", "list"),
    ("ledger", "list"),
    ("ledger", "verify"),
    ("notifications", "list"),
    ("report", "--from", "30d"),
    ("serve", "--port", "0"),
    ("status",),
    ("token", "list"),
    ("users", "list"),
    ("windows", "list"),
    ("worker",),
)


@pytest.mark.long
def test_every_command_on_an_older_database_says_how_to_upgrade_it(program: Program, tmp_path: Path) -> None:
    place_old_database(tmp_path / "rootkeeper.db")
    for command in COMMANDS:
        run = program.run(*command)
        assert run.status in {1, 3}, run.shown
        assert "rootkeeper database upgrade" in run.stderr, run.shown
        assert "no such" not in run.shown
    doctor = program.run("doctor")
    assert "rootkeeper database upgrade" in doctor.stdout
    assert read_version(tmp_path) == VERSION


def test_every_command_on_a_newer_database_says_to_install_the_newer_program(old: Program, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "rootkeeper.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (
        ("database", "upgrade", "--yes"),
        ("ledger", "list"),
        ("serve", "--port", "0"),
        ("windows", "list"),
    ):
        run = old.run(*command)
        assert run.status == 3, run.shown
        assert "Install the newer Rootkeeper" in run.stderr
    check = old.run("database", "check")
    assert (check.status, "9999, newer" in check.stdout) == (1, True)
    assert "Install the newer Rootkeeper" in check.stderr
    assert read_version(tmp_path) == "9999"


def test_without_a_database_there_is_nothing_to_check_or_upgrade(tmp_path: Path, runner: Runner) -> None:
    url = f"sqlite:///{tmp_path / 'rootkeeper.db'}"
    program = Program({**NOWHERE, "ROOTKEEPER_DATABASE_URL": url}, runner)
    for arguments in (("check",), ("upgrade", "--yes"), ("backup",)):
        run = program.run("database", *arguments)
        assert (run.status, "There is no database" in run.stderr) == (3, True), run.shown
    assert list(tmp_path.iterdir()) == []
