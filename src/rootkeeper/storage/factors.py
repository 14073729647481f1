"""Second factors of users in the database.

What an authenticator app's codes are made from must be read again at each sign-in, so that it can't be hashed: it is
encrypted by a key that isn't in the database. Of a passkey only its public key is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update

from rootkeeper.domain.factors import ChallengePurpose, Factor, Passkey, TotpFactor
from rootkeeper.domain.sessions import FactorKind
from rootkeeper.errors import InputError
from rootkeeper.storage import access_schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

_factors = access_schema.factors.c
_challenges = access_schema.factor_challenges.c


class SecretCipher(Protocol):
    """Encrypts what mustn't be read from the database alone."""

    def require_known(self, connection: Connection) -> None: ...

    def seal(self, text: str, context: str) -> str: ...

    def unseal(self, sealed: str, context: str) -> str: ...


class SqlFactors:
    """The factors of one organization; implements the port FactorStore."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, sealing: SecretCipher | None) -> None:
        """:param sealing: ``None`` where codes of authenticator apps are neither made nor checked."""
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._known_cipher = sealing

    def list_factors(self, identity_id: str) -> tuple[Factor, ...]:
        return tuple(_parse(row) for row in self._read(self._select_confirmed(identity_id)))

    # Authenticator apps.

    def begin_totp(self, factor: Factor, secret: str) -> None:
        sealing = self._cipher
        row = self._describe(factor) | {"sealed_seed": sealing.seal(secret, factor.factor_id), "last_step": 0}
        others = delete(access_schema.factors).where(self._is_of(factor.identity_id), _factors.confirmed_at.is_(None))

        def work(transaction: WriteTransaction) -> None:
            sealing.require_known(transaction.connection)
            transaction.connection.execute(others)
            transaction.connection.execute(insert(access_schema.factors).values(row))

        self._commits.run(work)

    def find_waiting_totp(self, identity_id: str, since: datetime) -> TotpFactor | None:
        statement = self._select(identity_id).where(_factors.confirmed_at.is_(None), _factors.created_at >= since)
        rows = self._read(statement)
        return self._parse_totp(rows[-1]) if rows else None

    def confirm_totp(self, factor_id: str, step: int, at: datetime) -> bool:
        waits = self._is_own & (_factors.factor_id == factor_id) & _factors.confirmed_at.is_(None)
        return self._update(waits, confirmed_at=at, last_used_at=at, last_step=step)

    def list_totp(self, identity_id: str) -> tuple[TotpFactor, ...]:
        statement = self._select_confirmed(identity_id).where(_factors.kind == FactorKind.TOTP.value)
        return tuple(self._parse_totp(row) for row in self._read(statement))

    def take_step(self, factor_id: str, step: int, at: datetime) -> bool:
        is_newer = self._is_own & (_factors.factor_id == factor_id) & (_factors.last_step < step)
        return self._update(is_newer & _factors.confirmed_at.is_not(None), last_step=step, last_used_at=at)

    # Passkeys.

    def add_passkey(self, passkey: Passkey) -> None:
        row = self._describe(passkey.factor) | {
            "confirmed_at": passkey.factor.created_at,
            "credential_id": passkey.credential_id.hex(),
            "public_key": passkey.public_key.hex(),
            "sign_count": passkey.sign_count,
        }
        same = select(_factors.factor_id).where(self._is_own, _factors.credential_id == row["credential_id"])

        def work(transaction: WriteTransaction) -> None:
            if transaction.connection.execute(same).first() is not None:
                raise InputError(
                    "This passkey is set up already.", hint="Use another device, or another passkey of it."
                )
            transaction.connection.execute(insert(access_schema.factors).values(row))

        self._commits.run(work)

    def list_passkeys(self, identity_id: str) -> tuple[Passkey, ...]:
        statement = self._select_confirmed(identity_id).where(_factors.kind == FactorKind.PASSKEY.value)
        return tuple(
            Passkey(_parse(row), bytes.fromhex(row.credential_id), bytes.fromhex(row.public_key), row.sign_count)
            for row in self._read(statement)
        )

    def take_sign_count(self, factor_id: str, known: int, new: int, at: datetime) -> bool:
        is_it = self._is_own & (_factors.factor_id == factor_id) & (_factors.sign_count == known)
        return self._update(is_it, sign_count=new, last_used_at=at)

    def add_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, ends_at: datetime) -> None:
        """See the port; a sign-in has one of each purpose at most."""
        own = _challenges.organization_id == self._organization_id
        mine = own & (_challenges.session_id == session_id) & (_challenges.purpose == purpose.value)
        row = {
            "challenge_hash": hash_challenge(challenge),
            "organization_id": self._organization_id,
            "session_id": session_id,
            "purpose": purpose.value,
            "ends_at": ends_at,
        }

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(delete(access_schema.factor_challenges).where(mine))
            transaction.connection.execute(insert(access_schema.factor_challenges).values(row))

        self._commits.run(work)

    def take_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, now: datetime) -> bool:
        is_it = (
            (_challenges.organization_id == self._organization_id)
            & (_challenges.challenge_hash == hash_challenge(challenge))
            & (_challenges.session_id == session_id)
            & (_challenges.purpose == purpose.value)
        )

        def work(transaction: WriteTransaction) -> bool:
            ends_at = transaction.connection.execute(select(_challenges.ends_at).where(is_it)).scalar_one_or_none()
            taken = transaction.connection.execute(delete(access_schema.factor_challenges).where(is_it)).rowcount
            return ends_at is not None and taken == 1 and now < ends_at

        return self._commits.run(work)

    # Of both kinds.

    def remove(self, identity_id: str, factor_id: str) -> Factor | None:
        is_it = self._is_of(identity_id) & (_factors.factor_id == factor_id) & _factors.confirmed_at.is_not(None)

        def work(transaction: WriteTransaction) -> Factor | None:
            row = transaction.connection.execute(select(access_schema.factors).where(is_it)).one_or_none()
            transaction.connection.execute(delete(access_schema.factors).where(is_it))
            return None if row is None else _parse(row)

        return self._commits.run(work)

    def remove_all(self, identity_id: str) -> int:
        """See the port; with the last one that is encrypted the database also forgets by which key."""
        sealed = select(_factors.factor_id).where(self._is_own, _factors.sealed_seed.is_not(None))

        def work(transaction: WriteTransaction) -> int:
            connection = transaction.connection
            confirmed = connection.execute(self._select_confirmed(identity_id)).all()
            connection.execute(delete(access_schema.factors).where(self._is_of(identity_id)))
            if connection.execute(sealed).first() is None:
                own = access_schema.key_checks.c.organization_id == self._organization_id
                connection.execute(delete(access_schema.key_checks).where(own))
            return len(confirmed)

        return self._commits.run(work)

    @property
    def _cipher(self) -> SecretCipher:
        assert self._known_cipher is not None, "no key was opened"  # noqa: S101 - a bug of ours
        return self._known_cipher

    def _read(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        with reading(self._store) as connection:
            return connection.execute(statement).all()

    def _update(self, which: ColumnElement[bool], **values: object) -> bool:
        statement = update(access_schema.factors).where(which).values(**values)
        return self._commits.run(lambda transaction: transaction.connection.execute(statement).rowcount) == 1

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _factors.organization_id == self._organization_id

    def _is_of(self, identity_id: str) -> ColumnElement[bool]:
        return self._is_own & (_factors.identity_id == identity_id)

    def _select(self, identity_id: str) -> Select[Any]:
        return (
            select(access_schema.factors)
            .where(self._is_of(identity_id))
            .order_by(_factors.created_at, _factors.factor_id)
        )

    def _select_confirmed(self, identity_id: str) -> Select[Any]:
        return self._select(identity_id).where(_factors.confirmed_at.is_not(None))

    def _describe(self, factor: Factor) -> dict[str, object]:
        return {
            "factor_id": factor.factor_id,
            "organization_id": self._organization_id,
            "identity_id": factor.identity_id,
            "kind": factor.kind.value,
            "name": factor.name,
            "created_at": factor.created_at,
        }

    def _parse_totp(self, row: Row[Any]) -> TotpFactor:
        return TotpFactor(_parse(row), self._cipher.unseal(row.sealed_seed, row.factor_id), row.last_step)


def hash_challenge(challenge: bytes) -> str:
    """What is kept of a challenge."""
    return hashlib.sha256(challenge).hexdigest()


def _parse(row: Row[Any]) -> Factor:
    return Factor(row.factor_id, row.identity_id, FactorKind(row.kind), row.name, row.created_at, row.last_used_at)
