"""What is the same about a database whichever it is, and what its errors mean.

Everything under ``storage`` speaks to a ``Store``; what is particular to one stands in ``sqlite_store`` and
``postgresql_store``, and ``opened_stores`` chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

POOLED_CONNECTIONS = 8
CHECKOUT_SECONDS = 60
_WRITES = "rootkeeper_writes"


class CommitOutcome(Enum):
    """What is known of a transaction whose commit got no answer."""

    COMMITTED = auto()
    ENDED = auto()
    """Its number says nothing any more, since the server was started again; only what it wrote can tell."""
    NOT_COMMITTED = auto()
    """Or nobody can be asked."""


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

    @property
    def glance_options(self) -> Mapping[str, Any]:
        """Options of a connection on which each statement is a transaction of its own."""
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

    def require_in_place(self, connection: Connection) -> None:
        """Check, just before and after a commit, that it goes to the database that was opened.

        :raises DatabaseReplacedError: if the file was deleted or replaced meanwhile.
        """
        ...

    def require_in_transaction(self, connection: Connection) -> None:
        """Check, just before a commit, that there still is something to commit.

        :raises DatabaseReplacedError: if the database has rolled the transaction back by itself.
        """
        ...

    def find_transaction_id(self, connection: Connection) -> str | None:
        """A name by which :meth:`find_commit_outcome` finds the transaction; ``None`` where a commit is never unclear."""
        ...

    def find_commit_outcome(self, transaction: str) -> CommitOutcome:
        """What became of a transaction that lost its connection; waits a while for a server to come back."""
        ...


class DatabaseReplacedError(SQLAlchemyError):
    """The database isn't the one that was opened any more."""


def begin_writing(connection: Connection) -> Connection:
    """The same connection, whose transactions are writing ones from now on."""
    return connection.execution_options(**{_WRITES: True})


def is_writing(connection: Connection) -> bool:
    """Whether its transactions are writing ones."""
    return bool(connection.get_execution_options().get(_WRITES))


def was_suspended(error: BaseException) -> bool:
    """Whether the server ended a transaction because this process was at a standstill in it: nothing was written."""
    return _find_state(error) == "25P03"


def explain(error: BaseException) -> tuple[str, str | None]:
    """What a database error means, in half a sentence, and a hint."""
    if isinstance(error, DatabaseReplacedError):
        return str(error), "Put the database back, or start again with another one."
    if (known := _POSTGRESQL_REASONS.get(_find_state(error))) is not None:
        return known
    original = _find_original(error)
    name = getattr(original, "sqlite_errorname", "") or ""
    for prefix, reason, hint in _SQLITE_REASONS:
        if name.startswith(prefix):
            return reason, hint
    if isinstance(original, OSError):
        return original.strerror or type(original).__name__, "Check the path in the database URL, and the disk."
    return str(original).splitlines()[0] if str(original) else type(error).__name__, None


def _find_original(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _find_state(error: BaseException) -> str:
    """PostgreSQL's SQLSTATE; empty where there is none."""
    return getattr(_find_original(error), "sqlstate", None) or ""


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
    "25P03": ("this process stood still for too long", "Give the machine more room, then try again."),
    "42501": ("its user may not do that", "Check the permissions of the database's user."),
    "53100": ("the disk is full", "Free some space on the server and try again."),
    "53300": ("it has too many connections", "Raise max_connections of the server, or run fewer workers."),
    "55P03": ("another process keeps it locked", "Wait until the other command ends, then try again."),
    "57P01": ("the server is shutting down", "Wait until it runs again."),
    "57P02": ("the server has crashed", "Wait until it runs again."),
    "57P03": ("the server is starting", "Wait until it runs."),
}
"""By SQLSTATE. Source: PostgreSQL, appendix A, "PostgreSQL Error Codes"."""
