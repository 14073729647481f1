"""Failed attempts, and answers to requests with an idempotency key, in the database that all servers share.

Writing transactions exclude each other, so that of two attempts or requests at once the second sees the first. Keys are
kept as hashes, because they are text of a client: a user may type a password in the place of a name.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Delete, Update, delete, func, insert, select, update

from rootkeeper.access.records import StoredAnswer
from rootkeeper.access.rules import AttemptLimit, hash_text
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.database.schema import to_row
from rootkeeper.errors import InputError, JobConflictError
from rootkeeper.ledger.owners import Owner, find_owner
from rootkeeper.ledger.writer import GroupCommit, OrganizationStore, WriteTransaction

MOST_COUNTED = 20_000
MOST_ANSWERS_KEPT = 1_000
KEPT_FOR = timedelta(days=1)

_attempts = schema.failed_attempts.c


class FailureCounter(OrganizationStore):
    """Counts failed attempts of an organization.

    An attempt counts as failed from its begin until it succeeds, so that attempts at the same time, also at several
    servers, can't exceed the limit.

    :raises DatabaseError: if the database can't be written; an attempt that can't be counted isn't allowed.
    """

    def __init__(
        self, store: Store, commits: GroupCommit, organization_id: str, clock: Clock, most_kept: int = MOST_COUNTED
    ) -> None:
        super().__init__(store, commits, organization_id)
        self._clock = clock
        self._most_kept = most_kept

    def begin_attempt(self, limits: Sequence[AttemptLimit]) -> str | None:
        """Return the attempt's id; ``None``, without counting it, if a limit says to wait."""
        attempt_id = f"f-{secrets.token_hex(8)}"

        def work(transaction: WriteTransaction) -> str | None:
            now, connection = self._clock.now(), transaction.connection
            if any(self._find_wait(connection, limit, now) for limit in limits):
                return None
            own = delete_surplus(
                connection, _attempts.attempt_id, self._organization_id, now, len(limits), self._most_kept
            )
            rows = [
                own | {"attempt_id": attempt_id, "key_hash": hash_text(x.key), "ends_at": now + x.within}
                for x in limits
            ]
            connection.execute(insert(schema.failed_attempts), rows)
            return attempt_id

        return self._commits.run(work)

    def find_wait_seconds(self, limits: Sequence[AttemptLimit]) -> int:
        """Return how long the next attempt must wait, rounded up."""
        now = self._clock.now()
        with reading(self._store) as connection:
            longest = max(self._find_wait(connection, limit, now) for limit in limits)
        return math.ceil(longest.total_seconds())

    def remove_attempt(self, attempt_id: str) -> None:
        """Don't count an attempt, because it succeeded. Harmless if it isn't known any more."""
        self._execute(delete(schema.failed_attempts).where(self._is_own, _attempts.attempt_id == attempt_id))

    def _find_wait(self, connection: Connection, limit: AttemptLimit, now: datetime) -> timedelta:
        is_counted = self._is_own & (_attempts.ends_at > now) & (_attempts.key_hash == hash_text(limit.key))
        counted = select(_attempts.ends_at).where(is_counted).order_by(_attempts.ends_at)
        return limit.find_wait([ends_at - limit.within for ends_at in connection.execute(counted).scalars()], now)

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _attempts.organization_id == self._organization_id


def delete_surplus(
    connection: Connection, key: Column[Any], organization_id: str, now: datetime, new_rows: int, most_kept: int
) -> dict[str, object]:
    """Delete rows that have ended and, to make room for new rows, the rows that end first.

    :param key: the column that identifies a row; its table has the columns ``organization_id`` and ``ends_at``.
    :return: the part of a new row that names its organization.
    """
    table, columns = key.table, key.table.c
    is_own = columns.organization_id == organization_id
    connection.execute(delete(table).where(is_own, columns.ends_at <= now))
    kept: int = connection.execute(select(func.count()).select_from(table).where(is_own)).scalar_one()
    surplus = kept + new_rows - most_kept
    if surplus > 0:
        first = select(key).where(is_own).order_by(columns.ends_at).limit(surplus)
        connection.execute(delete(table).where(is_own, key.in_(first)))
    return {"organization_id": organization_id}


_answers = schema.kept_answers.c


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """Answers to requests of an organization, each under a key of the client; kept for a day.

    :raises DatabaseError: if the database can't be written.
    """

    commits: GroupCommit
    organization_id: str
    clock: Clock
    owner: Callable[[], Owner]
    most_kept: int = MOST_ANSWERS_KEPT

    def claim(self, key: str, fingerprint: str) -> StoredAnswer | None:
        """Return the answer that the request of this key got; ``None`` if the caller must answer it now.

        A claim ends with its process.

        :raises InputError: if the key was used for a request of another fingerprint.
        :raises JobConflictError: if the first request of this key is still being answered.
        """
        owner_id = self.owner().owner_id

        def work(transaction: WriteTransaction) -> StoredAnswer | None:
            connection = transaction.connection
            now = self.clock.now()
            own = delete_surplus(connection, _answers.key_hash, self.organization_id, now, 1, self.most_kept)
            row = connection.execute(select(schema.kept_answers).where(self._is(key))).one_or_none()
            if row is not None:
                if row.fingerprint != fingerprint:
                    raise InputError(
                        "This Idempotency-Key was used for another request.", hint="Use a new key for each request."
                    )
                if row.status is not None:
                    return StoredAnswer(row.status, row.media_type, row.body)
                # The process that claimed the request may have died before it answered.
                owner = find_owner(connection, row.claimed_by)
                if owner is not None and not owner.is_dead(now):
                    raise JobConflictError(
                        "The same request is in progress.", hint="Wait for its answer, or try again later."
                    )
                connection.execute(delete(schema.kept_answers).where(self._is(key)))
            new = {
                "key_hash": hash_text(key),
                "fingerprint": fingerprint,
                "claimed_by": owner_id,
                "ends_at": now + KEPT_FOR,
            }
            connection.execute(insert(schema.kept_answers).values(own | new))
            return None

        return self.commits.run(work)

    def keep(self, key: str, answer: StoredAnswer) -> None:
        """Keep the answer to a claimed request; does nothing if another process has the claim by now."""
        self._change_claimed(key, update(schema.kept_answers).values(to_row(answer)))

    def release(self, key: str) -> None:
        """Drop the claim, so that a repeat is answered; does nothing if another process has the claim by now."""
        self._change_claimed(key, delete(schema.kept_answers))

    def _is(self, key: str) -> ColumnElement[bool]:
        return (_answers.organization_id == self.organization_id) & (_answers.key_hash == hash_text(key))

    def _change_claimed(self, key: str, statement: Update | Delete) -> None:
        is_own = _answers.claimed_by == self.owner().owner_id
        claimed = statement.where(self._is(key), is_own, _answers.status.is_(None))
        self.commits.run(lambda transaction: transaction.connection.execute(claimed).rowcount)
