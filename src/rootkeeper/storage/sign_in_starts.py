"""Sign-ins that somebody began at an identity provider, each taken once; of what proves them only hashes are kept."""

from __future__ import annotations

import hashlib

from sqlalchemy import ColumnElement, delete, func, insert, select

from rootkeeper.ports.clock import Clock
from rootkeeper.ports.identity_providers import SignInStart
from rootkeeper.storage import access_schema
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.transactions import WriteTransaction

MOST_KEPT = 10_000
"""Of more the ones that end first are forgotten."""

_starts = access_schema.sign_in_starts.c


class SqlSignInStarts:
    """Those of one organization; implements the port SignInStarts."""

    def __init__(self, commits: GroupCommit, organization_id: str, clock: Clock, most_kept: int = MOST_KEPT) -> None:
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock
        self._most_kept = most_kept

    def keep(self, secret: str, start: SignInStart) -> None:
        row = {
            "organization_id": self._organization_id,
            "secret_hash": _hash(secret),
            "started_at": start.started_at,
            "ends_at": start.ends_at,
            "return_to": start.return_to,
            "session_id": start.session_id,
        }

        def work(transaction: WriteTransaction) -> None:
            self._forget_old(transaction)
            transaction.connection.execute(insert(access_schema.sign_in_starts).values(row))

        self._commits.run(work)

    def take(self, secret: str) -> SignInStart | None:
        is_it = self._is_own & (_starts.secret_hash == _hash(secret))

        def work(transaction: WriteTransaction) -> SignInStart | None:
            row = transaction.connection.execute(select(access_schema.sign_in_starts).where(is_it)).one_or_none()
            transaction.connection.execute(delete(access_schema.sign_in_starts).where(is_it))
            if row is None or row.ends_at <= self._clock.now():
                return None
            return SignInStart(row.started_at, row.ends_at, row.return_to, row.session_id)

        return self._commits.run(work)

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _starts.organization_id == self._organization_id

    def _forget_old(self, transaction: WriteTransaction) -> None:
        connection = transaction.connection
        connection.execute(
            delete(access_schema.sign_in_starts).where(self._is_own, _starts.ends_at <= self._clock.now())
        )
        kept = connection.execute(select(func.count()).select_from(access_schema.sign_in_starts).where(self._is_own))
        surplus = kept.scalar_one() + 1 - self._most_kept
        if surplus > 0:
            oldest = select(_starts.secret_hash).where(self._is_own).order_by(_starts.ends_at).limit(surplus)
            connection.execute(
                delete(access_schema.sign_in_starts).where(self._is_own, _starts.secret_hash.in_(oldest))
            )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
