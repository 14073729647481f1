"""Where the engine keeps what it drives: a SQLite file beside ours, or a schema of its own in our PostgreSQL database.

The engine is given a connection pool that is set up here, since it sets none of what matters: on SQLite WAL (ten times
the throughput), ``synchronous=FULL`` and IMMEDIATE transactions, on PostgreSQL few connections that notice within
seconds that the other side is gone.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from rootkeeper.engine.slots import SingleSlot, Slots, WorkerSlots
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


class EngineDatabase(Protocol):
    """A database that the engine may use; nothing is opened before ``prepare``."""

    @property
    def place(self) -> str:
        """Where it is, for messages; without a password."""
        ...

    @property
    def schema(self) -> str | None: ...

    def prepare(self) -> None:
        """:raises DatabaseError: if it can't be used."""
        ...

    def connect(self) -> Engine:
        """A pool of connections, set up for the engine."""
        ...

    def slots(self) -> Slots:
        """What keeps the processes on this database apart."""
        ...


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
    raise SettingsError(f"The engine keeps nothing in {url.render_as_string(hide_password=True)}.")


class SqliteFile:
    """A file of the engine's own, for the one server that runs on it; implements EngineDatabase."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def schema(self) -> str | None:
        return None

    def prepare(self) -> None:
        """Make the file, for its owner alone; its companions take its mode over."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self.path.chmod(0o600)
        except OSError as error:
            raise DatabaseError(
                f"The engine's file {self.path} can't be made or opened: {error.strerror or error}.",
                hint="Check the permissions of its folder, and the disk.",
            ) from error

    def connect(self) -> Engine:
        engine = create_engine(URL.create("sqlite", database=str(self.path)), pool_size=_POOLED_CONNECTIONS)
        event.listen(engine, "connect", _set_up_sqlite)
        return engine

    def slots(self) -> Slots:
        return SingleSlot()


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """DBOS asks for the time by ``unixepoch('subsec')`` from Python 3.12 on, whatever the SQLite that came with it;
    before 3.42 that is NULL. Source: SQLite, release notes of 3.42.0.
    """
    connection.isolation_level = "IMMEDIATE"
    if sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", -1, _read_unix_time)
    for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _read_unix_time(*_modifiers: str) -> float:
    """Seconds since 1970, with their fraction."""
    return time.time()


class PostgresqlSchema:
    """A schema of the engine's own, shared by all workers; implements EngineDatabase."""

    def __init__(self, url: URL) -> None:
        self._url = url

    @property
    def place(self) -> str:
        return self._url.render_as_string(hide_password=True)

    @property
    def schema(self) -> str | None:
        return SCHEMA

    def prepare(self) -> None:
        """The database's administrator made it."""

    def connect(self) -> Engine:
        return create_engine(
            self._url,
            pool_pre_ping=True,
            pool_size=_POOLED_CONNECTIONS,
            max_overflow=_POOLED_CONNECTIONS,
            connect_args=NOTICING_GONE_SERVERS,
        )

    def slots(self) -> Slots:
        return WorkerSlots(self._url, NOTICING_GONE_SERVERS)
