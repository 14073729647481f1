"""Where the engine keeps what it drives: a SQLite file beside ours, or a schema of its own in our PostgreSQL database.

The connection pool is set up here, because DBOS sets none of what matters: on SQLite WAL (nine times the throughput),
``synchronous=FULL`` and IMMEDIATE transactions, on PostgreSQL few connections that notice a lost server within seconds.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from rootkeeper.errors import DatabaseError, SettingsError

SCHEMA = "rootkeeper_engine"
"""In PostgreSQL."""
FILE_ENDING = ".engine.db"
NOTICING_GONE_SERVERS = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
"""Seconds, and the last one milliseconds. Source: libpq, parameter key words."""

_BUSY_MILLISECONDS = 30_000
_POOLED_CONNECTIONS = 4


class SqliteFile:
    """A file of the engine's own, for the one server that runs on it; ``prepare`` opens it."""

    schema: str | None = None

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        return str(self.path)

    def prepare(self) -> None:
        """Create the file, for its owner alone; SQLite gives its companion files the same mode."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self.path.chmod(0o600)
        except OSError as error:
            raise DatabaseError(
                f"The engine's file {self.path} can't be created or opened: {error.strerror or error}.",
                hint="Check the permissions of its folder, and the disk.",
            ) from error

    def connect(self) -> Engine:
        engine = create_engine(URL.create("sqlite", database=str(self.path)), pool_size=_POOLED_CONNECTIONS)
        event.listen(engine, "connect", _set_up_sqlite)
        return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """From Python 3.12 on DBOS reads the time by ``unixepoch('subsec')``, which is NULL in SQLite before 3.42.

    Source: SQLite, release notes of 3.42.0.
    """
    connection.isolation_level = "IMMEDIATE"
    if sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", -1, lambda *_modifiers: time.time())
    for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


class PostgresqlSchema:
    """A schema of the engine's own, shared by all workers; ``prepare`` opens it."""

    schema: str | None = SCHEMA

    def __init__(self, url: URL) -> None:
        self._url = url

    @property
    def place(self) -> str:
        return self._url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Refuse a pooler that shares sessions: psycopg prepares statements in a session, and DBOS repeats its own.

        :raises DatabaseError: if there is one, or the database can't be used.
        """
        pool = self.connect()
        try:
            with pool.connect() as connection:
                require_own_session(connection, pool.connect)
        except SQLAlchemyError as error:
            raise DatabaseError(f"The engine's database {self.place} can't be used: {describe(error)}.") from error
        finally:
            pool.dispose()

    def connect(self) -> Engine:
        return create_engine(
            self._url,
            pool_pre_ping=True,
            pool_size=_POOLED_CONNECTIONS,
            max_overflow=_POOLED_CONNECTIONS,
            connect_args=NOTICING_GONE_SERVERS,
        )


EngineDatabase = SqliteFile | PostgresqlSchema


def choose_database(url_text: str) -> EngineDatabase:
    """The engine's place for the product's database of that URL.

    :raises SettingsError: if the URL can't be used.
    """
    try:
        url = make_url(url_text)
    except ArgumentError as error:
        raise SettingsError("The database URL can't be read.") from error
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database).absolute()
        return SqliteFile(path.with_name(path.name + FILE_ENDING))
    if url.drivername == "postgresql+psycopg":
        return PostgresqlSchema(url)
    raise SettingsError(f"The engine can't use the database {url.render_as_string(hide_password=True)}.")


def require_own_session(connection: Connection, connect: Callable[[], Connection]) -> None:
    """Check that a connection keeps its session, by using a second connection in between.

    A pooler that shares sessions gives the second client the session of the first, or gives the first client another
    session at its next transaction.

    :raises DatabaseError: if so.
    """
    before = _read_session(connection)
    with connect() as other:
        between = _read_session(other)
        after = _read_session(connection)
    if between in (before, after) or before != after:
        raise DatabaseError(
            "The connection to PostgreSQL goes through a pooler that shares sessions among clients, and prepared "
            "statements don't survive that.",
            hint="Connect to PostgreSQL itself, or use the pooler's session mode.",
        )


def _read_session(connection: Connection) -> int:
    """In a transaction of its own."""
    session: int = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    connection.commit()
    return session


def describe(error: SQLAlchemyError) -> str:
    """Its first line, which contains no parameters."""
    original = getattr(error, "orig", None) or error
    return (str(original).splitlines() or [type(original).__name__])[0].rstrip(".")
