"""A database in a SQLite file, which several processes share.

WAL, ``synchronous=FULL`` on every connection (it belongs to the connection, not to the file), and writing transactions
that begin IMMEDIATE, so that two of them never read the same head.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import QueuePool

from rootkeeper.errors import DatabaseError
from rootkeeper.storage.dialects import (
    CHECKOUT_SECONDS,
    POOLED_CONNECTIONS,
    CommitOutcome,
    DatabaseReplacedError,
    begin_writing,
    is_writing,
)
from rootkeeper.storage.line_files import sync_folder

_LOCK_POLL_SECONDS = 0.02


class SqliteStore:
    """A SQLite file."""

    def __init__(self, path: Path, busy_timeout_seconds: float) -> None:
        self._path = path.absolute()
        self._busy_timeout_seconds = busy_timeout_seconds
        self._engine = create_engine(
            f"sqlite+pysqlite:///{quote(str(self._path))}",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=POOLED_CONNECTIONS,
            max_overflow=POOLED_CONNECTIONS,
            pool_timeout=CHECKOUT_SECONDS,
        )
        event.listen(self._engine, "connect", self._remember_file)
        event.listen(self._engine, "checkout", self._check_file)
        event.listen(self._engine, "begin", _begin_sqlite)

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def place(self) -> str:
        return str(self._path)

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def glance_options(self) -> Mapping[str, Any]:
        """None: beginning costs nothing here, and the driver's own idea of it must not come into play."""
        return {}

    def exists(self) -> bool:
        """Whether there is a file with something in it; an empty one is a creation that was interrupted."""
        try:
            return self._path.stat().st_size > 0
        except (FileNotFoundError, NotADirectoryError):
            return False

    def create(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return
        sync_folder(self._path.parent)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self._folder_locked():
            self._choose_log()
            with begin_writing(self._engine.connect()) as connection, connection.begin():
                yield connection

    def _choose_log(self) -> None:
        """Write-ahead logging stays with the file; it can't be chosen within a transaction."""
        statement = "PRAGMA journal_mode=WAL"
        try:
            with closing(self._try_connect("mode=rw")) as driver_connection:
                driver_connection.execute(statement)
        except sqlite3.Error as error:
            raise OperationalError(statement, None, error) from error

    def require_in_place(self, connection: Connection) -> None:
        if _file_identity(self._path) != connection.connection.info.get("file"):
            raise DatabaseReplacedError(f"the file {self._path} was deleted or replaced")

    def require_in_transaction(self, connection: Connection) -> None:
        driver_connection = connection.connection.driver_connection
        if driver_connection is None or not driver_connection.in_transaction:
            raise DatabaseReplacedError("the transaction was rolled back by the database")

    def find_transaction_id(self, connection: Connection) -> str | None:
        """An error of SQLite's commit says that nothing was committed."""

    def find_commit_outcome(self, transaction: str) -> CommitOutcome:  # noqa: ARG002 - the port's
        """Never asked."""
        return CommitOutcome.NOT_COMMITTED

    def _connect(self) -> sqlite3.Connection:
        """Open for writing; where that can't be, for reading; a WAL file without its companions as it lies there."""
        wal = self._path.with_name(self._path.name + "-wal")
        try:
            return self._try_connect("mode=rw")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")) or not self.exists():
                raise
            if wal.exists() and wal.stat().st_size > 0:
                return self._try_connect("mode=ro")
            return self._try_connect("mode=ro&immutable=1")

    def _try_connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(self._path))}?{mode}",
            uri=True,
            timeout=self._busy_timeout_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _remember_file(self, _connection: Any, record: Any) -> None:
        record.info["file"] = _file_identity(self._path)

    def _check_file(self, _connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != _file_identity(self._path):
            raise DisconnectionError(f"{self._path} was deleted or replaced")

    @contextmanager
    def _folder_locked(self) -> Iterator[None]:
        """The folder and not the file: closing any handle of that would drop SQLite's own locks on it."""
        handle = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._wait_for(handle)
            yield
        finally:
            os.close(handle)

    def _wait_for(self, handle: int) -> None:
        deadline = time.monotonic() + max(self._busy_timeout_seconds, 1)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise DatabaseError(
                        f"Another process is preparing the database {self._path}.",
                        hint="Wait until the other command ends, then try again.",
                    ) from error
                time.sleep(_LOCK_POLL_SECONDS)
            else:
                return


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing(connection) else "BEGIN")
