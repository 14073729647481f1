"""What can be wrong with a database, and how it is told: the reason as half a sentence, and a hint."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from rootkeeper.database.schema import DamagedValueError
from rootkeeper.errors import Hint


class DatabaseReplacedError(SQLAlchemyError):
    """The opened database is no longer in place."""


class DatabaseLinkedError(SQLAlchemyError):
    """The file has several names, so that SQLite would keep several logs of it."""


class DatabaseDamagedError(SQLAlchemyError):
    """A page of the file is damaged, so that nothing more may be written to it."""


def was_cut_off(error: BaseException) -> bool:
    """Whether the connection was at fault, not the database, so that a new connection may succeed.

    A server ended it, perhaps because this process was idle in a transaction for too long. The reason isn't always
    known: a server that has closed the connection may have sent it to a buffer that was lost. Or the connection was
    opened while SQLite's file was read-only.
    """
    if _find_state(error) == "25P03":
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def explain(error: BaseException) -> tuple[str, str | None]:
    """Explain a database error: the reason as half a sentence, and a hint."""
    for kind, hint in _OWN_HINTS.items():
        if isinstance(error, kind):
            return str(error), hint
    state, original = _find_state(error), _find_original(error)
    if (known := _POSTGRESQL_REASONS.get(state)) is not None:
        return known
    name = getattr(original, "sqlite_errorname", "") or ""
    if state in _INCOMPLETE_STATES or str(original).startswith(("no such table", "no such column")):
        return f"it lacks a table or a column ({str(original).splitlines()[0]})", _CHECK
    for prefix, reason, hint in _SQLITE_REASONS:
        if name.startswith(prefix):
            return reason, hint
    if isinstance(original, OSError):
        return original.strerror or type(original).__name__, "Check the path in the database URL, and the disk."
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return "the connection was lost", "Check the server and the network, then try again."
    return str(original).splitlines()[0] if str(original) else type(error).__name__, None


def _find_original(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _find_state(error: BaseException) -> str:
    """Find PostgreSQL's SQLSTATE; empty if there is none."""
    return getattr(_find_original(error), "sqlstate", None) or ""


WAIT = "Wait until the other command ends, then try again."
RESTORE = Hint("Restore a backup, then verify the ledger.", "ledger.verify_backup")

_OWN_HINTS: Mapping[type[SQLAlchemyError], str] = {
    DatabaseReplacedError: "Put the right database file in its place, then start again.",
    DatabaseLinkedError: "Delete the other names. To copy a database, make a backup.",
    DatabaseDamagedError: RESTORE,
    DamagedValueError: RESTORE,
}

_CHECK = Hint("Check the database.", "database.check")
_INCOMPLETE_STATES = ("42703", "42P01")
"""An undefined column, and an undefined table. Source: PostgreSQL, "PostgreSQL Error Codes"."""

_SQLITE_REASONS = (
    ("SQLITE_FULL", "the disk is full", "Free some space and try again."),
    ("SQLITE_BUSY", "another process has locked it", WAIT),
    ("SQLITE_LOCKED", "another process has locked it", WAIT),
    ("SQLITE_READONLY", "it is read-only", "Check the permissions of the file and its folder."),
    ("SQLITE_CANTOPEN", "it can't be opened", "Check that the file and its folder exist and may be written."),
    ("SQLITE_PERM", "access is denied", "Check the permissions of the file and its folder."),
    ("SQLITE_IOERR", "reading or writing it failed", "Check the disk and its free space."),
    ("SQLITE_NOTADB", "it isn't a SQLite database", "Check the path in the database URL."),
    ("SQLITE_CORRUPT", "it is damaged", RESTORE),
)

_POSTGRESQL_REASONS: Mapping[str, tuple[str, str | None]] = {
    "25006": ("it is read-only", "Check the server, and the permissions of the database's user."),
    "25P03": ("this process was idle for too long", "Reduce the load on the machine, then try again."),
    "42501": ("its user lacks the permission", "Check the permissions of the database's user."),
    "53100": ("the disk is full", "Free some space on the server and try again."),
    "53300": ("it has too many connections", "Raise max_connections of the server, or run fewer workers."),
    "55P03": ("another process has locked it", WAIT),
    "57014": ("it took too long", "Check the load of the server, and what holds its locks."),
    "57P01": ("the server is shutting down", "Wait until it runs, then try again."),
    "57P02": ("the server has crashed", "Wait until it runs, then try again."),
    "57P03": ("the server is starting", "Wait until it runs, then try again."),
}
"""By SQLSTATE. Source: PostgreSQL, appendix A, "PostgreSQL Error Codes"."""
