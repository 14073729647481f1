"""Answers that are given again, in the database: so a repeat at another server gets the same one.

Writing transactions exclude each other (see ``dialects``), so that of two requests at once one is answered. Keys are
kept as hashes: they are text of whoever asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from rootkeeper.domain.kept_answers import StoredAnswer
from rootkeeper.errors import InputError, JobConflictError
from rootkeeper.ports.clock import Clock
from rootkeeper.storage import schema
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.owners import Owner, find_owner
from rootkeeper.storage.transactions import WriteTransaction

KEPT_FOR = timedelta(days=1)
MOST_KEPT = 1_000
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
        most_kept: int = MOST_KEPT,
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
