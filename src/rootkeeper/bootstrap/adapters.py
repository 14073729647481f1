"""What speaks to AWS and what keeps: each adapter is made on first use, from the settings."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Self

from rootkeeper.clock import SystemClock
from rootkeeper.domain.ledger import Actor, ActorKind
from rootkeeper.domain.organizations import Caller, Endpoint, Organization
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.notifications import Notifier, NullNotifier
from rootkeeper.settings import Settings

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.aws.options import GatewayOptions
    from rootkeeper.ports.ledger import LedgerSearch
    from rootkeeper.storage.database import Database
    from rootkeeper.storage.deletion_exceptions import SqlDeletionExceptions
    from rootkeeper.storage.email_attestations import SqlEmailAttestations
    from rootkeeper.storage.inventory import SqlInventoryStore
    from rootkeeper.storage.jobs import SqlJobs
    from rootkeeper.storage.ledger import SqlLedger
    from rootkeeper.storage.locks import SqlAccountLocks
    from rootkeeper.storage.owners import Owner
    from rootkeeper.storage.spill import SpillLedger
    from rootkeeper.storage.windows import SqlRecoveryWindows

_PERCENT = 100


class Adapters:
    """Close them: the lease ends, and mirror and anchor are brought up to date."""

    def __init__(
        self,
        settings: Settings,
        *,
        profile: str | None = None,
        region: str | None = None,
        creates_database: bool = True,
        needs_ledger: bool = True,
        warn: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is opened yet.

        :param needs_ledger: ``False`` for closing a window, which may go on with a spill alone.
        :param warn: told, from any thread, what went wrong beside the ledger.
        :param clock: the machine's own by default.
        """
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.notifier: Notifier = NullNotifier()
        self.watch_source_name: str | None = None
        """The source of root events that open windows are watched by; only a server has one."""
        self._profile = profile
        self._region = region
        self._creates_database = creates_database
        self._needs_ledger = needs_ledger
        self._warn = warn
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    # Who acts, where.

    @cached_property
    def gateway(self) -> AwsGateway:
        """:raises InputError: if profile, Region or endpoint can't be used."""
        from rootkeeper.aws.gateway import open_gateway

        return open_gateway(make_gateway_options(self.settings, self._profile, self._region), self.clock)

    @property
    def endpoint(self) -> Endpoint:
        return self.gateway.endpoint

    @cached_property
    def caller(self) -> Caller:
        """:raises AwsError: if AWS can't be asked."""
        return self.gateway.read_caller()

    @cached_property
    def organization(self) -> Organization:
        """The caller first: what is wrong with the credentials shows there.

        :raises AwsError: if AWS can't be asked, or the caller's account isn't in an organization.
        """
        _ = self.caller
        return self.gateway.read_organization()

    @cached_property
    def actor(self) -> Actor:
        """Whoever runs the command says who it is: nobody has proven it."""
        return Actor(describe_user(), ActorKind.SELF_ASSERTED, self.caller.arn)

    # What is kept.

    @cached_property
    def database(self) -> Database:
        """:raises DatabaseError: if it can't be opened."""
        return self._open.enter_context(
            open_settings_database(self.settings, creates=self._creates_database, warn=self._warn)
        )

    @cached_property
    def owner(self) -> Owner:
        owner = self.database.register_owner(
            self.clock, self.settings.lease.seconds, must_be_registered=self._needs_ledger
        )
        self._open.callback(owner.close)
        return owner

    @cached_property
    def ledger(self) -> SqlLedger:
        self._share_quotas()
        return self.database.ledger(self._organization_id, self.endpoint, self.actor, self.owner)

    @property
    def ledger_reader(self) -> LedgerSearch:
        return self.database.ledger_reader()

    @cached_property
    def locks(self) -> SqlAccountLocks:
        return self.database.locks(self._organization_id, self.owner)

    @cached_property
    def windows(self) -> SqlRecoveryWindows:
        return self.database.windows(self._organization_id)

    @cached_property
    def inventory_store(self) -> SqlInventoryStore:
        return self.database.inventory(self._organization_id)

    @cached_property
    def jobs(self) -> SqlJobs:
        return self.database.jobs(self._organization_id, self.clock, lambda: self.owner)

    @cached_property
    def deletion_exceptions(self) -> SqlDeletionExceptions:
        return self.database.deletion_exceptions(self._organization_id)

    @cached_property
    def email_attestations(self) -> SqlEmailAttestations:
        return self.database.email_attestations(self._organization_id)

    @property
    def _organization_id(self) -> str:
        return self.organization.organization_id

    def _share_quotas(self) -> None:
        """Processes on one database draw on the same token buckets, as AWS counts their calls together."""
        whose = f"{self.caller.account_id} {self.gateway.region} {self.endpoint.label}"
        self.gateway.share_quotas(self.database.quotas(self._organization_id, whose, self.clock))

    def _open_spill(self) -> SpillLedger:
        """Whoever asks for it closes it, so that it can be merged."""
        return self.database.open_spill(self._organization_id, self.endpoint, self.actor, self.owner)


def make_gateway_options(settings: Settings, profile: str | None, region: str | None) -> GatewayOptions:
    """How the settings want AWS to be called."""
    from rootkeeper.aws.options import GatewayOptions

    return GatewayOptions(
        profile=profile,
        region=region,
        concurrency=settings.aws.concurrency,
        api_share=settings.aws.api_share / _PERCENT,
        read_timeout_seconds=settings.aws.read_timeout_seconds,
    )


def open_settings_database(settings: Settings, *, warn: Callable[[str], None], creates: bool = True) -> Database:
    """The database of the settings, with what stands beside its ledger.

    :raises DatabaseError: if it can't be opened.
    """
    from rootkeeper.storage.database import DatabaseOptions, open_database

    options = DatabaseOptions(
        create=creates,
        mirror_path=settings.ledger.mirror,
        anchor_path=settings.ledger.anchor,
        spill_folder=settings.ledger.spill,
        warn=warn,
    )
    return open_database(settings.database.url, options)


def describe_user() -> str:
    """``user@host``, as the machine has it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
