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
from rootkeeper.settings import Settings

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.ports.ledger import Ledger, LedgerReader
    from rootkeeper.storage.database import Database
    from rootkeeper.storage.deletion_exceptions import SqlDeletionExceptions
    from rootkeeper.storage.email_attestations import SqlEmailAttestations
    from rootkeeper.storage.inventory import SqlInventoryStore
    from rootkeeper.storage.jobs import SqlJobs
    from rootkeeper.storage.ledger import SqlLedger
    from rootkeeper.storage.locks import SqlAccountLocks
    from rootkeeper.storage.owners import Owner
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
    ) -> None:
        """Nothing is opened yet.

        :param needs_ledger: ``False`` for closing a window, which may go on with a spill alone.
        :param warn: told, from any thread, what went wrong beside the ledger.
        """
        self.settings = settings
        self.clock = SystemClock()
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
        from rootkeeper.aws.gateway import GatewayOptions, open_gateway

        aws = self.settings.aws
        options = GatewayOptions(
            profile=self._profile,
            region=self._region,
            concurrency=aws.concurrency,
            api_share=aws.api_share / _PERCENT,
            read_timeout_seconds=aws.read_timeout_seconds,
        )
        return open_gateway(options, self.clock)

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
        from rootkeeper.storage.database import DatabaseOptions, open_database

        ledger = self.settings.ledger
        options = DatabaseOptions(
            create=self._creates_database,
            mirror_path=ledger.mirror,
            anchor_path=ledger.anchor,
            spill_folder=ledger.spill,
            warn=self._warn,
        )
        return self._open.enter_context(open_database(self.settings.database.url, options))

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
    def ledger_reader(self) -> LedgerReader:
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

    def _open_spill(self) -> Ledger:
        return self._open.enter_context(
            self.database.open_spill(self._organization_id, self.endpoint, self.actor, self.owner)
        )


def describe_user() -> str:
    """``user@host``, as the machine has it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
