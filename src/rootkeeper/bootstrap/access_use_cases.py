"""The use cases about users and API tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.bootstrap.adapters import Adapters

if TYPE_CHECKING:
    from rootkeeper.bootstrap.application import LedgerIdentity
    from rootkeeper.storage.factors import SqlFactors
    from rootkeeper.storage.identities import SqlIdentities
    from rootkeeper.storage.sessions import SqlSessions
    from rootkeeper.workflows.access import IdentityKeeping
    from rootkeeper.workflows.factors import FactorKeeping
    from rootkeeper.workflows.sessions import SessionEnding


class AccessUseCases(Adapters):
    """Whom a server knows."""

    @property
    def identity_keeping(self) -> IdentityKeeping:
        """In the name of the actor, for the organization that was asked about."""
        from rootkeeper.workflows.access import IdentityKeeping

        store = self.database.identities(self._organization_id, self.clock)
        return IdentityKeeping(store, self.ledger, self.clock, self.actor)

    @property
    def factor_keeping(self) -> FactorKeeping:
        """In the name of the actor; needs a database whose key was opened."""
        from rootkeeper.workflows.factors import FactorKeeping

        return FactorKeeping(*self._access_stores(self._organization_id), self.ledger, self.clock)

    @property
    def session_ending(self) -> SessionEnding:
        from rootkeeper.workflows.sessions import SessionEnding

        _, identities, sessions = self._access_stores(self._organization_id)
        return SessionEnding(sessions, identities, self.ledger)

    def factor_keeping_as(self, who: LedgerIdentity) -> FactorKeeping:
        """The same without AWS and without a key: to list factors and take them away."""
        from rootkeeper.workflows.factors import FactorKeeping

        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        return FactorKeeping(*self._access_stores(who.organization_id), ledger, self.clock)

    def preset_factor(self, who: LedgerIdentity, identity_id: str, seed: str) -> None:
        """An authenticator app for a demo's user, whose codes everybody can make.

        :raises InputError: if it isn't a sandbox's server, or there is no such user.
        :raises SettingsError: if the key by which it is kept can't be used.
        """
        self.database.open_sealing(who.organization_id, self.settings.server.key_file)
        self.factor_keeping_as(who).preset_totp(identity_id, seed, who.endpoint)

    def session_ending_as(self, who: LedgerIdentity) -> SessionEnding:
        """The same without AWS."""
        from rootkeeper.workflows.sessions import SessionEnding

        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        _, identities, sessions = self._access_stores(who.organization_id)
        return SessionEnding(sessions, identities, ledger)

    def _access_stores(self, organization_id: str) -> tuple[SqlFactors, SqlIdentities, SqlSessions]:
        database, clock = self.database, self.clock
        return (
            database.factors(organization_id),
            database.identities(organization_id, clock),
            database.sessions(organization_id, clock),
        )

    def identity_keeping_as(self, who: LedgerIdentity) -> IdentityKeeping:
        """The same without AWS, for a database that knows its organization; works beside a server."""
        from rootkeeper.workflows.access import IdentityKeeping

        store = self.database.identities(who.organization_id, self.clock)
        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        return IdentityKeeping(store, ledger, self.clock, who.actor)
