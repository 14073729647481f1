"""Links for the first administrator, in the database: each works once, for a while, and while there is none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from rootkeeper.domain.access import Identity, ServerRole
from rootkeeper.ports.clock import Clock
from rootkeeper.storage import access_schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.identities import hash_password, hash_token, insert_identity, parse_identity
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

_links = access_schema.first_administrator_links.c
_identities = access_schema.identities.c


class SqlFirstAdministrators:
    """Of one organization; implements the port FirstAdministrators."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, clock: Clock) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock

    def add_link(self, token: str, ends_at: datetime) -> None:
        """See the port; links that ended go."""
        own = _links.organization_id == self._organization_id
        row = {"token_hash": hash_token(token), "organization_id": self._organization_id, "ends_at": ends_at}

        def work(transaction: WriteTransaction) -> None:
            ended = delete(access_schema.first_administrator_links).where(own, _links.ends_at <= self._clock.now())
            transaction.connection.execute(ended)
            transaction.connection.execute(insert(access_schema.first_administrator_links).values(row))

        self._commits.run(work)

    def is_good(self, token: str) -> bool:
        with reading(self._store) as connection:
            return self._is_good(connection, token)

    def use_link(self, token: str, identity: Identity, password: str) -> bool:
        """See the port; the password is hashed before the writer's thread is kept waiting."""
        if not self.is_good(token):
            return False
        proof_hash = hash_password(password)

        def work(transaction: WriteTransaction) -> bool:
            connection = transaction.connection
            if not self._is_good(connection, token):
                return False
            insert_identity(connection, self._organization_id, identity, proof_hash)
            connection.execute(
                delete(access_schema.first_administrator_links).where(_links.organization_id == self._organization_id)
            )
            return True

        return self._commits.run(work)

    def _is_good(self, connection: Connection, token: str) -> bool:
        now = self._clock.now()
        link = select(_links.token_hash).where(
            _links.organization_id == self._organization_id,
            _links.token_hash == hash_token(token),
            _links.ends_at > now,
        )
        if connection.execute(link).first() is None:
            return False
        administrators = select(access_schema.identities).where(
            _identities.organization_id == self._organization_id,
            _identities.role == ServerRole.ADMINISTRATOR.value,
        )
        return not any(parse_identity(row).is_usable(now) for row in connection.execute(administrators))
