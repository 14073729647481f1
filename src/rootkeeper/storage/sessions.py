"""Sign-ins of people in the database, each found by the hash of a secret that only its browser or command line has."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, select, update

from rootkeeper.domain.sessions import FactorKind, NewSession, Session, SessionKind
from rootkeeper.errors import DatabaseError
from rootkeeper.ports.clock import Clock
from rootkeeper.storage import access_schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.identities import hash_token, insert_session, parse_identity
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

USE_NOTED_EVERY = timedelta(minutes=1)
"""The last use is written at most so often, since every request is one."""

_sign_ins = access_schema.sign_ins.c
_identities = access_schema.identities.c
_factors = access_schema.factors.c


class SqlSessions:
    """The sign-ins of one organization; implements the port SessionStore."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, clock: Clock) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock

    def begin(self, identity_id: str, new: NewSession) -> Session | None:
        """See the port; the identity is locked, so that one that is disabled meanwhile isn't let in."""
        known = (
            select(access_schema.identities)
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
        with reading(self._store) as connection:
            found = self._find(connection, secret, kind)
        if found is not None and is_use:
            self._note_use(found)
        return found

    def renew(self, secret: str, new_secret: str, factor_at: datetime) -> Session | None:
        """See the port; of two renewals at once one finds the secret gone."""
        values = {"token_hash": hash_token(new_secret), "last_used_at": self._clock.now(), "factor_at": factor_at}
        statement = (
            update(access_schema.sign_ins)
            .where(self._is_own, _sign_ins.token_hash == hash_token(secret))
            .values(values)
        )

        def work(transaction: WriteTransaction) -> Session | None:
            connection = transaction.connection
            kind = connection.execute(select(_sign_ins.kind).where(_sign_ins.token_hash == hash_token(secret))).scalar()
            if kind is None or self._find(connection, secret, SessionKind(kind)) is None:
                return None
            if connection.execute(statement).rowcount != 1:
                return None
            return self._find(connection, new_secret, SessionKind(kind))

        return self._commits.run(work)

    def list_sessions(self, identity_id: str | None = None) -> tuple[Session, ...]:
        statement = self._select().where(_sign_ins.kind == SessionKind.BROWSER.value)
        if identity_id is not None:
            statement = statement.where(_sign_ins.identity_id == identity_id)
        now = self._clock.now()
        with reading(self._store) as connection:
            rows = connection.execute(statement.order_by(_sign_ins.created_at.desc(), _sign_ins.session_id)).all()
            enrolled = self._read_enrolled(connection, {row.identity_id for row in rows})
        found = (_parse(row, enrolled.get(row.identity_id, frozenset())) for row in rows)
        return tuple(one for one in found if _lasts(one, now))

    def end(self, secret: str) -> None:
        self._delete(_sign_ins.token_hash == hash_token(secret))

    def end_session(self, session_id: str, identity_id: str | None = None) -> Session | None:
        is_it = _sign_ins.session_id == session_id
        if identity_id is not None:
            is_it &= _sign_ins.identity_id == identity_id

        def work(transaction: WriteTransaction) -> Session | None:
            row = transaction.connection.execute(self._select().where(is_it)).one_or_none()
            transaction.connection.execute(delete(access_schema.sign_ins).where(self._is_own, is_it))
            return None if row is None else _parse(row, frozenset())

        return self._commits.run(work)

    def end_all(self, identity_id: str) -> int:
        return self._delete(_sign_ins.identity_id == identity_id)

    def _delete(self, which: ColumnElement[bool]) -> int:
        statement = delete(access_schema.sign_ins).where(self._is_own, which)
        return self._commits.run(lambda transaction: transaction.connection.execute(statement).rowcount)

    def _note_use(self, session: Session) -> None:
        """A database that can't be written keeps nobody from reading."""
        now = self._clock.now()
        if now - session.last_used_at < USE_NOTED_EVERY:
            return
        statements = (
            update(access_schema.sign_ins).where(_sign_ins.session_id == session.session_id).values(last_used_at=now),
            update(access_schema.identities)
            .where(_identities.identity_id == session.identity.identity_id)
            .values(last_used_at=now),
        )

        def work(transaction: WriteTransaction) -> None:
            for statement in statements:
                transaction.connection.execute(statement)

        with suppress(DatabaseError):
            self._commits.run(work)

    def _find(self, connection: Connection, secret: str, kind: SessionKind) -> Session | None:
        statement = self._select().where(_sign_ins.token_hash == hash_token(secret), _sign_ins.kind == kind.value)
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
                access_schema.identities,
                _sign_ins.session_id,
                _sign_ins.kind.label("session_kind"),
                _sign_ins.created_at.label("started_at"),
                _sign_ins.last_used_at.label("session_used_at"),
                _sign_ins.expires_at.label("session_ends_at"),
                _sign_ins.factor_at,
                _sign_ins.address,
                _sign_ins.user_agent,
            )
            .join(access_schema.sign_ins, _sign_ins.identity_id == _identities.identity_id)
            .where(self._is_own, _identities.organization_id == self._organization_id)
        )


def _lasts(session: Session, now: datetime) -> bool:
    return session.is_alive(now) and session.identity.is_usable(now)


def _parse(row: Row[Any], enrolled: frozenset[FactorKind]) -> Session:
    return Session(
        session_id=row.session_id,
        kind=SessionKind(row.session_kind),
        identity=parse_identity(row),
        started_at=row.started_at,
        last_used_at=row.session_used_at,
        expires_at=row.session_ends_at,
        address=row.address,
        user_agent=row.user_agent,
        factor_at=row.factor_at,
        enrolled=enrolled,
    )
