"""The use cases as one person, or the server itself, has them for one kind of work.

Whatever writes the ledger is made from here, so that each entry names who acts; whatever speaks to AWS has the power of
one role, and CloudTrail names the person there too. Cheap to make for each request: database, lease and gateways are
the server's, and outlive this.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from rootkeeper.bootstrap.application import Application
from rootkeeper.bootstrap.uses import UseCounter
from rootkeeper.domain.ledger import Actor, ActorKind
from rootkeeper.domain.organizations import Caller, Organization
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.engine import Engine
from rootkeeper.ports.notifications import Notifier
from rootkeeper.ports.root_sessions import RootSessions
from rootkeeper.settings import Settings

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.ports.progress import Progress
    from rootkeeper.storage.database import Database
    from rootkeeper.storage.owners import Owner
    from rootkeeper.workflows.settlement import Settlement, SettlementReport


@dataclass(frozen=True, slots=True)
class SharedResources:
    """What everybody who acts on a server shares."""

    settings: Settings
    clock: Clock
    database: Database
    owner: Owner
    organization_id: str
    read_organization: Callable[[], Organization]
    """Asks AWS, where nobody has yet.

    :raises AwsError: if AWS can't be asked.
    """
    notifier: Notifier
    engine: Engine
    uses: UseCounter
    warn: Callable[[str], None]
    watch_source_name: str | None = None


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """The AWS power of one kind of work, in one person's name."""

    gateway: AwsGateway = field(repr=False)
    read_caller: Callable[[], Caller]
    """Whose credentials they are; AWS is asked once.

    :raises AwsError: if AWS can't be asked.
    """
    find_caller: Callable[[], Caller | None]
    """The same, if AWS was asked before."""
    unlocking: RootSessions = field(repr=False)
    """With the power to unlock, in the same name: what a dead process left of a policy's change is settled by it."""
    asks_aws: bool = True
    """Whether its work asks AWS anything."""


class ActorUseCases(Application):
    """Everything that can be done, as one actor. While it is entered, the server's end waits for it."""

    def __init__(self, shared: SharedResources, actor: Actor, access: AwsAccess) -> None:
        super().__init__(shared.settings, warn=shared.warn, clock=shared.clock)
        self.engine = shared.engine
        self.notifier = shared.notifier
        self.watch_source_name = shared.watch_source_name
        self._shared = shared
        self._actor = actor
        self._access = access

    def __enter__(self) -> Self:
        self._shared.uses.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._shared.uses.end()

    def with_own_lease(self) -> ActorUseCases:
        """The same with a lease of its own, which ends with it: what it leaves unclear is settled though the process
        goes on, by whoever settles what dead processes left.

        :raises DatabaseError: if the database can't be written.
        """
        owner = self.database.register_owner(self.clock, self.settings.lease.seconds)
        acting = ActorUseCases(replace(self._shared, owner=owner), self._actor, self._access)
        acting._open.callback(owner.close)
        return acting

    def close_later(self) -> None:
        """Close it once no call can be on its way any more that somebody doesn't wait for."""
        closing = threading.Timer(self.settings.aws.read_timeout_seconds, self.close)
        closing.name, closing.daemon = "rootkeeper-ending-lease", True
        closing.start()

    @cached_property
    def gateway(self) -> AwsGateway:
        return self._access.gateway

    @cached_property
    def database(self) -> Database:
        return self._shared.database

    @cached_property
    def owner(self) -> Owner:
        return self._shared.owner

    @cached_property
    def caller(self) -> Caller:
        return self._access.read_caller()

    @cached_property
    def organization(self) -> Organization:
        return self._shared.read_organization()

    @cached_property
    def actor(self) -> Actor:
        """Known to the server. The AWS principal is added where it is known: what the server does by itself, such as
        closing a window, doesn't wait for AWS to tell it.
        """
        if self._actor.kind is ActorKind.SERVER or not self._access.asks_aws:
            known = self._access.find_caller()
            return self._actor if known is None else replace(self._actor, caller_arn=known.arn)
        return replace(self._actor, caller_arn=self.caller.arn)

    def settlement(self, progress: Progress, unlock_sessions: RootSessions | None = None) -> Settlement:
        return super().settlement(progress, unlock_sessions or self._access.unlocking)

    def settle_orphans(self, progress: Progress) -> SettlementReport:
        return self.settlement(progress).settle()

    @property
    def _organization_id(self) -> str:
        return self._shared.organization_id

    def _share_quotas(self) -> None:
        """The server has done that for each gateway that it hands out."""
