"""Failed attempts and repeated answers in the database.

Failed attempts in the database, counted by all servers on it together; old ones are forgotten on the way.

Writing transactions exclude each other (see ``dialects``), so that of two attempts at once the second sees the
first.

Answers that are given again, in the database: so a repeat at another server gets the same one.

Writing transactions exclude each other (see ``dialects``), so that of two requests at once one is answered. Keys are
kept as hashes: they are text of whoever asks.

Where failures are counted by all servers of one database together.

Where answers are kept that are given again, for all servers of one database together.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from rootkeeper.access.records import StoredAnswer
from rootkeeper.access.rules import AttemptLimit
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.errors import InputError, JobConflictError
from rootkeeper.ledger.owners import Owner, find_owner
from rootkeeper.ledger.writer import GroupCommit, WriteTransaction

MOST_COUNTED = 20_000
"""Of more rows the ones that end first are forgotten."""


_attempts = schema.failed_attempts.c


class SqlFailureCounter:
    """The failures of one organization; implements the port FailureCounter."""

    def __init__(self, commits: GroupCommit, organization_id: str, clock: Clock, most_kept: int = MOST_COUNTED) -> None:
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock
        self._most_kept = most_kept

    def begin_attempt(self, limits: Sequence[AttemptLimit]) -> str | None:
        attempt_id = f"f-{secrets.token_hex(8)}"

        def work(transaction: WriteTransaction) -> str | None:
            now, connection = self._clock.now(), transaction.connection
            connection.execute(delete(schema.failed_attempts).where(self._is_own, _attempts.ends_at <= now))
            if any(self._count(connection, limit) >= limit.most for limit in limits):
                return None
            self._make_room(connection, len(limits))
            connection.execute(
                insert(schema.failed_attempts), [self._describe(attempt_id, limit, now) for limit in limits]
            )
            return attempt_id

        return self._commits.run(work)

    def remove_attempt(self, attempt_id: str) -> None:
        statement = delete(schema.failed_attempts).where(self._is_own, _attempts.attempt_id == attempt_id)
        self._commits.run(lambda transaction: transaction.connection.execute(statement).rowcount)

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _attempts.organization_id == self._organization_id

    def _select_count(self) -> Select[Any]:
        return select(func.count()).select_from(schema.failed_attempts).where(self._is_own)

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
        connection.execute(delete(schema.failed_attempts).where(self._is_own, _attempts.attempt_id.in_(first)))

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


KEPT_FOR = timedelta(days=1)


MOST_ANSWERS_KEPT = 1_000
"""Of more answers the oldest are forgotten."""


_answers = schema.kept_answers.c


class SqlStoredAnswers:
    """The answers of one organization; implements the port StoredAnswers."""

    def __init__(
        self,
        commits: GroupCommit,
        organization_id: str,
        clock: Clock,
        owner: Callable[[], Owner],
        most_kept: int = MOST_ANSWERS_KEPT,
    ) -> None:
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock
        self._owner = owner
        self._most_kept = most_kept

    def claim(self, key: str, fingerprint: str) -> StoredAnswer | None:
        owner_id = self._owner().owner_id

        def work(transaction: WriteTransaction) -> StoredAnswer | None:
            connection = transaction.connection
            self._forget_old(connection)
            row = connection.execute(select(schema.kept_answers).where(self._is(key))).one_or_none()
            if row is not None:
                _require_same(row, fingerprint)
                if row.status is not None:
                    return StoredAnswer(row.status, row.media_type, row.body)
                self._require_abandoned(connection, row)
            self._claim(connection, key, fingerprint, owner_id)
            return None

        return self._commits.run(work)

    def keep(self, key: str, answer: StoredAnswer) -> None:
        values = {"status": answer.status, "media_type": answer.media_type, "body": answer.body}
        statement = update(schema.kept_answers).where(self._is_claimed(key)).values(values)
        self._commits.run(lambda transaction: transaction.connection.execute(statement).rowcount)

    def release(self, key: str) -> None:
        statement = delete(schema.kept_answers).where(self._is_claimed(key))
        self._commits.run(lambda transaction: transaction.connection.execute(statement).rowcount)

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _answers.organization_id == self._organization_id

    def _is(self, key: str) -> ColumnElement[bool]:
        return self._is_own & (_answers.key_hash == _hash(key))

    def _is_claimed(self, key: str) -> ColumnElement[bool]:
        return self._is(key) & (_answers.claimed_by == self._owner().owner_id) & _answers.status.is_(None)

    def _claim(self, connection: Connection, key: str, fingerprint: str, owner_id: str) -> None:
        connection.execute(delete(schema.kept_answers).where(self._is(key)))
        connection.execute(
            insert(schema.kept_answers).values(
                organization_id=self._organization_id,
                key_hash=_hash(key),
                fingerprint=fingerprint,
                claimed_by=owner_id,
                ends_at=self._clock.now() + KEPT_FOR,
            )
        )

    def _require_abandoned(self, connection: Connection, row: Row[Any]) -> None:
        """Whoever claimed it may have died before it answered."""
        owner = find_owner(connection, row.claimed_by)
        if owner is not None and not owner.is_dead(self._clock.now()):
            raise JobConflictError("The same request is being answered.", hint="Wait for it, or ask again later.")

    def _forget_old(self, connection: Connection) -> None:
        connection.execute(delete(schema.kept_answers).where(self._is_own, _answers.ends_at <= self._clock.now()))
        kept = connection.execute(select(func.count()).select_from(schema.kept_answers).where(self._is_own))
        surplus = kept.scalar_one() + 1 - self._most_kept
        if surplus > 0:
            oldest = select(_answers.key_hash).where(self._is_own).order_by(_answers.ends_at).limit(surplus)
            connection.execute(delete(schema.kept_answers).where(self._is_own, _answers.key_hash.in_(oldest)))


def _require_same(row: Row[Any], fingerprint: str) -> None:
    if row.fingerprint != fingerprint:
        raise InputError("This Idempotency-Key was used for another request.", hint="Take a new key for each request.")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


class FailureCounter(Protocol):
    """Counts failed attempts of one organization.

    An attempt counts as failed from its beginning on, until it is forgiven: so attempts that come at once, at however
    many servers, are counted as if one came after the other.

    :raises DatabaseError: if the database can't be written: nobody tries anything uncounted.
    """

    def begin_attempt(self, limits: Sequence[AttemptLimit]) -> str | None:
        """The attempt's id; ``None`` if one of its limits is reached, and then it isn't counted either."""
        ...

    def remove_attempt(self, attempt_id: str) -> None:
        """It succeeded, and doesn't count; nothing if it isn't known any more."""
        ...


class StoredAnswers(Protocol):
    """Answers to requests of one organization, each under a key of whoever asked; kept for a day.

    :raises DatabaseError: if the database can't be written.
    """

    def claim(self, key: str, fingerprint: str) -> StoredAnswer | None:
        """The answer that the request of this key got; ``None`` if it is the caller's to answer, once.

        A claim ends with its process.

        :raises InputError: if the key was used for a request of another fingerprint.
        :raises JobConflictError: if the first request of this key is still being answered.
        """
        ...

    def keep(self, key: str, answer: StoredAnswer) -> None:
        """The answer to a claimed request; nothing if the claim is another's by now."""
        ...

    def release(self, key: str) -> None:
        """Answer it anew when it comes again; nothing if the claim is another's by now."""
        ...
