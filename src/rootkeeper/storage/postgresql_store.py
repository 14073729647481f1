"""A database in PostgreSQL, which many workers share.

Writers queue at an advisory lock of the transaction, which a pooler of transactions doesn't break, and each append
keeps the head's row besides.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError

from rootkeeper.errors import DatabaseError
from rootkeeper.storage.dialects import CHECKOUT_SECONDS, POOLED_CONNECTIONS, CommitOutcome, begin_writing, is_writing

_ADVISORY_LOCK = 7_310_011
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
_LIFE = "rootkeeper_life"
_SELECT_LIFE = (
    "SELECT concat_ws('/', extract(epoch FROM pg_postmaster_start_time()), extract(epoch FROM stats_reset)) "
    "FROM pg_stat_bgwriter"
)
"""From one start of the server, or recovery from a crash, to the next. After a crash it gives out again the numbers of
transactions that it lost, so that a number tells nothing of an earlier life. The start alone doesn't show a recovery
within it, which forgets the statistics. Source: PostgreSQL, "The Cumulative Statistics System".
"""
_COMMIT_OUTCOMES = {"aborted": CommitOutcome.NOT_COMMITTED, "committed": CommitOutcome.COMMITTED}
_QUEUE_AND_NAME = f"SELECT pg_current_xact_id()::text, pg_advisory_xact_lock({_ADVISORY_LOCK})"
_COMMIT_POLL_SECONDS = 0.1
_TRUSTED_SECONDS = 1.0
"""A pooled connection that was used so lately isn't asked whether it lives: that would cost as much as a statement."""
_USED_AT = "rootkeeper_used_at"
_SELECT_COMMIT_OUTCOME = "SELECT pg_xact_status(CAST(CAST(:transaction AS text) AS xid8))"


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
                pool_size=POOLED_CONNECTIONS,
                max_overflow=POOLED_CONNECTIONS,
                pool_timeout=CHECKOUT_SECONDS,
            )
        except ModuleNotFoundError as error:
            raise DatabaseError(
                "PostgreSQL needs the driver psycopg, which isn't installed.", hint="pip install 'psycopg[binary]'"
            ) from error
        event.listen(self._engine, "begin", self._begin)
        event.listen(self._engine, "checkout", self._require_alive)
        event.listen(self._engine, "checkin", _note_use)

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def place(self) -> str:
        return self._url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path | None:
        return None

    @property
    def glance_options(self) -> Mapping[str, Any]:
        return {"isolation_level": "AUTOCOMMIT"}

    def exists(self) -> bool:
        return True

    def create(self) -> None:
        """The database's administrator makes it."""

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, begin_writing(connection).begin():
            yield connection

    def require_in_place(self, connection: Connection) -> None:
        """A lost connection shows at the commit itself."""

    def require_in_transaction(self, connection: Connection) -> None:
        """A failed transaction shows at the commit itself."""

    def find_transaction_id(self, connection: Connection) -> str | None:
        """PostgreSQL's own number, and its server's life; whoever loses the connection at the commit can't know
        otherwise what came of it.
        """
        return f"{connection.info[_NAME]} {connection.info[_LIFE]}"

    def find_commit_outcome(self, transaction: str) -> CommitOutcome:
        number, _, life = transaction.partition(" ")
        deadline = time.monotonic() + self._busy_timeout_seconds
        while (fate := self._find_settled(number, life)) is None and time.monotonic() < deadline:
            time.sleep(_COMMIT_POLL_SECONDS)
        return fate or CommitOutcome.NOT_COMMITTED

    def _find_settled(self, number: str, life: str) -> CommitOutcome | None:
        """``None`` while it is in progress, or nobody can be asked."""
        try:
            with self._engine.connect() as connection:
                if connection.exec_driver_sql(_SELECT_LIFE).scalar_one() != life:
                    return CommitOutcome.ENDED
                status = connection.execute(text(_SELECT_COMMIT_OUTCOME), {"transaction": number}).scalar_one_or_none()
                return _COMMIT_OUTCOMES.get(status or "")
        except SQLAlchemyError:
            return None

    def _require_alive(self, connection: Any, record: Any, _proxy: Any) -> None:
        """:raises InvalidatePoolError: if the server has closed it, and so all that are older than now."""
        if time.monotonic() - record.info.get(_USED_AT, float("-inf")) < _TRUSTED_SECONDS:
            return
        dialect = self._engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    def _begin(self, connection: Connection) -> None:
        """Writers queue at one lock, taken before the snapshot is, so that each sees what the one before wrote."""
        if not is_writing(connection):
            return
        milliseconds = int(self._busy_timeout_seconds * 1000)
        connection.exec_driver_sql(_SETTLE_WRITING.format(milliseconds=milliseconds))
        if _LIFE not in connection.info:  # which ends with the connection
            connection.info[_LIFE] = connection.exec_driver_sql(_SELECT_LIFE).scalar_one()
        connection.info[_NAME] = connection.exec_driver_sql(_QUEUE_AND_NAME).scalars().one()


def _note_use(_connection: Any, record: Any) -> None:
    record.info[_USED_AT] = time.monotonic()
