"""An upgrade from the first version of the schema: what it needs, what it leaves, and what it refuses."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from rootkeeper.access.views import SavedView, SavedViewStore
from rootkeeper.clock import SystemClock
from rootkeeper.composition.application import Application
from rootkeeper.database import schema
from rootkeeper.database.processes import take_server_lock
from rootkeeper.errors import (
    DatabaseError,
    DatabaseNewerError,
    DatabaseOutdatedError,
    Hint,
    InputError,
    ServerRunningError,
)
from rootkeeper.inventory.store import AuditHistory
from rootkeeper.ledger.database import DatabaseOptions, open_database
from rootkeeper.maintenance.rules import DatabaseCheck, LedgerState, VersionState
from rootkeeper.maintenance.upgrading import check_database, plan_upgrade, upgrade
from rootkeeper.settings.reading import load_settings
from rootkeeper.windows.store import RecoveryWindowStore
from tests.old_databases import (
    ENTRIES,
    ORGANIZATION_ID,
    VERSION,
    WINDOW_ACCOUNT_ID,
    fill_old_postgresql,
    place_old_database,
)
from tests.postgresql import PostgresqlServer
from tests.unit.database.samples import make_worker


@dataclass
class OldDatabase:
    """A database of the first version, and the program that meets it."""

    url: str
    folder: Path

    def open(self) -> Application:
        settings = load_settings(None, {"ROOTKEEPER_DATABASE_URL": self.url}, self.folder)
        return Application(settings)

    def check(self) -> DatabaseCheck:
        with self.open() as application:
            return check_database(application)

    def upgrade(self, *, makes_backup: bool = True) -> Path | None:
        with self.open() as application:
            return upgrade(application, plan_upgrade(application, self.backups, makes_backup=makes_backup))

    def run_sql(self, *statements: str) -> None:
        with closing(self._connect()) as connection:
            for statement in statements:
                connection.execute(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            found: list[tuple[Any, ...]] = connection.execute(statement).fetchall()
            return found

    def _connect(self) -> Any:
        if self.url.startswith("sqlite"):
            return sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    def list_backups(self) -> list[Path]:
        return sorted(self.backups.iterdir()) if self.backups.exists() else []


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OldDatabase:
    if request.param == "sqlite":
        return OldDatabase(place_old_database(tmp_path / "rootkeeper.db"), tmp_path)
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    monkeypatch.setenv("PATH", f"{server.tools}{os.pathsep}{os.environ['PATH']}")
    url = server.create_database()
    fill_old_postgresql(url, tmp_path)
    return OldDatabase(url, tmp_path)


@pytest.fixture
def old_file(tmp_path: Path) -> OldDatabase:
    return OldDatabase(place_old_database(tmp_path / "rootkeeper.db"), tmp_path)


def test_the_oldest_database_is_upgraded_to_the_newest_and_nothing_is_lost(old: OldDatabase) -> None:
    before = old.check()
    assert (before.version, before.state, before.needed_version) == (
        VERSION,
        VersionState.OUTDATED,
        schema.SCHEMA_VERSION,
    )
    assert (before.ledger.state, before.ledger.entries, before.is_good) == (LedgerState.INTACT, ENTRIES, False)
    counted = [f"SELECT count(*) FROM {name}" for name in ("jobs", "identities", "audit_statuses")]  # noqa: S608 - names of our own
    rows = [old.query(statement) for statement in counted]
    old.upgrade()
    after = old.check()
    assert (after.version, after.state, after.is_good) == (schema.SCHEMA_VERSION, VersionState.CURRENT, True)
    assert after.ledger == before.ledger
    assert [old.query(statement) for statement in counted] == rows
    with open_database(old.url, DatabaseOptions(has_mirror=False)) as database:
        with database.store.engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            assert compare_metadata(context, schema.metadata) == []
        (window,) = database.get_store(RecoveryWindowStore, ORGANIZATION_ID).list_windows(unfinished_only=True)
        assert window.account_id == WINDOW_ACCOUNT_ID
        (audit,) = database.get_store(AuditHistory, ORGANIZATION_ID).list_audits(limit=10)
        assert (audit.left_known, audit.left_unknown) == (None, None)
        views = SavedViewStore(database.store, database.commits, ORGANIZATION_ID)
        views.save("u-1", SavedView("Morning", "/accounts", datetime(2026, 1, 1, tzinfo=UTC)))
        assert [view.name for view in views.list_views("u-1")] == ["Morning"]


def test_a_database_that_was_made_between_two_releases_is_upgraded(old: OldDatabase) -> None:
    """It has what the second version added, and calls itself the first one."""
    old.upgrade()
    old.run_sql("DROP TABLE changed_settings")
    old.run_sql("UPDATE alembic_version SET version_num = '0001'")
    old.upgrade(makes_backup=False)
    assert old.check().is_good


def test_everything_but_a_check_refuses_an_older_database_and_names_its_open_window(old: OldDatabase) -> None:
    with pytest.raises(DatabaseOutdatedError) as raised:
        open_database(old.url)
    assert isinstance(raised.value.hint, Hint)
    assert raised.value.hint.code == "database.upgrade"
    assert f"on account {WINDOW_ACCOUNT_ID} (OPEN)" in raised.value.message
    assert old.query("SELECT version_num FROM alembic_version") == [(VERSION,)]


def test_a_second_upgrade_has_nothing_to_do(old: OldDatabase) -> None:
    old.upgrade()
    with old.open() as application:
        assert not plan_upgrade(application, None, makes_backup=True).is_needed


def test_a_plan_changes_nothing(old_file: OldDatabase) -> None:
    path = old_file.folder / "rootkeeper.db"
    before = path.read_bytes()
    with old_file.open() as application:
        assert plan_upgrade(application, old_file.backups, makes_backup=True).is_needed
    assert path.read_bytes() == before
    assert old_file.list_backups() == []


def test_the_backup_is_of_the_older_version_and_made_first(old: OldDatabase) -> None:
    made = old.upgrade()
    assert made is not None
    assert old.list_backups() == [made]
    manifest = json.loads((made / "backup.json").read_text())
    assert (manifest["database_version"], manifest["ledger_head"]["sequence"]) == (VERSION, ENTRIES)


def test_without_a_backup_nothing_is_upgraded(old: OldDatabase) -> None:
    old.backups.write_text("in the way")
    with pytest.raises(InputError, match="can't be written"):
        old.upgrade()
    assert old.query("SELECT version_num FROM alembic_version") == [(VERSION,)]


def test_postgresql_without_its_tools_names_what_to_run_instead(
    tmp_path: Path, postgresql: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.create_database()
    fill_old_postgresql(url, tmp_path)
    old = OldDatabase(url, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatabaseError, match=r"pg_dump isn't on this machine\. Nothing was changed\.") as raised:
        old.upgrade()
    assert isinstance(raised.value.hint, Hint)
    assert raised.value.hint.code == "database.own_backup"
    assert old.list_backups() == []
    old.upgrade(makes_backup=False)
    assert old.check().is_good


def test_an_upgrade_that_fails_leaves_no_half_of_it(old: OldDatabase) -> None:
    old.run_sql("DROP TABLE audits")
    with pytest.raises(DatabaseError, match="can't be migrated"):
        old.upgrade(makes_backup=False)
    assert old.query("SELECT version_num FROM alembic_version") == [(VERSION,)]
    assert "saved_views" not in _list_tables(old)


def test_a_database_that_never_was_of_its_version_is_refused(old: OldDatabase) -> None:
    old.run_sql("DROP TABLE ledger_copies", "DROP TABLE setup_readings")
    with pytest.raises(DatabaseError, match=r"doesn't have the tables of that version .*setup_readings") as raised:
        old.upgrade(makes_backup=False)
    assert "ledger_copies" in raised.value.message
    assert "saved_views" not in _list_tables(old)


def test_a_current_database_that_lacks_a_column_is_not_good(old: OldDatabase) -> None:
    old.upgrade(makes_backup=False)
    old.run_sql("ALTER TABLE audits DROP COLUMN left_known", "DROP TABLE saved_views")
    found = old.check()
    assert (found.state, found.is_good) == (VersionState.INCOMPLETE, False)
    assert found.missing == ("audits.left_known", "saved_views")
    with old.open() as application, pytest.raises(DatabaseError, match=r"audits\.left_known, saved_views"):
        plan_upgrade(application, None, makes_backup=False)


def _list_tables(old: OldDatabase) -> set[str]:
    statement = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    if old.url.startswith("sqlite"):
        statement = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return {str(name) for (name,) in old.query(statement)}


def test_another_process_that_acts_on_it_keeps_it_as_it_is(old: OldDatabase) -> None:
    with open_database(old.url, DatabaseOptions(has_mirror=False, any_version=True)) as database:
        worker = make_worker(database)
        assert [str(os.getpid()) in who for who in old.check().used_by] == [True]
        with pytest.raises(ServerRunningError, match="Another process acts on this database"):
            old.upgrade()
        worker.owner.close()
    assert old.check().used_by == ()
    assert old.query("SELECT version_num FROM alembic_version") == [(VERSION,)]
    assert old.list_backups() == []


def test_a_server_on_the_file_keeps_it_as_it_is(old_file: OldDatabase) -> None:
    lock = take_server_lock(old_file.url, SystemClock(), 30, "http://127.0.0.1:8700")
    assert lock is not None
    with lock:
        (server,) = old_file.check().used_by
        assert f"process {os.getpid()}" in server
        with pytest.raises(ServerRunningError, match="A server runs on"):
            old_file.upgrade()
    assert old_file.query("SELECT version_num FROM alembic_version") == [(VERSION,)]


def test_a_newer_database_is_checked_and_not_upgraded(old: OldDatabase) -> None:
    old.run_sql("UPDATE alembic_version SET version_num = '9999'")
    found = old.check()
    assert (found.version, found.state, found.is_good) == ("9999", VersionState.NEWER, False)
    assert found.ledger.state is LedgerState.INTACT
    with old.open() as application, pytest.raises(DatabaseNewerError, match="a newer version of Rootkeeper wrote it"):
        plan_upgrade(application, None, makes_backup=True)


def test_a_ledger_that_was_edited_shows_before_and_after(old: OldDatabase) -> None:
    old.run_sql("UPDATE ledger_entries SET actor = 'someone else' WHERE sequence = 3")
    before = old.check()
    assert before.ledger.state is LedgerState.NOT_INTACT
    old.upgrade(makes_backup=False)
    assert old.check().ledger == before.ledger


def test_an_empty_database_needs_no_upgrade(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    empty = OldDatabase(postgresql.create_database(), tmp_path)
    found = empty.check()
    assert (found.version, found.state, found.is_good) == (None, VersionState.EMPTY, True)
    with empty.open() as application:
        assert not plan_upgrade(application, None, makes_backup=True).is_needed
