"""Users, API tokens and sign-ins in the database. Of what proves them only hashes are kept.

A token is 256 random bits, so that SHA-256 of it is as good as a slow hash and is found by an index; a password isn't,
so that argon2 hashes it, outside of the writer's thread.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Row, Select, delete, insert, select, update

from rootkeeper.domain.access import Identity, IdentityKind, ServerRole
from rootkeeper.domain.identity_names import fold_name
from rootkeeper.errors import DatabaseError, InputError, NotFoundError
from rootkeeper.ports.clock import Clock
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

USE_NOTED_EVERY = timedelta(minutes=1)
"""The last use is written at most so often, since every request is one."""

_columns = schema.identities.c
_sign_ins = schema.sign_ins.c


class SqlIdentities:
    """The identities of one organization; implements the port IdentityStore."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, clock: Clock) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock

    def add_user(self, identity: Identity, password: str) -> None:
        self._add(identity, _hasher().hash(_to_bytes(password)))

    def add_token(self, identity: Identity, token: str) -> None:
        self._add(identity, hash_token(token))

    def find_by_token(self, token: str) -> Identity | None:
        """See the port; the use is noted."""
        now, token_hash = self._clock.now(), hash_token(token)
        with reading(self._store) as connection:
            row = connection.execute(self._select_by_token(token_hash)).one_or_none()
            if row is None:
                row = connection.execute(self._select_by_sign_in(token_hash, now)).one_or_none()
        if row is None or not _parse(row).is_usable(now):
            return None
        self._note_use(row, now)
        return _parse(row)

    def sign_in(self, name: str, password: str, token: str, expires_at: datetime) -> Identity | None:
        """See the port; the password is hashed before the writer's thread is kept waiting."""
        with reading(self._store) as connection:
            row = connection.execute(self._select_by_name(name)).one_or_none()
        is_user = row is not None and row.kind == IdentityKind.USER.value
        is_right = _verify(row.proof_hash if row is not None and is_user else _decoy_hash(), password)
        if row is None or not is_user or not is_right:
            return None
        now, token_hash = self._clock.now(), hash_token(token)
        unchanged = self._select_by_name(name).where(_columns.proof_hash == row.proof_hash).with_for_update()

        def work(transaction: WriteTransaction) -> Identity | None:
            found = transaction.connection.execute(unchanged).one_or_none()
            if found is None or not _parse(found).is_usable(now):
                return None
            transaction.connection.execute(
                insert(schema.sign_ins).values(
                    token_hash=token_hash,
                    organization_id=self._organization_id,
                    identity_id=found.identity_id,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
            return _parse(found)

        return self._commits.run(work)

    def end_sign_in(self, token: str) -> None:
        token_hash = hash_token(token)
        statement = delete(schema.sign_ins).where(
            _sign_ins.token_hash == token_hash, _sign_ins.organization_id == self._organization_id
        )
        self._commits.run(lambda transaction: _execute(transaction, statement))

    def get(self, name: str) -> Identity:
        return _parse(self._read(name))

    def list_identities(self) -> tuple[Identity, ...]:
        statement = self._select().order_by(_columns.kind, _columns.folded_name)
        with reading(self._store) as connection:
            return tuple(_parse(row) for row in connection.execute(statement))

    def disable(self, name: str, at: datetime) -> Identity:
        return self._change(name, lambda row: {"disabled_at": row.disabled_at or at}, ends_sign_ins=True)

    def set_role(self, name: str, role: ServerRole) -> Identity:
        return self._change(name, lambda row: _of_user(row, {"role": role.value}))

    def set_password(self, name: str, password: str) -> Identity:
        """See the port; hashed before the writer's thread is kept waiting."""
        _of_user(self._read(name), {})
        proof_hash = _hasher().hash(_to_bytes(password))
        return self._change(name, lambda row: _of_user(row, {"proof_hash": proof_hash}), ends_sign_ins=True)

    def _add(self, identity: Identity, proof_hash: str) -> None:
        def work(transaction: WriteTransaction) -> None:
            if transaction.connection.execute(self._select_by_name(identity.name)).one_or_none() is not None:
                raise InputError(
                    f"There is a user or token of the name {identity.name} already.",
                    hint="Take another name: that of a disabled one stays taken, since the ledger names it.",
                )
            transaction.connection.execute(
                insert(schema.identities).values(
                    organization_id=self._organization_id,
                    folded_name=fold_name(identity.name),
                    proof_hash=proof_hash,
                    **_describe(identity),
                )
            )

        self._commits.run(work)

    def _change(
        self, name: str, change: Callable[[Row[Any]], dict[str, object]], *, ends_sign_ins: bool = False
    ) -> Identity:
        def work(transaction: WriteTransaction) -> Identity:
            connection = transaction.connection
            row = _ensure_found(connection.execute(self._select_by_name(name)).one_or_none(), name)
            is_it = _columns.identity_id == row.identity_id
            connection.execute(update(schema.identities).where(is_it).values(**change(row)))
            if ends_sign_ins:
                connection.execute(delete(schema.sign_ins).where(_sign_ins.identity_id == row.identity_id))
            return _parse(connection.execute(self._select_by_name(name)).one())

        return self._commits.run(work)

    def _note_use(self, row: Row[Any], now: datetime) -> None:
        """A database that can't be written keeps nobody from reading."""
        if row.last_used_at is not None and now - row.last_used_at < USE_NOTED_EVERY:
            return
        statement = update(schema.identities).where(_columns.identity_id == row.identity_id).values(last_used_at=now)
        with suppress(DatabaseError):
            self._commits.run(lambda transaction: _execute(transaction, statement))

    def _read(self, name: str) -> Row[Any]:
        with reading(self._store) as connection:
            return _ensure_found(connection.execute(self._select_by_name(name)).one_or_none(), name)

    def _select(self) -> Select[Any]:
        return select(schema.identities).where(_columns.organization_id == self._organization_id)

    def _select_by_name(self, name: str) -> Select[Any]:
        return self._select().where(_columns.folded_name == fold_name(name))

    def _select_by_token(self, token_hash: str) -> Select[Any]:
        return self._select().where(_columns.proof_hash == token_hash, _columns.kind == IdentityKind.TOKEN.value)

    def _select_by_sign_in(self, token_hash: str, now: datetime) -> Select[Any]:
        return (
            self._select()
            .join(schema.sign_ins, _sign_ins.identity_id == _columns.identity_id)
            .where(_sign_ins.token_hash == token_hash, _sign_ins.expires_at > now)
        )


def hash_token(token: str) -> str:
    """What is kept of a token: it is random, so that nobody can guess it from this."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


@cache
def _hasher() -> PasswordHasher:
    """Argon2id with the library's parameters. Source: RFC 9106, section 4, the second recommended option."""
    return PasswordHasher()


@cache
def _decoy_hash() -> str:
    """What an unknown name's password is compared with, so that it takes as long."""
    return _hasher().hash(secrets.token_urlsafe())


def _verify(proof_hash: str, password: str) -> bool:
    try:
        return _hasher().verify(proof_hash, _to_bytes(password))
    except (VerifyMismatchError, InvalidHashError):
        return False


def _to_bytes(password: str) -> bytes:
    """Also of text that isn't valid Unicode, as JSON may hold it: that is a wrong password and not a mistake."""
    return password.encode(errors="surrogatepass")


def _execute(transaction: WriteTransaction, statement: Any) -> None:
    transaction.connection.execute(statement)


def _ensure_found(row: Row[Any] | None, name: str) -> Row[Any]:
    if row is None:
        raise NotFoundError(
            f"There is no user or token of the name {name}.",
            hint="See them: rootkeeper users list, rootkeeper token list",
        )
    return row


def _of_user(row: Row[Any], values: dict[str, object]) -> dict[str, object]:
    if row.kind != IdentityKind.USER.value:
        raise InputError(f"{row.name} is a token; it stays as it was made.", hint="Revoke it, and create another one.")
    return values


def _describe(identity: Identity) -> dict[str, object]:
    return {
        "identity_id": identity.identity_id,
        "kind": identity.kind.value,
        "name": identity.name,
        "role": identity.role.value,
        "created_by": identity.created_by,
        "created_at": identity.created_at,
        "expires_at": identity.expires_at,
        "disabled_at": identity.disabled_at,
        "last_used_at": identity.last_used_at,
    }


def _parse(row: Row[Any]) -> Identity:
    return Identity(
        identity_id=row.identity_id,
        kind=IdentityKind(row.kind),
        name=row.name,
        role=ServerRole(row.role),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        disabled_at=row.disabled_at,
        last_used_at=row.last_used_at,
    )
