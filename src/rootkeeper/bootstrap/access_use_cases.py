"""The use cases about users and API tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.bootstrap.adapters import Adapters

if TYPE_CHECKING:
    from rootkeeper.bootstrap.application import LedgerIdentity
    from rootkeeper.storage.factors import SqlFactors
    from rootkeeper.storage.identities import SqlIdentities
    from rootkeeper.storage.sessions import SqlSessions
    from rootkeeper.workflows.access import IdentityService
    from rootkeeper.workflows.factors import FactorService
    from rootkeeper.workflows.sessions import SessionEnder


class AccessUseCases(Adapters):
    """Whom a server knows."""

    @property
    def identity_service(self) -> IdentityService:
        """In the name of the actor, for the organization that was asked about."""
        from rootkeeper.workflows.access import IdentityService

        store = self.database.identities(self._organization_id, self.clock)
        return IdentityService(store, self.ledger, self.clock, self.actor)

    @property
    def factor_service(self) -> FactorService:
        """In the name of the actor; needs a database whose key was opened."""
        from rootkeeper.workflows.factors import FactorService

        return FactorService(*self._access_stores(self._organization_id), self.ledger, self.clock)

    @property
    def session_ender(self) -> SessionEnder:
        from rootkeeper.workflows.sessions import SessionEnder

        _, identities, sessions = self._access_stores(self._organization_id)
        return SessionEnder(sessions, identities, self.ledger)

    def factor_service_as(self, who: LedgerIdentity) -> FactorService:
        """The same without AWS and without a key: to list factors and take them away."""
        from rootkeeper.workflows.factors import FactorService

        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        return FactorService(*self._access_stores(who.organization_id), ledger, self.clock)

    def preset_factor(self, who: LedgerIdentity, identity_id: str, seed: str) -> None:
        """An authenticator app for a demo's user, whose codes everybody can make.

        :raises InputError: if it isn't a sandbox's server, or there is no such user.
        :raises SettingsError: if the key by which it is kept can't be used.
        """
        self.database.open_cipher(who.organization_id, self.settings.server.key_file)
        self.factor_service_as(who).preset_totp(identity_id, seed, who.endpoint)

    def session_ender_as(self, who: LedgerIdentity) -> SessionEnder:
        """The same without AWS."""
        from rootkeeper.workflows.sessions import SessionEnder

        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        _, identities, sessions = self._access_stores(who.organization_id)
        return SessionEnder(sessions, identities, ledger)

    def _access_stores(self, organization_id: str) -> tuple[SqlFactors, SqlIdentities, SqlSessions]:
        database, clock = self.database, self.clock
        return (
            database.factors(organization_id),
            database.identities(organization_id, clock),
            database.sessions(organization_id, clock),
        )

    def identity_service_as(self, who: LedgerIdentity) -> IdentityService:
        """The same without AWS, for a database that knows its organization; works beside a server."""
        from rootkeeper.workflows.access import IdentityService

        store = self.database.identities(who.organization_id, self.clock)
        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        return IdentityService(store, ledger, self.clock, who.actor)
