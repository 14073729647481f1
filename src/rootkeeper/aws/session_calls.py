"""Calls that one root session makes to a service with an endpoint in each Region."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rootkeeper.aws.answers import AwsResponse
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.departures import require_intent_fits
from rootkeeper.aws.session_credentials import RootSessionCredentials, root_session_entered
from rootkeeper.domain.ledger import Action, Intent
from rootkeeper.domain.organizations import AccountId


@dataclass(frozen=True, slots=True)
class SessionCalls:
    """Signed with the session's credentials or not at all; safe in many threads."""

    clients: AwsClients
    service: str
    account_id: AccountId
    credentials: RootSessionCredentials = field(repr=False)
    is_identified: Callable[[], bool]
    """Whether the session was asked who it is, and is the target's root user."""

    def read(self, region: str, operation: str, **parameters: object) -> AwsResponse:
        """:raises AwsError: as ``ServiceCalls.read`` does."""
        calls = self.clients.regional_root.get(self.service, region)
        with root_session_entered(self.credentials):
            return calls.read(operation, target=self.account_id, **parameters)

    def list_all(
        self, region: str, operation: str, member: str, *, may_lack_member: bool = False, **parameters: object
    ) -> Iterator[Any]:
        """:raises AwsError: as ``ServiceCalls.list_all`` does."""
        calls = self.clients.regional_root.get(self.service, region)
        with root_session_entered(self.credentials):
            found = list(
                calls.list_all(operation, member, target=self.account_id, may_lack_member=may_lack_member, **parameters)
            )
        yield from found

    def change(self, region: str, operation: str, action: Action, intent: Intent, **parameters: object) -> None:
        """Make a changing call, once.

        :raises AwsError: as ``ServiceCalls.change`` does.
        :raises LockLostError: if the intent is no longer valid; nothing was sent.
        """
        require_intent_fits(intent, action, self.account_id)
        if not self.is_identified():
            raise ValueError(f"{operation} before the identity of the root session was checked")
        calls = self.clients.regional_root.get(self.service, region, changing=True)
        with root_session_entered(self.credentials):
            calls.change(operation, intent, self.clients.clock, target=self.account_id, **parameters)
