"""What a server's API reads of its database, and who signs in there: of one organization, made anew for each use."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from rootkeeper.domain.access import IdentityKind, ServerRole, SignInWay
from rootkeeper.domain.sessions import SessionKind
from rootkeeper.workflows.sessions import make_secret

if TYPE_CHECKING:
    from rootkeeper.ports.access import IdentityStore
    from rootkeeper.ports.answer_keeping import StoredAnswers
    from rootkeeper.ports.clock import Clock
    from rootkeeper.ports.factors import FactorStore, FirstAdministrators
    from rootkeeper.ports.failure_counting import FailureCounter
    from rootkeeper.ports.history import AuditHistory
    from rootkeeper.ports.jobs import JobStore
    from rootkeeper.ports.ledger import LedgerSearch
    from rootkeeper.ports.sessions import SessionStore
    from rootkeeper.settings import Settings
    from rootkeeper.storage.database import Database
    from rootkeeper.storage.inventory import SqlInventoryStore
    from rootkeeper.storage.owners import Owner
    from rootkeeper.storage.windows import SqlRecoveryWindows
    from rootkeeper.workflows.provider_sign_in import ProviderSignInService

LINK_LASTS = timedelta(days=1)
"""Of the link for the first administrator."""


class ServerStores:
    """The part of a server that opens nothing and acts for nobody; whoever inherits it sets what it rests on."""

    settings: Settings
    clock: Clock
    url: str | None
    """Where the API listens; ``None`` for a worker."""
    database: Database
    owner: Owner
    organization_id: str

    @property
    def windows(self) -> SqlRecoveryWindows:
        return self.database.windows(self.organization_id)

    @property
    def jobs(self) -> JobStore:
        return self.database.jobs(self.organization_id, self.clock, lambda: self.owner)

    @property
    def inventory_store(self) -> SqlInventoryStore:
        return self.database.inventory(self.organization_id)

    @property
    def history(self) -> AuditHistory:
        return self.database.audit_history(self.organization_id)

    @property
    def ledger_reader(self) -> LedgerSearch:
        return self.database.ledger_reader()

    @property
    def stored_answers(self) -> StoredAnswers:
        return self.database.kept_answers(self.organization_id, self.clock, lambda: self.owner)

    # Who signs in.

    @property
    def identities(self) -> IdentityStore:
        return self.database.identities(self.organization_id, self.clock)

    @property
    def sessions(self) -> SessionStore:
        return self.database.sessions(self.organization_id, self.clock)

    @property
    def factors(self) -> FactorStore:
        return self.database.factors(self.organization_id)

    @property
    def failure_counter(self) -> FailureCounter:
        return self.database.failure_counts(self.organization_id, self.clock)

    @cached_property
    def provider_sign_in_service(self) -> ProviderSignInService | None:
        """``None`` where the settings name no identity provider; that isn't asked for it."""
        rules = self.settings.oidc.to_rules()
        if rules is None:
            return None
        from rootkeeper.oidc.provider import OidcProvider
        from rootkeeper.workflows.provider_sign_in import ProviderSignInService

        return ProviderSignInService(
            rules,
            OidcProvider(rules, self.clock),
            self.database.sign_in_starts(self.organization_id, self.clock),
            self.sessions,
            self.failure_counter,
            self.clock,
        )

    @property
    def first_administrators(self) -> FirstAdministrators:
        return self.database.first_administrators(self.organization_id, self.clock)

    def offer_first_administration(self) -> str | None:
        """Where the first administrator makes himself known, once and within a day; ``None`` if there is one.

        :raises DatabaseError: if the database can't be read or written.
        """
        now = self.clock.now()
        known = self.identities.list_identities()
        if any(one.role is ServerRole.ADMINISTRATOR and one.is_usable(now) for one in known):
            return None
        token = make_secret(SessionKind.BROWSER)
        self.first_administrators.add_link(token, now + LINK_LASTS)
        public = self.settings.server.public_address
        return f"{self.url if public is None else public.origin}/first-administrator#{token}"

    def has_local_administrator(self) -> bool:
        """Whether somebody can keep users while an identity provider is down.

        :raises DatabaseError: if the database can't be read.
        """
        return any(
            identity.kind is IdentityKind.USER
            and identity.role is ServerRole.ADMINISTRATOR
            and identity.signs_in_by is SignInWay.PASSWORD
            and identity.is_usable(self.clock.now())
            for identity in self.identities.list_identities()
        )
