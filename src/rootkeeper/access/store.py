"""Users, API tokens, sign-ins and links in the database, with hashes of their proofs only.

A token is 256 random bits, so its SHA-256 is as safe as a slow hash, and an index finds it. A password isn't random, so
argon2 hashes it, outside of the writer's thread.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update

from rootkeeper.access.links import REMOVED_LINK, PasswordLink, find_link_end, find_link_name, fits_link, is_link
from rootkeeper.access.rules import (
    FactorKind,
    Identity,
    IdentityKind,
    NewSession,
    Permission,
    ServerRole,
    Session,
    SessionKind,
    SignInWay,
    fold_name,
    hash_text,
    make_name_taken_error,
    make_no_password_error,
)
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.database.schema import to_row
from rootkeeper.errors import DatabaseError, Hint, InputError, NotFoundError
from rootkeeper.ledger.writer import GroupCommit, OrganizationStore, WriteTransaction
from rootkeeper.shapes import parse_facts

USE_NOTED_EVERY = timedelta(minutes=1)
"""The last use is written at most this often, because every request is a use."""

_identities = schema.identities.c
_sign_ins = schema.sign_ins.c


class _AccessStore(OrganizationStore):
    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, clock: Clock) -> None:
        super().__init__(store, commits, organization_id)
        self._clock = clock


class IdentityStore(_AccessStore):
    """Users and API tokens of an organization. Secrets go in and never come out: only their hashes are kept.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add_user(self, identity: Identity, password: str) -> None:
        """:raises InputError: if the name is taken by a user or a token."""
        self._add(identity, hash_password(password))

    def add_token(self, identity: Identity, token: str) -> None:
        """:raises InputError: if the name is taken by a user or a token."""
        self._add(identity, hash_text(token))

    def add_provider_user(self, identity: Identity, proof_hash: str) -> None:
        """A user who signs in at an identity provider, which alone knows a password.

        :raises InputError: if the name is taken by a user or a token.
        """
        self._add(identity, proof_hash)

    def add_invited(self, identity: Identity, link: PasswordLink) -> None:
        """Add a user who sets the password with a link.

        :raises InputError: if the name is taken by a user or a token.
        """
        self._add(identity, link.proof_hash)

    def put_server_user(self, identity: Identity, proof_hash: str) -> None:
        """Add a user who signs in at the server of several organizations, or let a user with a password do so from now
        on; that user's sign-ins here end.

        :raises InputError: if the name is taken by another user or by a token, or the user was disabled meanwhile.
        """
        is_it = (
            (_identities.organization_id == self._organization_id)
            & (_identities.identity_id == identity.identity_id)
            & (_identities.signs_in_by == SignInWay.PASSWORD.value)
            & _identities.disabled_at.is_(None)
        )
        values = {"signs_in_by": SignInWay.SERVER.value, "proof_hash": proof_hash, "role": identity.role.value}

        def work(transaction: WriteTransaction) -> None:
            connection = transaction.connection
            if connection.execute(update(schema.identities).where(is_it).values(**values)).rowcount:
                connection.execute(delete(schema.sign_ins).where(_sign_ins.identity_id == identity.identity_id))
            else:
                insert_identity(connection, self._organization_id, identity, proof_hash)

        self._commits.run(work)

    def find_person(self, proof_hash: str) -> Identity | None:
        """Find a person of an identity provider, or of the server of several organizations, also a disabled one."""
        elsewhere = _identities.signs_in_by.in_((SignInWay.OIDC.value, SignInWay.SERVER.value))
        is_it = (_identities.proof_hash == proof_hash) & elsewhere
        row = self._read_one(self._select().where(is_it))
        return None if row is None else parse_identity(row)

    def find_by_token(self, token: str) -> Identity | None:
        """Also notes the use."""
        now, token_hash = self._clock.now(), hash_text(token)
        is_it = (_identities.proof_hash == token_hash) & (_identities.kind == IdentityKind.TOKEN.value)
        row = self._read_one(self._select().where(is_it))
        if row is None or not parse_identity(row).is_usable(now):
            return None
        if row.last_used_at is None or now - row.last_used_at >= USE_NOTED_EVERY:
            note = update(schema.identities).where(_identities.identity_id == row.identity_id).values(last_used_at=now)
            with suppress(DatabaseError):  # if the database can't be written, reading still works
                self._execute(note)
        return parse_identity(row)

    def sign_in(self, name: str, password: str, new: NewSession) -> Identity | None:
        """Hashes the password before it occupies the writer's thread."""
        known = self.find_proof(name, password)
        if known is None:
            return None
        unchanged = self._select_by_name(name).where(_identities.proof_hash == known).with_for_update()

        def work(transaction: WriteTransaction) -> Identity | None:
            found = transaction.connection.execute(unchanged).one_or_none()
            if found is None or not parse_identity(found).is_usable(self._clock.now()):
                return None
            insert_session(transaction.connection, self._organization_id, found.identity_id, new)
            return parse_identity(found)

        return self._commits.run(work)

    def get(self, name: str) -> Identity:
        """:raises InputError: if there is none of that name."""
        return parse_identity(_require_found(self._read_one(self._select_by_name(name)), name))

    def find(self, name: str) -> Identity | None:
        row = self._read_one(self._select_by_name(name))
        return None if row is None else parse_identity(row)

    def list_identities(self) -> tuple[Identity, ...]:
        """By kind and name, disabled identities too."""
        statement = self._select().order_by(_identities.kind, _identities.folded_name)
        return tuple(parse_identity(row) for row in self._read(statement))

    def disable(self, name: str, at: datetime) -> Identity:
        """Let it act no more; its sign-ins end with it.

        :raises InputError: if there is none of that name.
        """

        def change(row: Row[Any]) -> dict[str, object]:
            without_link = {"proof_hash": REMOVED_LINK} if is_link(row.proof_hash) else {}
            return {"disabled_at": row.disabled_at or at, **without_link}

        return self._change(name, change, ends_sign_ins=True)

    def set_role(self, name: str, role: ServerRole) -> Identity:
        """:raises InputError: if there is none of that name, or it is a token."""
        return self._change(name, lambda row: _of_user(row, {"role": role.value}))

    def set_provider_role(self, name: str, role: ServerRole, groups: tuple[str, ...]) -> Identity:
        """Let the identity provider's groups determine the role of a user, who signs in elsewhere.

        :raises InputError: if there is none of that name.
        """
        values: dict[str, object] = {
            "role": role.value,
            "signs_in_by": SignInWay.OIDC.value,
            "provider_groups": groups or None,
        }
        return self._change(name, lambda row: _of_user(row, values))

    def set_password(self, name: str, password: str) -> Identity:
        """Hashes the password before it occupies the writer's thread."""
        _of_password(_require_found(self._read_one(self._select_by_name(name)), name), {})
        proof_hash = hash_password(password)
        return self._change(name, lambda row: _of_password(row, {"proof_hash": proof_hash}), ends_sign_ins=True)

    def replace_password(self, name: str, link: PasswordLink) -> Identity:
        """Replace a user's password, or an earlier link, by a link; end the user's sign-ins.

        :raises InputError: if there is no user of that name who has a password.
        """
        return self._change(name, lambda row: _of_password(row, {"proof_hash": link.proof_hash}), ends_sign_ins=True)

    def find_link_owner(self, token: str) -> Identity | None:
        """The user whose link it is; ``None`` if it was used or replaced, has ended, or is of a disabled user."""
        row = self._read_one(self._select_by_name(find_link_name(token)))
        return parse_identity(row) if row is not None and self._fits(row, token) else None

    def use_link(self, token: str, password: str) -> bool:
        """Replace the link by a password, and end the user's sign-ins; of two uses at once, one succeeds.

        Hashes the password before it occupies the writer's thread.
        """
        if self.find_link_owner(token) is None:
            return False
        proof_hash = hash_password(password)
        known = self._select_by_name(find_link_name(token)).with_for_update()

        def work(transaction: WriteTransaction) -> bool:
            row = transaction.connection.execute(known).one_or_none()
            if row is None or not self._fits(row, token):
                return False
            self._set_proof(transaction.connection, row.identity_id, proof_hash, None)
            return True

        return self._commits.run(work)

    def _fits(self, row: Row[Any], token: str) -> bool:
        now = self._clock.now()
        return parse_identity(row).is_usable(now) and fits_link(row.proof_hash, row.identity_id, token, now)

    def change_password(self, name: str, known: str, new_password: str, session_id: str) -> bool:
        """Replace the password with the hash ``known``, if it is still the same; end the user's other sign-ins.

        Hashes the new password before it occupies the writer's thread.
        """
        proof_hash = hash_password(new_password)
        unchanged = self._select_by_name(name).where(_identities.proof_hash == known).with_for_update()

        def work(transaction: WriteTransaction) -> bool:
            row = transaction.connection.execute(unchanged).one_or_none()
            if row is None or not parse_identity(row).is_usable(self._clock.now()):
                return False
            self._set_proof(transaction.connection, row.identity_id, proof_hash, session_id)
            return True

        return self._commits.run(work)

    def _set_proof(self, connection: Connection, identity_id: str, proof_hash: str, kept_session: str | None) -> None:
        is_it = _identities.identity_id == identity_id
        connection.execute(update(schema.identities).where(is_it).values(proof_hash=proof_hash))
        ended = _sign_ins.identity_id == identity_id
        if kept_session is not None:
            ended &= _sign_ins.session_id != kept_session
        connection.execute(delete(schema.sign_ins).where(ended))

    def find_proof(self, name: str, password: str) -> str | None:
        """Return the hash of the user's password; ``None`` if the password is wrong, or there is no such user."""
        row = self._read_one(self._select_by_name(name))
        # A user of an identity provider, or with a link, has no password here. The check takes as long for all.
        ways = (IdentityKind.USER.value, SignInWay.PASSWORD.value)
        has_password = row is not None and (row.kind, row.signs_in_by) == ways and not is_link(row.proof_hash)
        known: str | None = row.proof_hash if row is not None and has_password else None
        return known if _verify(known or _decoy_hash(), password) else None

    def _add(self, identity: Identity, proof_hash: str) -> None:
        self._commits.run(
            lambda transaction: insert_identity(transaction.connection, self._organization_id, identity, proof_hash)
        )

    def _change(
        self, name: str, change: Callable[[Row[Any]], dict[str, object]], *, ends_sign_ins: bool = False
    ) -> Identity:
        def work(transaction: WriteTransaction) -> Identity:
            connection = transaction.connection
            row = _require_found(connection.execute(self._select_by_name(name)).one_or_none(), name)
            is_it = _identities.identity_id == row.identity_id
            connection.execute(update(schema.identities).where(is_it).values(**change(row)))
            if ends_sign_ins:
                connection.execute(delete(schema.sign_ins).where(_sign_ins.identity_id == row.identity_id))
            return parse_identity(connection.execute(self._select_by_name(name)).one())

        return self._commits.run(work)

    def _select(self) -> Select[Any]:
        return select(schema.identities).where(_identities.organization_id == self._organization_id)

    def _select_by_name(self, name: str) -> Select[Any]:
        return self._select().where(_identities.folded_name == fold_name(name))


def insert_identity(connection: Connection, organization_id: str, identity: Identity, proof_hash: str) -> None:
    """:raises InputError: if the name is taken."""
    same = select(_identities.identity_id).where(
        _identities.organization_id == organization_id, _identities.folded_name == fold_name(identity.name)
    )
    if connection.execute(same).first() is not None:
        raise make_name_taken_error(identity.name)
    row = to_row(identity)
    scope = row.pop("scope")
    row.pop("link_ends_at")
    row |= {"permissions": scope["permissions"], "organizational_units": scope["organizational_units"] or None}
    row["provider_groups"] = row["provider_groups"] or None
    row |= {"organization_id": organization_id, "folded_name": fold_name(identity.name), "proof_hash": proof_hash}
    connection.execute(insert(schema.identities).values(row))


def insert_session(connection: Connection, organization_id: str, identity_id: str, new: NewSession) -> None:
    row = to_row(new)
    row |= {"token_hash": hash_text(row.pop("secret")), "organization_id": organization_id, "identity_id": identity_id}
    row["created_at"] = row["last_used_at"] = row.pop("started_at")
    connection.execute(insert(schema.sign_ins).values(row))


PASSWORD_COST = profiles.RFC_9106_LOW_MEMORY
"""64 MiB and some 0.2 s of CPU for each look at a password. Source: RFC 9106, section 4, the second recommended
option.
"""


def hash_password(password: str) -> str:
    """Hash a password; slow on purpose."""
    return _hasher().hash(_to_bytes(password))


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher.from_parameters(PASSWORD_COST)


@cache
def _decoy_hash() -> str:
    """A hash for the password of an unknown name, so that the check takes as long."""
    return _hasher().hash(secrets.token_urlsafe())


def _verify(proof_hash: str, password: str) -> bool:
    try:
        return _hasher().verify(proof_hash, _to_bytes(password))
    except (VerifyMismatchError, InvalidHashError):
        return False


def _to_bytes(password: str) -> bytes:
    """Encode also text that isn't valid Unicode: JSON can contain it, and then the password is only wrong."""
    return password.encode(errors="surrogatepass")


def _require_found(row: Row[Any] | None, name: str) -> Row[Any]:
    if row is None:
        raise NotFoundError(
            f"There is no user or token of the name {name}.", hint=Hint("List the users and tokens.", "identity.list")
        )
    return row


def _of_user(row: Row[Any], values: dict[str, object]) -> dict[str, object]:
    if row.kind != IdentityKind.USER.value:
        raise InputError(f"{row.name} is a token, and a token can't be changed.", hint="Revoke it and create another.")
    return values


def _of_password(row: Row[Any], values: dict[str, object]) -> dict[str, object]:
    _of_user(row, values)
    if row.signs_in_by != SignInWay.PASSWORD.value:
        raise make_no_password_error(row.name, SignInWay(row.signs_in_by))
    return values


def parse_identity(row: Row[Any]) -> Identity:
    """Parse a row that has all columns of the table. Ignores a permission that this version doesn't know."""
    columns = row._asdict()
    if columns["permissions"] is not None:
        columns["permissions"] = [permission for permission in columns["permissions"] if permission in set(Permission)]
    columns["organizational_units"] = columns["organizational_units"] or ()
    columns["provider_groups"] = columns["provider_groups"] or ()
    link_ends_at = find_link_end(columns["proof_hash"]) if columns["kind"] == IdentityKind.USER.value else None
    return parse_facts(Identity, {**columns, "scope": columns, "link_ends_at": link_ends_at})


_factors = schema.factors.c


class SessionStore(_AccessStore):
    """Sign-ins of an organization. Secrets go in and never come out: only their hashes are kept.

    A sign-in counts while its identity is usable, until its end and, in a browser, until it was idle for too long.

    :raises DatabaseError: if the database can't be read or written.
    """

    def begin(self, identity_id: str, new: NewSession) -> Session | None:
        """Locks the identity's row, so that an identity that is disabled meanwhile gets no sign-in."""
        known = (
            select(schema.identities)
            .where(_identities.organization_id == self._organization_id, _identities.identity_id == identity_id)
            .with_for_update()
        )

        def work(transaction: WriteTransaction) -> Session | None:
            row = transaction.connection.execute(known).one_or_none()
            if row is None or not parse_identity(row).is_usable(self._clock.now()):
                return None
            insert_session(transaction.connection, self._organization_id, identity_id, new)
            return self._find(transaction.connection, new.secret, new.kind)

        return self._commits.run(work)

    def find(self, secret: str, kind: SessionKind, *, is_use: bool = True) -> Session | None:
        """The sign-in of that secret; ``None`` if it is unknown or has ended.

        :param is_use: whether a person uses it, which is noted; ``False`` for automatic use.
        """
        with reading(self._store) as connection:
            found = self._find(connection, secret, kind)
        now = self._clock.now()
        if found is not None and is_use and now - found.last_used_at >= USE_NOTED_EVERY:
            of_session = _sign_ins.session_id == found.session_id
            of_identity = _identities.identity_id == found.identity.identity_id

            def work(transaction: WriteTransaction) -> None:
                for table, is_it in ((schema.sign_ins, of_session), (schema.identities, of_identity)):
                    transaction.connection.execute(update(table).where(is_it).values(last_used_at=now))

            with suppress(DatabaseError):  # if the database can't be written, reading still works
                self._commits.run(work)
        return found

    def renew(self, secret: str, new_secret: str, factor_at: datetime) -> Session | None:
        """If two renewals run at once, the second doesn't find the secret."""
        is_it = self._is_own & (_sign_ins.token_hash == hash_text(secret))
        values = {"token_hash": hash_text(new_secret), "last_used_at": self._clock.now(), "factor_at": factor_at}

        def work(transaction: WriteTransaction) -> Session | None:
            connection = transaction.connection
            kind = connection.execute(select(_sign_ins.kind).where(is_it)).scalar()
            if kind is None or self._find(connection, secret, SessionKind(kind)) is None:
                return None
            if connection.execute(update(schema.sign_ins).where(is_it).values(values)).rowcount != 1:
                return None
            return self._find(connection, new_secret, SessionKind(kind))

        return self._commits.run(work)

    def list_sessions(self, identity_id: str | None = None) -> tuple[Session, ...]:
        """Current sign-ins of browsers, the newest first; of all users, or of the given user."""
        statement = self._select().where(_sign_ins.kind == SessionKind.BROWSER.value)
        if identity_id is not None:
            statement = statement.where(_sign_ins.identity_id == identity_id)
        now = self._clock.now()
        with reading(self._store) as connection:
            rows = connection.execute(statement.order_by(_sign_ins.created_at.desc(), _sign_ins.session_id)).all()
            enrolled = self._read_enrolled(connection, {row.identity_id for row in rows})
        found = (_parse(row, enrolled.get(row.identity_id, frozenset())) for row in rows)
        return tuple(session for session in found if _lasts(session, now))

    def end(self, secret: str) -> None:
        """Harmless when repeated."""
        self._execute(delete(schema.sign_ins).where(self._is_own, _sign_ins.token_hash == hash_text(secret)))

    def end_session(self, session_id: str, identity_id: str | None = None) -> Session | None:
        """End the sign-in of that id, of the given user only, if any; ``None`` if there is none."""
        is_it = _sign_ins.session_id == session_id
        if identity_id is not None:
            is_it &= _sign_ins.identity_id == identity_id

        def work(transaction: WriteTransaction) -> Session | None:
            row = transaction.connection.execute(self._select().where(is_it)).one_or_none()
            transaction.connection.execute(delete(schema.sign_ins).where(self._is_own, is_it))
            return None if row is None else _parse(row, frozenset())

        return self._commits.run(work)

    def end_all(self, identity_id: str) -> int:
        """End all sign-ins of a user, also those of the command line; return how many there were."""
        return self._execute(delete(schema.sign_ins).where(self._is_own, _sign_ins.identity_id == identity_id))

    def _find(self, connection: Connection, secret: str, kind: SessionKind) -> Session | None:
        statement = self._select().where(_sign_ins.token_hash == hash_text(secret), _sign_ins.kind == kind.value)
        row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        enrolled = self._read_enrolled(connection, {row.identity_id})
        session = _parse(row, enrolled.get(row.identity_id, frozenset()))
        return session if _lasts(session, self._clock.now()) else None

    def _read_enrolled(self, connection: Connection, identity_ids: set[str]) -> Mapping[str, frozenset[FactorKind]]:
        statement = select(_factors.identity_id, _factors.kind).where(
            _factors.identity_id.in_(identity_ids), _factors.confirmed_at.is_not(None)
        )
        found: dict[str, frozenset[FactorKind]] = {}
        for row in connection.execute(statement):
            found[row.identity_id] = found.get(row.identity_id, frozenset()) | {FactorKind(row.kind)}
        return found

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _sign_ins.organization_id == self._organization_id

    def _select(self) -> Select[Any]:
        return (
            select(
                schema.identities,
                _sign_ins.session_id,
                _sign_ins.kind.label("session_kind"),
                _sign_ins.created_at.label("started_at"),
                _sign_ins.last_used_at.label("session_used_at"),
                _sign_ins.expires_at.label("session_ends_at"),
                _sign_ins.factor_at,
                _sign_ins.address,
                _sign_ins.user_agent,
            )
            .join(schema.sign_ins, _sign_ins.identity_id == _identities.identity_id)
            .where(self._is_own, _identities.organization_id == self._organization_id)
        )


def _lasts(session: Session, now: datetime) -> bool:
    return session.is_alive(now) and session.identity.is_usable(now)


def _parse(row: Row[Any], enrolled: frozenset[FactorKind]) -> Session:
    own = {"kind": row.session_kind, "last_used_at": row.session_used_at, "expires_at": row.session_ends_at}
    return parse_facts(Session, {**row._asdict(), **own, "identity": parse_identity(row), "enrolled": enrolled})


_links = schema.first_administrator_links.c


class FirstAdministratorStore(_AccessStore):
    """Links with which the first administrator of an organization registers; only hashes are kept.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add_link(self, token: str, ends_at: datetime) -> None:
        """Also deletes links that have ended."""
        own = _links.organization_id == self._organization_id
        row = {"token_hash": hash_text(token), "organization_id": self._organization_id, "ends_at": ends_at}

        def work(transaction: WriteTransaction) -> None:
            ended = delete(schema.first_administrator_links).where(own, _links.ends_at <= self._clock.now())
            transaction.connection.execute(ended)
            transaction.connection.execute(insert(schema.first_administrator_links).values(row))

        self._commits.run(work)

    def is_good(self, token: str) -> bool:
        with reading(self._store) as connection:
            return self._is_good(connection, token)

    def use_link(self, token: str, identity: Identity, password: str) -> bool:
        """Hashes the password before it occupies the writer's thread."""
        if not self.is_good(token):
            return False
        proof_hash = hash_password(password)

        def work(transaction: WriteTransaction) -> bool:
            connection = transaction.connection
            if not self._is_good(connection, token):
                return False
            insert_identity(connection, self._organization_id, identity, proof_hash)
            connection.execute(
                delete(schema.first_administrator_links).where(_links.organization_id == self._organization_id)
            )
            return True

        return self._commits.run(work)

    def _is_good(self, connection: Connection, token: str) -> bool:
        now = self._clock.now()
        link = select(_links.token_hash).where(
            _links.organization_id == self._organization_id,
            _links.token_hash == hash_text(token),
            _links.ends_at > now,
        )
        if connection.execute(link).first() is None:
            return False
        administrators = select(schema.identities).where(
            _identities.organization_id == self._organization_id,
            _identities.role == ServerRole.ADMINISTRATOR.value,
        )
        return not any(parse_identity(row).is_usable(now) for row in connection.execute(administrators))
