"""The use cases about users and API tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.bootstrap.adapters import Adapters

if TYPE_CHECKING:
    from rootkeeper.bootstrap.application import LedgerIdentity
    from rootkeeper.workflows.access import IdentityKeeping


class AccessUseCases(Adapters):
    """Whom a server knows."""

    @property
    def identity_keeping(self) -> IdentityKeeping:
        """In the name of the actor, for the organization that was asked about."""
        from rootkeeper.workflows.access import IdentityKeeping

        store = self.database.identities(self._organization_id, self.clock)
        return IdentityKeeping(store, self.ledger, self.clock, self.actor)

    def identity_keeping_as(self, who: LedgerIdentity) -> IdentityKeeping:
        """The same without AWS, for a database that knows its organization; works beside a server."""
        from rootkeeper.workflows.access import IdentityKeeping

        store = self.database.identities(who.organization_id, self.clock)
        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        return IdentityKeeping(store, ledger, self.clock, who.actor)
