"""What is particular to one database: how it is opened, how a writing transaction begins, what its errors mean.

SQLite is one file that several processes share: WAL, ``synchronous=FULL`` on every connection (it belongs to the
connection, not to the file), and writing transactions that begin IMMEDIATE, so that two of them never read the same
head. On PostgreSQL writers queue at an advisory lock of the transaction, which a pooler of transactions doesn't break,
and each append keeps the head's row besides. Everything else under ``storage`` speaks to both alike.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from rootkeeper.errors import DatabaseError, SettingsError
from rootkeeper.storage.line_files import sync_folder

_WRITES = "rootkeeper_writes"
_ADVISORY_LOCK = 7_310_011
_LOCK_POLL_SECONDS = 0.02
_POOLED_CONNECTIONS = 8
_CHECKOUT_SECONDS = 60


class Store(Protocol):
    """One database, opened or not."""

    @property
    def engine(self) -> Engine: ...

    @property
    def place(self) -> str:
        """Where it is, for messages; without a password."""
        ...

    @property
    def path(self) -> Path | None:
        """Its file, where it is one."""
        ...

    def exists(self) -> bool: ...

    def create(self) -> None:
        """Make an empty database, if there is none.

        :raises OSError: if that isn't possible.
        """
        ...

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """One writing transaction, with all others that would migrate kept waiting."""
        ...

    def ensure_in_place(self, connection: Connection) -> None:
        """Check, just before and after a commit, that it goes to the database that was opened.

        :raises StoreMovedError: if the file was deleted or replaced meanwhile.
        """
        ...

    def ensure_in_transaction(self, connection: Connection) -> None:
        """Check, just before a commit, that there still is something to commit.

        :raises StoreMovedError: if the database has rolled the transaction back by itself.
        """
        ...

    def name_transaction(self, connection: Connection) -> str | None:
        """A name by which :meth:`was_committed` finds the transaction; ``None`` where a commit is never unclear."""
        ...

    def was_committed(self, transaction: str) -> bool:
        """Whether a transaction that lost its connection was committed; waits a while for a server to come back.

        ``False`` also where that can't be found out.
        """
        ...


class StoreMovedError(SQLAlchemyError):
    """The database isn't the one that was opened any more."""


def open_store(url_text: str, busy_timeout_seconds: float) -> Store:
    """The database of ``url_text``; no connection is made yet.

    :raises SettingsError: if the URL can't be used.
    """
    hint = "Use sqlite:///<path to a file> or postgresql+psycopg://<user>@<host>/<database>."
    try:
        url = make_url(url_text)
    except ArgumentError as error:
        raise SettingsError("The database URL can't be read.", hint=hint) from error
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return SqliteStore(Path(url.database), busy_timeout_seconds)
    if url.drivername == "postgresql+psycopg":
        return PostgresqlStore(url, busy_timeout_seconds)
    raise SettingsError(f"Rootkeeper keeps no data in {url.render_as_string(hide_password=True)}.", hint=hint)


def begin_writing(connection: Connection) -> Connection:
    """The same connection, whose transactions are writing ones from now on."""
    return connection.execution_options(**{_WRITES: True})


def explain(error: BaseException) -> tuple[str, str | None]:
    """What a database error means, in half a sentence, and a hint."""
    if isinstance(error, StoreMovedError):
        return str(error), "Put the database back, or start again with another one."
    original = error.orig if isinstance(error, DBAPIError) else error
    if (known := _POSTGRESQL_REASONS.get(getattr(original, "sqlstate", None) or "")) is not None:
        return known
    name = getattr(original, "sqlite_errorname", "") or ""
    for prefix, reason, hint in _SQLITE_REASONS:
        if name.startswith(prefix):
            return reason, hint
    if isinstance(original, OSError):
        return original.strerror or type(original).__name__, "Check the path in the database URL, and the disk."
    return str(original).splitlines()[0] if str(original) else type(error).__name__, None


_SQLITE_REASONS = (
    ("SQLITE_FULL", "the disk is full", "Free some space and try again."),
    ("SQLITE_BUSY", "another process keeps it locked", "Wait until the other command ends, then try again."),
    ("SQLITE_LOCKED", "another process keeps it locked", "Wait until the other command ends, then try again."),
    ("SQLITE_READONLY", "it is read-only", "Check the permissions of the file and its folder."),
    ("SQLITE_CANTOPEN", "it can't be opened", "Check that the file and its folder exist and may be written."),
    ("SQLITE_PERM", "it may not be accessed", "Check the permissions of the file and its folder."),
    ("SQLITE_IOERR", "reading or writing it failed", "Check the disk and its free space."),
    ("SQLITE_NOTADB", "it isn't a SQLite database", "Check the path in the database URL."),
    ("SQLITE_CORRUPT", "it is damaged", "Restore a backup, then run: rootkeeper ledger verify"),
)


_POSTGRESQL_REASONS: Mapping[str, tuple[str, str | None]] = {
    "25006": ("it is read-only", "Check the server, and the permissions of the database's user."),
    "42501": ("its user may not do that", "Check the permissions of the database's user."),
    "53100": ("the disk is full", "Free some space on the server and try again."),
    "53300": ("it has too many connections", "Raise max_connections of the server, or run fewer workers."),
    "55P03": ("another process keeps it locked", "Wait until the other command ends, then try again."),
    "57P01": ("the server is shutting down", "Wait until it runs again."),
    "57P02": ("the server has crashed", "Wait until it runs again."),
    "57P03": ("the server is starting", "Wait until it runs."),
}
"""By SQLSTATE. Source: PostgreSQL, appendix A, "PostgreSQL Error Codes"."""


class SqliteStore:
    """A SQLite file."""

    def __init__(self, path: Path, busy_timeout_seconds: float) -> None:
        self._path = path.absolute()
        self._busy_timeout_seconds = busy_timeout_seconds
        self._engine = create_engine(
            f"sqlite+pysqlite:///{quote(str(self._path))}",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=_POOLED_CONNECTIONS,
            max_overflow=_POOLED_CONNECTIONS,
            pool_timeout=_CHECKOUT_SECONDS,
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

    def ensure_in_place(self, connection: Connection) -> None:
        if _file_identity(self._path) != connection.connection.info.get("file"):
            raise StoreMovedError(f"the file {self._path} was deleted or replaced")

    def ensure_in_transaction(self, connection: Connection) -> None:
        driver_connection = connection.connection.driver_connection
        if driver_connection is None or not driver_connection.in_transaction:
            raise StoreMovedError("the transaction was rolled back by the database")

    def name_transaction(self, connection: Connection) -> str | None:
        """An error of SQLite's commit says that nothing was committed."""

    def was_committed(self, transaction: str) -> bool:  # noqa: ARG002 - the port's
        """Never asked."""
        return False

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
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_STANDSTILL_MILLISECONDS = 3000
"""How long a process that stands still in the middle of writing keeps all others waiting: less than they wait."""

_POSTGRESQL_OPTIONS: Mapping[str, Any] = {
    "application_name": "rootkeeper",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server that is gone without a word is noticed within some ten seconds; the URL may say otherwise. Source:
PostgreSQL, "Parameter Key Words" of libpq.
"""
_SETTLE_WRITING = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; "
    f"SET LOCAL idle_in_transaction_session_timeout = {_STANDSTILL_MILLISECONDS}; "
    "SET LOCAL lock_timeout = {milliseconds}"
)
"""Whatever the server and its administrators have as a default: an intent must be on disk. In one message, since all
workers wait for each one's writing.
"""
_NAME = "rootkeeper_transaction"
_SETTLED_FATES = ("aborted", "committed")
_QUEUE_AND_NAME = f"SELECT pg_current_xact_id()::text, pg_advisory_xact_lock({_ADVISORY_LOCK})"
_FATE_POLL_SECONDS = 0.1
_SELECT_FATE = "SELECT pg_xact_status(CAST(CAST(:transaction AS text) AS xid8))"


class PostgresqlStore:
    """A PostgreSQL database, shared by many workers."""

    def __init__(self, url: URL, busy_timeout_seconds: float) -> None:
        self._url = url
        self._busy_timeout_seconds = busy_timeout_seconds
        try:
            self._engine = create_engine(
                url,
                connect_args={name: value for name, value in _POSTGRESQL_OPTIONS.items() if name not in url.query},
                isolation_level="REPEATABLE READ",
                pool_pre_ping=True,
                pool_size=_POOLED_CONNECTIONS,
                max_overflow=_POOLED_CONNECTIONS,
                pool_timeout=_CHECKOUT_SECONDS,
            )
        except ModuleNotFoundError as error:
            raise DatabaseError(
                "PostgreSQL needs the driver psycopg, which isn't installed.", hint="pip install 'psycopg[binary]'"
            ) from error
        event.listen(self._engine, "begin", self._begin)

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def place(self) -> str:
        return self._url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path | None:
        return None

    def exists(self) -> bool:
        return True

    def create(self) -> None:
        """The database's administrator makes it."""

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, begin_writing(connection).begin():
            yield connection

    def ensure_in_place(self, connection: Connection) -> None:
        """A lost connection shows at the commit itself."""

    def ensure_in_transaction(self, connection: Connection) -> None:
        """A failed transaction shows at the commit itself."""

    def name_transaction(self, connection: Connection) -> str | None:
        """PostgreSQL's own number; whoever loses the connection at the commit can't know otherwise what came of it."""
        return str(connection.info[_NAME])

    def was_committed(self, transaction: str) -> bool:
        deadline = time.monotonic() + self._busy_timeout_seconds
        while (fate := self._find_fate(transaction)) not in _SETTLED_FATES and time.monotonic() < deadline:
            time.sleep(_FATE_POLL_SECONDS)
        return fate == "committed"

    def _find_fate(self, transaction: str) -> str | None:
        try:
            with self._engine.connect() as connection:
                return connection.execute(text(_SELECT_FATE), {"transaction": transaction}).scalar_one_or_none()
        except SQLAlchemyError:
            return None

    def _begin(self, connection: Connection) -> None:
        """Writers queue at one lock, taken before the snapshot is, so that each sees what the one before wrote."""
        if not connection.get_execution_options().get(_WRITES):
            return
        milliseconds = int(self._busy_timeout_seconds * 1000)
        connection.exec_driver_sql(_SETTLE_WRITING.format(milliseconds=milliseconds))
        connection.info[_NAME] = connection.exec_driver_sql(_QUEUE_AND_NAME).scalars().one()
