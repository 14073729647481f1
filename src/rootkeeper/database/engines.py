"""The databases: SQLite in a file that several processes share, and PostgreSQL that many workers share.

SQLite uses WAL and ``synchronous=FULL`` on every connection (the setting belongs to the connection, not to the file).
Its writing transactions begin IMMEDIATE, so that two of them never read the same head. In PostgreSQL, writers queue at
an advisory lock of the transaction, which works behind a transaction pooler.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, InvalidatePoolError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from rootkeeper.database.files import make_private_folder, sync_folder, try_lock
from rootkeeper.database.problems import WAIT, DatabaseDamagedError, DatabaseLinkedError, DatabaseReplacedError, explain
from rootkeeper.errors import DatabaseError, SettingsError
from rootkeeper.installation import describe_installing

POOLED_CONNECTIONS = 8
RESERVED_CONNECTIONS = 4
"""Of all that a process may have: for closing recovery windows, and for the writer of the ledger."""

CHECKOUT_SECONDS = 60
BUSY_SECONDS = 5.0
"""How long a statement waits for another writer, if its caller says nothing else."""

_WRITES = "rootkeeper_writes"


class CommitOutcome(Enum):
    """The outcome of a transaction after a commit without an answer, as far as it is known."""

    COMMITTED = auto()
    ENDED = auto()
    """The server has restarted, so the number means nothing; only the transaction's rows can show the outcome."""
    NOT_COMMITTED = auto()
    """Also if the server doesn't answer."""


class Store:
    """A database, opened or not. Methods that only a file needs do nothing here."""

    engine: Engine
    path: Path | None = None
    """Its file, if the database is a file."""
    glance_options: Mapping[str, Any] = {}
    """Options of a connection that runs each statement in its own transaction."""

    def __init__(self, place: str, busy_timeout_seconds: float) -> None:
        self.place = place
        """The place of the database for messages, without a password."""
        self.readers = threading.BoundedSemaphore(2 * POOLED_CONNECTIONS - RESERVED_CONNECTIONS)
        """Turns of those who read without the reserve."""
        self._busy_timeout_seconds = busy_timeout_seconds

    def exists(self) -> bool:
        """A server's always does."""
        return True

    def create(self) -> None:
        """Create an empty database, if there is none; on a server, its administrator does that.

        :raises OSError: if that isn't possible.
        """

    def migrating(self) -> AbstractContextManager[Connection]:
        """Open a writing transaction, while all other migrations wait. Each kind of database has its own way."""
        raise NotImplementedError

    def require_in_place(self) -> None:
        """Check, just before and after a commit, that the opened database is still in place, and undamaged.

        On a server, the commit itself shows it.

        :raises DatabaseReplacedError: if the file was deleted or replaced.
        :raises DatabaseDamagedError: if a damaged page was found.
        """

    def forget_pages(self, connection: Connection) -> None:
        """Let the connection read from the file what it reads next; a server sees every change of its pages itself."""

    def check_pages(self) -> None:
        """Read the whole database past all caches; a server does that itself.

        :raises DatabaseDamagedError: if a page is damaged; from then on nothing is written.
        :raises SQLAlchemyError: if the database can't be read.
        """

    def require_in_transaction(self, connection: Connection) -> None:
        """Check, just before a commit, that the transaction is still open; on a server, the commit itself shows it.

        :raises DatabaseReplacedError: if the database has rolled it back.
        """

    def find_transaction_id(self, connection: Connection) -> str | None:
        """Find a name for :meth:`find_commit_outcome`; ``None`` if an error of a commit means that it wasn't made."""

    def find_commit_outcome(self, transaction: str) -> CommitOutcome:
        """Find the outcome of a transaction that lost its connection; wait for a server that is away.

        Only databases with a name from ``find_transaction_id`` implement it.
        """
        raise NotImplementedError


def begin_writing(connection: Connection) -> Connection:
    """Let the connection's later transactions write."""
    return connection.execution_options(**{_WRITES: True})


def is_writing(connection: Connection) -> bool:
    """Whether the connection's transactions write."""
    return bool(connection.get_execution_options().get(_WRITES))


class _Thread(threading.local):
    """The state of the running thread."""

    has_reserve = False


_thread = _Thread()


@contextmanager
def using_reserve() -> Iterator[None]:
    """Let this thread read by the connections that are reserved for closing windows, however many others read."""
    before, _thread.has_reserve = _thread.has_reserve, True
    try:
        yield
    finally:
        _thread.has_reserve = before


def has_reserve() -> bool:
    """Whether this thread closes windows, and so waits for no database for long."""
    return _thread.has_reserve


@contextmanager
def _taking_turn(store: Store) -> Iterator[None]:
    """Leave the reserved connections to those who may use them.

    :raises DatabaseError: if all others are in use for too long, or the database can't be read.
    """
    needs_turn = not _thread.has_reserve
    if needs_turn and not store.readers.acquire(timeout=CHECKOUT_SECONDS):
        raise DatabaseError(
            f"The database {store.place} can't be read: all connections are in use.", hint="Try again later."
        )
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        reason, hint = explain(error)
        raise DatabaseError(f"The database {store.place} can't be read: {reason}.", hint=hint) from error
    finally:
        if needs_turn:
            store.readers.release()


@contextmanager
def reading(store: Store) -> Iterator[Connection]:
    """Open a connection with a snapshot of the database as it is now.

    :raises DatabaseError: if the database can't be read.
    """
    with _taking_turn(store), store.engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def glancing(store: Store) -> Iterator[Connection]:
    """Open a connection for a single statement, which is its own transaction: on a server, that saves two round trips.

    :raises DatabaseError: if the database can't be read.
    """
    options = {} if _thread.has_reserve else store.glance_options  # the limits of a closing need a transaction
    with _taking_turn(store), store.engine.connect().execution_options(**options) as connection:
        yield connection


_LOCK_POLL_SECONDS = 0.02
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class SqliteStore(Store):
    """A SQLite file.

    It needs no ``glance_options``: SQLite begins transactions at no cost, and the driver must not begin its own.
    """

    path: Path

    def __init__(self, path: Path, busy_timeout_seconds: float) -> None:
        self.path = path.absolute()
        super().__init__(str(self.path), busy_timeout_seconds)
        self._opened_file: tuple[int, int] | None = None
        """The file that the first connection opened; ``None`` before."""
        self._is_damaged = False
        self.engine = create_engine(
            f"sqlite+pysqlite:///{quote(str(self.path))}",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=POOLED_CONNECTIONS,
            max_overflow=POOLED_CONNECTIONS,
            pool_timeout=CHECKOUT_SECONDS,
        )
        event.listen(self.engine, "checkout", lambda *_: self._require_same_file())
        event.listen(self.engine, "begin", _begin_sqlite)
        event.listen(self.engine, "handle_error", self._note_error)

    def exists(self) -> bool:
        """Whether there is a non-empty file; an empty file is from an interrupted creation."""
        try:
            return self.path.stat().st_size > 0
        except (FileNotFoundError, NotADirectoryError):
            return False

    def create(self) -> None:
        make_private_folder(self.path.parent)
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return
        sync_folder(self.path.parent)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self._folder_locked():
            statement = "PRAGMA journal_mode=WAL"  # can't be done within a transaction
            try:
                with closing(self._try_connect("mode=rw")) as driver_connection:
                    driver_connection.execute(statement)
            except sqlite3.Error as error:
                raise OperationalError(statement, None, error) from error
            with begin_writing(self.engine.connect()) as connection, connection.begin():
                yield connection

    def require_in_place(self) -> None:
        self._require_same_file()
        if self._is_damaged:
            raise DatabaseDamagedError("it is damaged")

    def forget_pages(self, connection: Connection) -> None:
        # A file that another program overwrites leaves the pages that a connection keeps as they were.
        connection.exec_driver_sql("PRAGMA shrink_memory")

    def check_pages(self) -> None:
        statement = "PRAGMA quick_check(1)"
        self._require_same_file()
        try:
            with closing(self._try_connect("mode=ro")) as driver_connection:
                found = str(driver_connection.execute(statement).fetchone()[0])
        except sqlite3.Error as error:
            if not error.sqlite_errorname.startswith(_DAMAGED):
                raise OperationalError(statement, None, error) from error
            found = str(error)
        self._is_damaged = found != "ok"
        self.require_in_place()

    def require_in_transaction(self, connection: Connection) -> None:
        driver_connection = connection.connection.driver_connection
        if driver_connection is None or not driver_connection.in_transaction:
            raise DatabaseReplacedError("the transaction was rolled back by the database")

    def _connect(self) -> sqlite3.Connection:
        """Open the file that was opened first, and no other file in its place.

        :raises DatabaseReplacedError: if the file was deleted or replaced.
        :raises DatabaseLinkedError: if it has several names.
        """
        if self._opened_file is not None:
            self._require_same_file()
            return self._open()
        if self.exists() and self.path.stat().st_nlink > 1:
            raise DatabaseLinkedError(f"{self.path} has a second name, a hard link")
        connection = self._open()
        self._opened_file = _file_identity(self.path)
        return connection

    def _open(self) -> sqlite3.Connection:
        """Open for writing, else for reading; a read-only WAL file without its companion files as immutable."""
        wal = self.path.with_name(self.path.name + "-wal")
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
            f"file:{quote(str(self.path))}?{mode}",
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

    def _require_same_file(self) -> None:
        """Another file is never used, not even an older copy: it doesn't contain the windows that are open."""
        found = _file_identity(self.path)
        if found is None:
            raise DatabaseReplacedError(f"the file {self.path} was deleted or moved")
        if found != (self._opened_file or found):
            raise DatabaseReplacedError(f"the file {self.path} was replaced by another one")

    def _note_error(self, context: ExceptionContext) -> None:
        """Note a damaged page. After a write to a read-only file, drop all connections: SQLite opens such a file for
        reading, and the connection never writes again.
        """
        name = getattr(context.original_exception, "sqlite_errorname", None) or ""
        if name.startswith("SQLITE_READONLY"):
            context.is_disconnect = True
        if name.startswith(_DAMAGED):
            self._is_damaged = True

    @contextmanager
    def _folder_locked(self) -> Iterator[None]:
        """Lock the folder, not the file: closing a handle of the file would drop SQLite's own locks on it."""
        handle = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        deadline = time.monotonic() + max(self._busy_timeout_seconds, 1)
        try:
            while not try_lock(handle, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise DatabaseError(
                        f"Another process is creating or migrating the database {self.path}.", hint=WAIT
                    )
                time.sleep(_LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(handle)


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing(connection) else "BEGIN")


_ADVISORY_LOCK = 7_310_011
_STANDSTILL_MILLISECONDS = 3000
"""How long a process that stops in the middle of writing can block the others: less than they wait."""

_POSTGRESQL_OPTIONS: Mapping[str, Any] = {
    "application_name": "rootkeeper",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server that disappears is noticed within about ten seconds; the URL can override this. Source: PostgreSQL,
"Parameter Key Words" of libpq.
"""

_SETTLE_WRITING = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; "
    f"SET LOCAL idle_in_transaction_session_timeout = {_STANDSTILL_MILLISECONDS}; "
    "SET LOCAL lock_timeout = {milliseconds}"
)
"""Overrides the server's defaults: an intent must be on disk. A single message: all workers wait for each writer."""

_PATIENT = "SET LOCAL idle_in_transaction_session_timeout = 60000"
"""For a migration, which reads its steps from files in the middle of its transaction."""

CLOSING_SECONDS = 2.0
"""How long the closing of a window waits for a read or a write; then it continues with what the process knows."""

_SETTLE_CLOSING = f"SET LOCAL statement_timeout = {CLOSING_SECONDS * 1000:.0f}; SET LOCAL lock_timeout = 1900"
"""The limit for locks is the lower, so that a lock is told as the cause."""

_NAME = "rootkeeper_transaction"
_LIFE = "rootkeeper_life"

_SELECT_LIFE = (
    "SELECT concat_ws('/', extract(epoch FROM pg_postmaster_start_time()), extract(epoch FROM stats_reset)) "
    "FROM pg_stat_bgwriter"
)
"""Identifies the time from a start of the server, or recovery from a crash, to the next. After a crash the server
assigns lost transaction numbers again, so a number has no meaning for an earlier time. The start alone doesn't show a
recovery, which resets the statistics. Source: PostgreSQL, "The Cumulative Statistics System".
"""

_COMMIT_OUTCOMES = {"aborted": CommitOutcome.NOT_COMMITTED, "committed": CommitOutcome.COMMITTED}
_QUEUE_AND_NAME = f"SELECT pg_current_xact_id()::text, pg_advisory_xact_lock({_ADVISORY_LOCK})"
_COMMIT_POLL_SECONDS = 0.1
_TRUSTED_SECONDS = 1.0
"""A pooled connection that was used this recently isn't checked: a check costs as much as a statement."""
_USED_AT = "rootkeeper_used_at"
_SELECT_COMMIT_OUTCOME = "SELECT pg_xact_status(CAST(CAST(:transaction AS text) AS xid8))"


class PostgresqlStore(Store):
    """A PostgreSQL database, shared by many workers."""

    glance_options: Mapping[str, Any] = {"isolation_level": "AUTOCOMMIT"}

    def __init__(self, url: URL, busy_timeout_seconds: float) -> None:
        super().__init__(url.render_as_string(hide_password=True), busy_timeout_seconds)
        try:
            self.engine = create_engine(
                url,
                connect_args={name: value for name, value in _POSTGRESQL_OPTIONS.items() if name not in url.query},
                isolation_level="REPEATABLE READ",
                pool_size=POOLED_CONNECTIONS,
                max_overflow=POOLED_CONNECTIONS,
                pool_timeout=CHECKOUT_SECONDS,
            )
        except ModuleNotFoundError as error:
            raise DatabaseError(
                "PostgreSQL needs the extra postgresql of Rootkeeper, which isn't installed.",
                hint=f"Install it: {describe_installing('postgresql')}",
            ) from error
        event.listen(self.engine, "begin", self._begin)
        event.listen(self.engine, "checkout", self._require_alive)
        event.listen(self.engine, "checkin", _note_use)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self.engine.connect() as connection, begin_writing(connection).begin():
            connection.exec_driver_sql(_PATIENT)
            yield connection

    def find_transaction_id(self, connection: Connection) -> str | None:
        """Return PostgreSQL's transaction number and the server's life: only they show the outcome if the connection is
        lost at the commit.
        """
        return f"{connection.info[_NAME]} {connection.info[_LIFE]}"

    def find_commit_outcome(self, transaction: str) -> CommitOutcome:
        number, _, life = transaction.partition(" ")
        deadline = time.monotonic() + self._busy_timeout_seconds
        while (outcome := self._find_settled(number, life)) is None and time.monotonic() < deadline:
            time.sleep(_COMMIT_POLL_SECONDS)
        return outcome or CommitOutcome.NOT_COMMITTED

    def _find_settled(self, number: str, life: str) -> CommitOutcome | None:
        """Find the outcome; ``None`` while it is in progress, or the server doesn't answer."""
        try:
            with self.engine.connect() as connection:
                if connection.exec_driver_sql(_SELECT_LIFE).scalar_one() != life:
                    return CommitOutcome.ENDED
                status = connection.execute(text(_SELECT_COMMIT_OUTCOME), {"transaction": number}).scalar_one_or_none()
                return _COMMIT_OUTCOMES.get(status or "")
        except SQLAlchemyError:
            return None

    def _require_alive(self, connection: Any, record: Any, _proxy: Any) -> None:
        """:raises InvalidatePoolError: if the server has closed the connection, and so all older connections."""
        if time.monotonic() - record.info.get(_USED_AT, float("-inf")) < _TRUSTED_SECONDS:
            return
        dialect = self.engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    def _begin(self, connection: Connection) -> None:
        """Queue a writer at one lock, before its snapshot, so that it sees the writes of the writer before it.

        A closing's reads are limited in time. The limit of its writes is elsewhere: one thread writes for all.
        """
        if not is_writing(connection):
            if _thread.has_reserve:
                connection.exec_driver_sql(_SETTLE_CLOSING)
            return
        milliseconds = int(self._busy_timeout_seconds * 1000)
        connection.exec_driver_sql(_SETTLE_WRITING.format(milliseconds=milliseconds))
        if _LIFE not in connection.info:  # valid as long as the connection
            connection.info[_LIFE] = connection.exec_driver_sql(_SELECT_LIFE).scalar_one()
        connection.info[_NAME] = connection.exec_driver_sql(_QUEUE_AND_NAME).scalars().one()


def _note_use(_connection: Any, record: Any) -> None:
    record.info[_USED_AT] = time.monotonic()


def open_store(url_text: str, busy_timeout_seconds: float = BUSY_SECONDS) -> Store:
    """Open the database of ``url_text``; no connection is made yet.

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
    raise SettingsError(
        f"Rootkeeper doesn't support the database {url.render_as_string(hide_password=True)}.", hint=hint
    )
