"""Failed attempts in the database, counted by all servers on it together; old ones are forgotten on the way.

Writing transactions exclude each other (see ``dialects``), so that of two attempts at once the second sees the
first.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select

from rootkeeper.domain.attempt_limits import AttemptLimit
from rootkeeper.ports.clock import Clock
from rootkeeper.storage import access_schema
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.transactions import WriteTransaction

MOST_KEPT = 20_000
"""Of more rows the ones that end first are forgotten."""

_attempts = access_schema.failed_attempts.c


class SqlFailureCounter:
    """The failures of one organization; implements the port FailureCounter."""

    def __init__(self, commits: GroupCommit, organization_id: str, clock: Clock, most_kept: int = MOST_KEPT) -> None:
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock
        self._most_kept = most_kept

    def begin_attempt(self, limits: Sequence[AttemptLimit]) -> str | None:
        attempt_id = f"f-{secrets.token_hex(8)}"

        def work(transaction: WriteTransaction) -> str | None:
            now, connection = self._clock.now(), transaction.connection
            connection.execute(delete(access_schema.failed_attempts).where(self._is_own, _attempts.ends_at <= now))
            if any(self._count(connection, limit) >= limit.most for limit in limits):
                return None
            self._make_room(connection, len(limits))
            connection.execute(
                insert(access_schema.failed_attempts), [self._describe(attempt_id, limit, now) for limit in limits]
            )
            return attempt_id

        return self._commits.run(work)

    def remove_attempt(self, attempt_id: str) -> None:
        statement = delete(access_schema.failed_attempts).where(self._is_own, _attempts.attempt_id == attempt_id)
        self._commits.run(lambda transaction: transaction.connection.execute(statement).rowcount)

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _attempts.organization_id == self._organization_id

    def _select_count(self) -> Select[Any]:
        return select(func.count()).select_from(access_schema.failed_attempts).where(self._is_own)

    def _count(self, connection: Connection, limit: AttemptLimit) -> int:
        counted = self._select_count().where(_attempts.key_hash == hash_key(limit.key))
        found: int = connection.execute(counted).scalar_one()
        return found

    def _make_room(self, connection: Connection, rows: int) -> None:
        kept = connection.execute(self._select_count()).scalar_one()
        surplus = kept + rows - self._most_kept
        if surplus <= 0:
            return
        first = select(_attempts.attempt_id).where(self._is_own).order_by(_attempts.ends_at).limit(surplus)
        connection.execute(delete(access_schema.failed_attempts).where(self._is_own, _attempts.attempt_id.in_(first)))

    def _describe(self, attempt_id: str, limit: AttemptLimit, now: datetime) -> dict[str, object]:
        return {
            "organization_id": self._organization_id,
            "attempt_id": attempt_id,
            "key_hash": hash_key(limit.key),
            "ends_at": now + limit.within,
        }


def hash_key(key: str) -> str:
    """What is kept of a key: somebody may have typed a password where a name belongs."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
