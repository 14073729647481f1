"""Which of the processes on one database this is, and which of the others are gone.

On PostgreSQL each worker holds the advisory lock of a slot, on a connection that does nothing else. A process that dies
loses it with its connection. One that was stopped keeps its connections, so the server itself ends a session that was
silent for some seconds: it hangs on no clock but the server's, and on no packet. A worker that wakes finds that out at
its next beat and takes its slot again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.errors import DatabaseError

SILENCE_SECONDS = 4
"""The server ends the session of a worker that is silent for so long."""
BEAT_SECONDS = 1.0

_LOCKS = 7_310_012
"""The first half of the advisory locks' keys; the second is the slot."""
_PROBE = 0
"""No slot: a lock that only tells whether locks stay with their connection."""
_MOST_SLOTS = 4096
_POOLER = (
    "The connection to PostgreSQL goes through a pooler that shares sessions among clients, and locks of workers don't "
    "survive that."
)
_POOLER_HINT = "Connect to PostgreSQL itself, or use the pooler's session mode."


class Slots(Protocol):
    """The slots of one database; used from one thread at a time."""

    @property
    def executor_id(self) -> str:
        """What the engine calls this process while it holds its slot."""
        ...

    def take(self) -> None:
        """Take any free slot.

        :raises DatabaseError: if there is none, or the database can't be asked.
        """
        ...

    def beat(self) -> bool:
        """Show that this process lives; ``False`` if its slot is lost."""
        ...

    def take_again(self) -> bool:
        """Take the slot again that was lost; ``False`` while another process has it.

        :raises DatabaseError: if the database can't be asked.
        """
        ...

    @contextmanager
    def holding(self, executor_id: str) -> Iterator[bool]:
        """Hold the slot of another process, if that is gone; else ``False``.

        :raises DatabaseError: if the database can't be asked.
        """
        ...

    def release(self) -> None:
        """Let others have it, and what is left of this process's work."""
        ...


class SingleSlot:
    """The one process that may run on a file; implements Slots."""

    executor_id = "local"

    def take(self) -> None:
        """A server holds a lock on the file besides."""

    def beat(self) -> bool:
        return True

    def take_again(self) -> bool:
        return True

    @contextmanager
    def holding(self, executor_id: str) -> Iterator[bool]:  # noqa: ARG002 - the shape is the port's
        """There are no others."""
        yield False

    def release(self) -> None:
        """Nothing is held."""


class WorkerSlots:
    """Slots by advisory locks of PostgreSQL; implements Slots."""

    def __init__(self, url: URL, connect_args: Mapping[str, Any], silence_seconds: int = SILENCE_SECONDS) -> None:
        self._silence_seconds = silence_seconds
        self._place = url.render_as_string(hide_password=True)
        self._engine: Engine = create_engine(
            url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=dict(connect_args)
        )
        self._connection: Connection | None = None
        self._slot = 0

    @property
    def executor_id(self) -> str:
        return name_executor(self._slot)

    def take(self) -> None:
        with self._explained():
            connection = self._open()
            taken = (slot for slot in range(1, _MOST_SLOTS) if _try_lock(connection, slot))
            self._slot = next(taken, 0)
        if not self._slot:
            self.release()
            raise DatabaseError(f"All {_MOST_SLOTS - 1} slots for workers on {self._place} are taken.")

    def beat(self) -> bool:
        """One statement on the connection that holds the lock."""
        if self._connection is None:
            return False
        try:
            self._connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            self._drop()
            return False
        return True

    def take_again(self) -> bool:
        with self._explained():
            if _try_lock(self._open(), self._slot):
                return True
        self._drop()
        return False

    @contextmanager
    def holding(self, executor_id: str) -> Iterator[bool]:
        slot = parse_executor(executor_id)
        if slot is None or slot == self._slot or self._connection is None:
            yield False
            return
        connection = self._connection
        with self._explained():
            has_lock = _try_lock(connection, slot)
        try:
            yield has_lock
        finally:
            if has_lock:
                with self._explained():
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCKS}, {slot})")

    def release(self) -> None:
        self._drop()
        self._engine.dispose()

    def _open(self) -> Connection:
        self._drop()
        self._connection = self._engine.connect()
        ensure_own_session(self._connection, self._engine.connect)
        self._connection.exec_driver_sql(f"SET idle_session_timeout = '{self._silence_seconds}s'")
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            self._drop()
            raise DatabaseError(
                f"The database {self._place} can't be asked for a worker's slot: {describe(error)}.",
                hint="PostgreSQL 14 or newer must answer.",
            ) from error
        except DatabaseError:
            self._drop()
            raise


def name_executor(slot: int) -> str:
    return f"worker-{slot}"


def parse_executor(executor_id: str) -> int | None:
    """The slot; ``None`` if it isn't a worker's name."""
    prefix, _, number = executor_id.rpartition("-")
    return int(number) if prefix == "worker" and number.isdecimal() else None


def describe(error: SQLAlchemyError) -> str:
    """Its first line, which holds no parameters."""
    original = getattr(error, "orig", None) or error
    return (str(original).splitlines() or [type(original).__name__])[0].rstrip(".")


def ensure_own_session(connection: Connection, connect: Callable[[], Connection]) -> None:
    """Check that what is locked on a connection stays with it, by using a second one in between.

    A pooler that shares sessions hands the second client the session of the first, or the first one another session at
    its next statement.

    :raises DatabaseError: if so.
    """
    before, _ = _ask_row(connection, f"SELECT pg_backend_pid(), pg_try_advisory_lock_shared({_LOCKS}, {_PROBE})")
    with connect() as other:
        between = _ask(other, "SELECT pg_backend_pid()")
        statement = f"SELECT pg_backend_pid(), pg_advisory_unlock_shared({_LOCKS}, {_PROBE})"
        after, was_held = _ask_row(connection, statement)
    if between in (before, after) or before != after or not was_held:
        raise DatabaseError(_POOLER, hint=_POOLER_HINT)


def _ask_row(connection: Connection, statement: str) -> tuple[Any, Any]:
    first, second = connection.exec_driver_sql(statement).one()
    return first, second


def _ask(connection: Connection, statement: str) -> Any:
    return connection.exec_driver_sql(statement).scalar()


def _try_lock(connection: Connection, slot: int) -> bool:
    return bool(_ask(connection, f"SELECT pg_try_advisory_lock({_LOCKS}, {slot})"))
