"""The acting context: who acts, and with what.

It is made once for a command, a request, a job or a server's own work, and each service takes it. The parts are made on
first use: a service that only reads the ledger needs no AWS credentials, and one that only reads registers no owner.
Pure rules never see it.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from rootkeeper.clock import Clock, SystemClock
from rootkeeper.ledger.database import Database, DatabaseOptions, open_database
from rootkeeper.ledger.rules import Actor, ActorKind

if TYPE_CHECKING:
    from rootkeeper.aws.clients import GatewayOptions
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.database.engines import Store
    from rootkeeper.ledger.anchor import Anchor
    from rootkeeper.ledger.owners import AccountLocks, Owner
    from rootkeeper.ledger.spill import SpillLedger
    from rootkeeper.ledger.store import SqlLedger
    from rootkeeper.ledger.verification import LedgerReader
    from rootkeeper.ledger.writer import GroupCommit
    from rootkeeper.organization.accounts import Caller, Endpoint, Organization
    from rootkeeper.settings.sections import Settings

P = ParamSpec("P")
StoreT = TypeVar("StoreT")


class Acting:
    """The parts that services share. Close it: the lease ends, and mirror and anchor are brought up to date."""

    _replaces_itself = False
    """Whether the lease is taken again after the database was away."""
    watch_source_name: str | None = None
    """The source of root events that open windows are watched by; only a server has it."""
    _shares_quotas = True

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
        """Open nothing yet.

        :param needs_ledger: ``False`` for closing a window, which may continue with a spill file alone.
        :param warn: called from any thread with problems beside the ledger.
        :param clock: the machine's own by default.
        """
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.warn = warn
        self._profile = profile
        self._region = region
        self._creates_database = creates_database
        self._needs_ledger = needs_ledger
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    @cached_property
    def database(self) -> Database:
        """:raises DatabaseError: if it can't be opened.

        :raises OrganizationMismatchError: if it is another organization's than the settings name.
        """
        database = self._open.enter_context(open_database(self.settings.database.url, self._database_options))
        if self.settings.organization is not None:
            database.require_organization(self.settings.organization.organization_id)
        return database

    @cached_property
    def database_of_any_version(self) -> Database:
        """For a check or an upgrade, which don't create it.

        :raises DatabaseError: if it can't be opened.
        """
        options = replace(self._database_options, create=False, any_version=True)
        return self._open.enter_context(open_database(self.settings.database.url, options))

    @property
    def _database_options(self) -> DatabaseOptions:
        anchor: Anchor | None = None
        if (place := self.settings.ledger.bucket_place) is not None:
            from rootkeeper.aws.bucket_anchor import S3Anchor

            # No call is made, and AWS's settings aren't read.
            open_calls = cache(lambda: self.aws.open_bucket_calls())
            anchor = S3Anchor(open_calls, *place, self.settings.ledger.anchor_retention, self.clock)
        return DatabaseOptions(
            create=self._creates_database,
            mirror_path=self.settings.ledger.mirror,
            anchor_path=self.settings.ledger.anchor,
            anchor=anchor,
            memory_folder=None if self.settings.ledger.memory == Path() else self.settings.ledger.memory,
            spill_folder=self.settings.ledger.spill,
            warn=self.warn,
        )

    @cached_property
    def owner(self) -> Owner:
        owner = self.database.register_owner(
            self.clock,
            self.settings.lease.seconds,
            must_be_registered=self._needs_ledger,
            replaces_itself=self._replaces_itself,
        )
        self._open.callback(owner.close)
        return owner

    def get_store(
        self, kind: Callable[Concatenate[Store, GroupCommit, str, P], StoreT], *others: P.args, **named: P.kwargs
    ) -> StoreT:
        """Make a store of the organization, such as ``RecoveryWindowStore``."""
        return self.database.get_store(kind, self.organization_id, *others, **named)

    @property
    def ledger_reader(self) -> LedgerReader:
        return self.database.ledger_reader()

    @cached_property
    def aws(self) -> AwsGateway:
        """:raises InputError: if profile, Region or endpoint can't be used."""
        from rootkeeper.aws.gateway import open_gateway

        return open_gateway(make_gateway_options(self.settings, self._profile, self._region), self.clock)

    @property
    def window_clock(self) -> Clock:
        """AWS's time, by which recovery windows begin and end: a machine's wrong clock keeps none of them open."""
        return self.aws.latest_clock

    @cached_property
    def endpoint(self) -> Endpoint:
        return self.aws.endpoint

    @cached_property
    def caller(self) -> Caller:
        """:raises AwsError: if AWS can't be asked."""
        return self.aws.read_caller()

    @cached_property
    def organization(self) -> Organization:
        """Read the caller first: that shows problems with the credentials.

        :raises AwsError: if AWS can't be asked, or the caller's account isn't in an organization.
        """
        _ = self.caller
        return self.aws.read_organization()

    @cached_property
    def organization_id(self) -> str:
        return self.organization.organization_id

    @cached_property
    def actor(self) -> Actor:
        """The person who runs the command, self-asserted: no sign-in has proven who it is."""
        return Actor(describe_user(), ActorKind.SELF_ASSERTED, self.caller.arn)

    @cached_property
    def ledger(self) -> SqlLedger:
        if self._shares_quotas:
            self.share_quotas()
        return self.database.ledger(self.organization_id, self.endpoint, self.actor, self.owner)

    @cached_property
    def locks(self) -> AccountLocks:
        return self.database.locks(self.organization_id, self.owner)

    @property
    def reread_pauses(self) -> tuple[float, ...]:
        """In seconds, while AWS may still show the state before a change."""
        return spread_pauses(self.settings.aws.verify_seconds)

    def share_quotas(self) -> None:
        """Processes on the same database draw on the same token buckets, as AWS counts their calls together."""
        from rootkeeper.aws.pacing import SqlQuotas

        caller_key = f"{self.caller.account_id} {self.aws.region} {self.endpoint.label}"
        self.aws.share_quotas(SqlQuotas(self.database.commits, self.organization_id, caller_key, self.clock))

    def open_spill(self) -> SpillLedger:
        """Open a spill file. The caller closes it, so that it can be merged."""
        return self.database.open_spill(self.organization_id, self.endpoint, self.actor, self.owner)


def spread_pauses(seconds: float) -> tuple[float, ...]:
    """Pauses that double from 1 second on and add up to ``seconds``."""
    pauses: list[float] = []
    pause, left = 1.0, float(seconds)
    while left > 0:
        pauses.append(min(pause, left))
        left -= pause
        pause *= 2
    return tuple(pauses)


def make_gateway_options(settings: Settings, profile: str | None, region: str | None) -> GatewayOptions:
    """Return the options of AWS calls that the settings give."""
    from rootkeeper.aws.clients import GatewayOptions

    return GatewayOptions(
        profile=profile or settings.aws.profile or None,
        region=region or settings.aws.region or None,
        organization_id=None if settings.organization is None else settings.organization.organization_id,
        external_id=settings.aws.external_id or None,
        concurrency=settings.aws.concurrency,
        api_share=settings.aws.api_share / 100,
        credentials_renewed=settings.aws.credentials_renewed,
        read_timeout_seconds=settings.aws.read_timeout_seconds,
        call_timeout_seconds=settings.aws.call_timeout_seconds,
    )


def describe_user() -> str:
    """``user@host``, as the machine has it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
