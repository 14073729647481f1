"""Where the engine keeps what it drives, and how its connections are set up."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from rootkeeper.errors import DatabaseError, SettingsError
from rootkeeper.worker.engine import PostgresqlSchema, SqliteFile, choose_database, require_own_session
from tests.postgresql import PostgresqlServer


def test_on_sqlite_it_is_a_file_beside_ours_for_its_owner_alone(tmp_path: Path) -> None:
    database = choose_database(f"sqlite:///{tmp_path}/rootkeeper.db")
    assert isinstance(database, SqliteFile)
    assert database.place == f"{tmp_path}/rootkeeper.db.engine.db"
    database.path.touch(0o644)
    database.prepare()
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600


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


def test_a_folder_that_isnt_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="can't be created"):
        choose_database(f"sqlite:///{tmp_path}/missing/rootkeeper.db").prepare()


def test_on_postgresql_it_is_a_schema_of_its_own_and_messages_hold_no_password() -> None:
    database = choose_database("postgresql+psycopg://ana:hunter2@db.example.com/rootkeeper")
    assert isinstance(database, PostgresqlSchema)
    assert database.schema == "rootkeeper_engine"
    assert "hunter2" not in database.place


@pytest.mark.parametrize("url", ["no url", "mysql://localhost/rootkeeper", "sqlite://"])
def test_what_cant_hold_it_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        choose_database(url)


def test_a_database_that_isnt_there_is_reported_without_a_password() -> None:
    database = choose_database("postgresql+psycopg://ana:hunter2@127.0.0.1:1/none")
    with pytest.raises(DatabaseError, match="can't be used") as raised:
        database.prepare()
    assert "hunter2" not in raised.value.message


def test_a_database_without_a_pooler_is_taken(postgresql: PostgresqlServer) -> None:
    choose_database(postgresql.create_database()).prepare()


@dataclass
class Pooler:
    """Gives each statement of a client the session that its list names next."""

    sessions: list[int]

    def connect(self) -> PooledConnection:
        return PooledConnection(self)


@dataclass
class PooledConnection:
    """As much of a connection as the check uses."""

    pooler: Pooler

    def __enter__(self) -> PooledConnection:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing."""

    def exec_driver_sql(self, _statement: str) -> PooledConnection:
        return self

    def scalar_one(self) -> int:
        return self.pooler.sessions.pop(0)

    def commit(self) -> None:
        """Nothing."""


def check(sessions: list[int]) -> None:
    pooler = Pooler(sessions)
    require_own_session(pooler.connect(), pooler.connect)  # type: ignore[arg-type]  # as much of it as is used


def test_a_connection_of_its_own_is_taken() -> None:
    check([1, 2, 1])


@pytest.mark.parametrize("sessions", [[1, 1, 1], [1, 1, 2], [1, 2, 3], [1, 2, 2]])
def test_a_pooler_that_shares_sessions_is_refused(sessions: list[int]) -> None:
    with pytest.raises(DatabaseError, match="pooler") as raised:
        check(sessions)
    assert "session mode" in (raised.value.hint or "")
