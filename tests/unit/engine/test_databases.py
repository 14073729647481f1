"""Where the engine keeps what it drives, and how its connections are set up."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from rootkeeper.engine.databases import PostgresqlSchema, SqliteFile, choose_database
from rootkeeper.engine.slots import SingleSlot, WorkerSlots
from rootkeeper.errors import DatabaseError, SettingsError


def test_on_sqlite_it_is_a_file_beside_ours_for_its_owner_alone(tmp_path: Path) -> None:
    database = choose_database(f"sqlite:///{tmp_path}/rootkeeper.db")
    assert isinstance(database, SqliteFile)
    assert database.place == f"{tmp_path}/rootkeeper.db.engine.db"
    database.path.touch(0o644)
    database.prepare()
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600
    assert isinstance(database.slots(), SingleSlot)


def test_sqlite_is_set_up_so_that_it_lasts_and_doesnt_fail_for_a_lock(tmp_path: Path) -> None:
    database = choose_database(f"sqlite:///{tmp_path}/rootkeeper.db")
    database.prepare()
    engine = database.connect()
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
        driver_connection = connection.connection.driver_connection
        assert driver_connection is not None
        assert driver_connection.isolation_level == "IMMEDIATE"
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "foreign_keys": 1}


def test_a_folder_that_isnt_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="can't be made"):
        choose_database(f"sqlite:///{tmp_path}/missing/rootkeeper.db").prepare()


def test_on_postgresql_it_is_a_schema_of_its_own_and_messages_hold_no_password() -> None:
    database = choose_database("postgresql+psycopg://ana:hunter2@db.example.com/rootkeeper")
    assert isinstance(database, PostgresqlSchema)
    assert database.schema == "rootkeeper_engine"
    assert "hunter2" not in database.place
    assert isinstance(database.slots(), WorkerSlots)


@pytest.mark.parametrize("url", ["no url", "mysql://localhost/rootkeeper", "sqlite://"])
def test_what_cant_hold_it_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        choose_database(url)
