"""The composition root: settings → adapters → services, each made on first use.

So a command pays only for what it uses: ``ledger verify`` opens no AWS client, and ``--help`` nothing at all. Nothing
else knows the adapters.
"""

from __future__ import annotations

import getpass
import os
import random
import secrets
import socket
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import platformdirs

from rootkeeper.clock import SystemClock
from rootkeeper.domain.ledger import Actor, ActorKind, LedgerEntry
from rootkeeper.domain.organizations import Caller, Endpoint, Inventory, Organization
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.settings import Settings, load_settings
from rootkeeper.workflows.account_reading import ReadingTools
from rootkeeper.workflows.audit import Audit
from rootkeeper.workflows.blocking import BlockNaming
from rootkeeper.workflows.breakglass import BreakGlassReading
from rootkeeper.workflows.closing import Closing, WindowClosing
from rootkeeper.workflows.deletion import Deletion
from rootkeeper.workflows.email_change_checks import EmailChangePlanning
from rootkeeper.workflows.email_changes import EmailChanging
from rootkeeper.workflows.emails import EmailAttesting, EmailListing
from rootkeeper.workflows.entrances import EntranceReading
from rootkeeper.workflows.exceptions import ExceptionKeeping
from rootkeeper.workflows.failsafe import DrillKeeping, FailsafeChecking
from rootkeeper.workflows.failsafe_set_up import (
    CompletionWaiting,
    FailsafeKeeping,
    FailsafeSetUpPlanning,
    LoginWatch,
)
from rootkeeper.workflows.inventory import InventoryReading
from rootkeeper.workflows.jobs import JobKeeping
from rootkeeper.workflows.overdue import OverdueClosing, list_overdue
from rootkeeper.workflows.policies import PolicyMaking
from rootkeeper.workflows.preflight import Preflight
from rootkeeper.workflows.recovery import RecoveryOpening
from rootkeeper.workflows.recovery_checks import RecoveryPlanning
from rootkeeper.workflows.removal import Removal
from rootkeeper.workflows.reporting import Reporting, choose_organization
from rootkeeper.workflows.root_events import RootEventJudging
from rootkeeper.workflows.settlement import Settlement, SettlementReport
from rootkeeper.workflows.setup import Disabling, Enabling, SetupReading
from rootkeeper.workflows.setup_drift import DriftReading, SetupAcceptance
from rootkeeper.workflows.targets import GuardReading
from rootkeeper.workflows.unlock_planning import UnlockPlanning
from rootkeeper.workflows.unlock_reading import UnlockReading
from rootkeeper.workflows.unlock_run import UnlockRun
from rootkeeper.workflows.waiting import WindowWaiting

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.ports.ledger import Ledger, LedgerReader
    from rootkeeper.ports.progress import Progress
    from rootkeeper.storage.database import Database
    from rootkeeper.storage.deletion_exceptions import SqlDeletionExceptions
    from rootkeeper.storage.email_attestations import SqlEmailAttestations
    from rootkeeper.storage.inventory import SqlInventoryStore
    from rootkeeper.storage.jobs import SqlJobs
    from rootkeeper.storage.ledger import SqlLedger
    from rootkeeper.storage.locks import SqlAccountLocks
    from rootkeeper.storage.owners import Owner
    from rootkeeper.storage.windows import SqlRecoveryWindows

APPLICATION_NAME = "rootkeeper"
LARGEST_BATCH = 200
"""Accounts of an audit that share one intent at most."""
_PERCENT = 100


def load_user_settings(config: Path | None) -> Settings:
    """The settings of this user: file, environment, and the data folder for what neither names.

    :raises SettingsError: if one is unknown or out of range.
    """
    return load_settings(config, os.environ, platformdirs.user_data_path(APPLICATION_NAME, appauthor=False))


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What earlier commands left behind, and what became of it."""

    merged_entries: int
    settlement: SettlementReport
    closings: tuple[Closing, ...]


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """What an entry of the ledger names beside its content."""

    organization_id: str
    endpoint: Endpoint
    actor: Actor


class Application:
    """Everything that a command may need. Close it: the lease ends, and mirror and anchor are brought up to date."""

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

    # What can be done.

    @property
    def setup_reading(self) -> SetupReading:
        return SetupReading(self.gateway)

    @property
    def drift_reading(self) -> DriftReading:
        """:raises DatabaseError: if the database can't be opened."""
        return DriftReading(
            self.gateway,
            self.database.accepted_setups(self._organization_id),
            self.ledger_reader,
            self.clock,
            self._organization_id,
            self.caller,
            self.endpoint,
            self._warn,
        )

    @property
    def setup_acceptance(self) -> SetupAcceptance:
        return SetupAcceptance(self.database.accepted_setups(self._organization_id), self.ledger, self.actor.name)

    def enabling(self, progress: Progress) -> Enabling:
        return Enabling(self.gateway, self.gateway, self.ledger, self.clock, progress)

    def disabling(self, progress: Progress) -> Disabling:
        return Disabling(self.gateway, self.gateway, self.ledger, self.windows, self.clock, progress)

    @property
    def inventory_reading(self) -> InventoryReading:
        self._share_quotas()
        return InventoryReading(self.gateway, self.inventory_store, self.clock, self.organization, self.caller)

    @property
    def preflight(self) -> Preflight:
        return Preflight(self.inventory_reading, self.gateway, self.clock)

    def block_naming(self, inventory: Inventory) -> BlockNaming:
        return BlockNaming(self.gateway, inventory)

    @property
    def audit(self) -> Audit:
        tools = ReadingTools(
            reader=self.gateway,
            organization=self.organization,
            caller=self.caller,
            summaries=self.gateway,
            policies=self.gateway,
            ledger=self.ledger,
            store=self.inventory_store,
            windows=self.windows,
            clock=self.clock,
            jitter=random.random,
            workers=self.settings.aws.concurrency,
            batch_size=LARGEST_BATCH,
        )
        return Audit(self.inventory_reading, tools, self.job_keeping, self.drift_reading)

    @property
    def deletion(self) -> Deletion:
        return Deletion(
            self.inventory_reading,
            self.audit,
            GuardReading(self.deletion_exceptions, self.windows, self.clock),
            self.locks,
            Removal(self.gateway, self.ledger, self.clock, self._reread_pauses),
            self.inventory_store,
            self.job_keeping,
            self.ledger_reader,
            self.clock,
            created_by=self.actor.name,
            workers=self.settings.aws.deletion_concurrency,
        )

    @property
    def job_keeping(self) -> JobKeeping:
        return JobKeeping(
            self.jobs, self.clock, self._organization_id, self.endpoint.label, self.actor.name, make_job_id
        )

    @property
    def exceptions(self) -> ExceptionKeeping:
        return ExceptionKeeping(self.deletion_exceptions, self.ledger, self.clock, self.actor.name)

    @property
    def email_listing(self) -> EmailListing:
        return EmailListing(
            self.inventory_reading,
            self.inventory_store,
            self.email_attestations,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def email_attesting(self) -> EmailAttesting:
        return EmailAttesting(self.email_attestations, self.ledger, self.clock, self.actor.name)

    @property
    def email_change_planning(self) -> EmailChangePlanning:
        return EmailChangePlanning(
            self.gateway,
            self.gateway,
            self.windows,
            self.deletion_exceptions,
            self.email_attestations,
            self.ledger_reader,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def email_changing(self) -> EmailChanging:
        return EmailChanging(self.gateway, self.ledger, self.windows, self.locks, self.clock, self._reread_pauses)

    @property
    def policy_making(self) -> PolicyMaking:
        return PolicyMaking(self.gateway, self.windows)

    @property
    def root_event_judging(self) -> RootEventJudging:
        return RootEventJudging(self.ledger_reader, self._organization_id, self.endpoint)

    @property
    def recovery_planning(self) -> RecoveryPlanning:
        return RecoveryPlanning(
            self.gateway, self.gateway, self.ledger, self.windows, self.deletion_exceptions, self.gateway, self.clock
        )

    def recovery_opening(self, progress: Progress) -> RecoveryOpening:
        return RecoveryOpening(
            self.gateway,
            self.gateway,
            self.ledger,
            self.windows,
            self.locks,
            self.clock,
            progress,
            self.actor.name,
            make_window_id,
        )

    @property
    def failsafe_checking(self) -> FailsafeChecking:
        return FailsafeChecking(
            self.audit,
            self.gateway,
            self.ledger_reader,
            self.windows,
            self.email_attestations,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def drill_keeping(self) -> DrillKeeping:
        return DrillKeeping(self.ledger, self.clock, self.actor.name)

    @property
    def failsafe_set_up_planning(self) -> FailsafeSetUpPlanning:
        return FailsafeSetUpPlanning(self.recovery_planning)

    def login_watch(self, progress: Progress, window: RecoveryWindow) -> LoginWatch:
        return LoginWatch(self.gateway, self.ledger, self.clock, progress, window)

    def completion_waiting(self, progress: Progress) -> CompletionWaiting:
        keeping = FailsafeKeeping(
            self.gateway, self.gateway, self.ledger, self.windows, self.locks, self.clock, progress
        )
        return CompletionWaiting(self.window_waiting(progress), keeping)

    @property
    def breakglass_reading(self) -> BreakGlassReading:
        entrances = EntranceReading(self.gateway, self.gateway, self.caller)
        return BreakGlassReading(self.failsafe_checking, entrances, self.gateway, self.inventory_store, self.clock)

    def window_closing(self, progress: Progress) -> WindowClosing:
        return WindowClosing(
            self.gateway,
            self.gateway,
            self.ledger,
            self.windows,
            self.locks,
            self.clock,
            progress,
            spill=self._open_spill,
            reread_pauses_seconds=self._reread_pauses,
        )

    def window_waiting(self, progress: Progress) -> WindowWaiting:
        return WindowWaiting(self.window_closing(progress), self.windows, self.clock, progress)

    def reporting(self, organization_id: str | None) -> Reporting:
        """Works without AWS: the database tells which organizations it knows.

        :raises InputError: if ``organization_id`` isn't known, or isn't given and several are.
        """
        chosen = choose_organization(self.database.list_organization_ids(), organization_id)
        return Reporting(
            chosen,
            self.database.inventory(chosen),
            self.database.windows(chosen),
            self.database.deletion_exceptions(chosen),
            self.database.accepted_setups(chosen),
            self.database.email_attestations(chosen),
            self.settings.emails.to_rules(),
            self.ledger_reader,
        )

    @property
    def unlock_reading(self) -> UnlockReading:
        return UnlockReading(
            self.gateway,
            self.ledger,
            self.gateway,
            self.clock,
            self.organization,
            self.caller,
            self.settings.unlock.protect,
        )

    @property
    def unlock_planning(self) -> UnlockPlanning:
        return UnlockPlanning(self.unlock_reading, self.ledger_reader)

    @property
    def unlock_run(self) -> UnlockRun:
        from rootkeeper.storage.saved_policies import SavedPolicyFiles

        return UnlockRun(
            self.unlock_reading,
            self.gateway,
            self.ledger,
            self.locks,
            SavedPolicyFiles(self.settings.unlock.saved_policies),
            self.clock,
            bucket_pauses_seconds=self._reread_pauses,
            queue_pauses_seconds=spread_pauses(self.settings.unlock.queue_verify_seconds),
        )

    def list_overdue(self) -> tuple[RecoveryWindow, ...]:
        """Windows whose closing is due; only read."""
        return list_overdue(self.windows, self.clock.now())

    def deal_with_leftovers(self, progress: Progress) -> Leftovers:
        """What every changing command does first: merge spill files, settle orphans, close what is overdue.

        :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
        :raises LedgerUnavailableError: if the ledger can't be written.
        """
        self.database.ensure_not_outdated()
        merged = sum(self.database.merge_spill(path, self.ledger) for path in self.database.list_spills())
        settlement = Settlement(
            self.gateway, self.gateway, self.ledger, self.windows, self.locks, self.clock, progress, self.gateway
        ).settle()
        closings = OverdueClosing(self.windows, self.window_closing(progress), progress).close_overdue(self.clock.now())
        return Leftovers(merged, settlement, closings)

    @cached_property
    def ledger_identity(self) -> LedgerIdentity:
        """For whom an entry about the ledger itself is written.

        A database of one organization knows it by itself, so that this needs no AWS; else AWS is asked.
        """
        organization_ids = self.database.list_organization_ids()
        entries = self.ledger_reader.list_entries() if len(organization_ids) == 1 else iter(())
        last = deque(entries, maxlen=1)
        if not last:
            return LedgerIdentity(self._organization_id, self.endpoint, self.actor)
        actor = Actor(describe_user(), ActorKind.SELF_ASSERTED)
        return LedgerIdentity(last[0].organization_id, Endpoint(last[0].endpoint), actor)

    def adopt_ledger(self) -> LedgerEntry | None:
        """Record that this database is the one to go on with; ``None`` if there is nothing to adopt.

        :raises LedgerUnavailableError: if it can't be recorded.
        """
        who = self.ledger_identity
        return self.database.adopt(self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner))

    def _share_quotas(self) -> None:
        """Processes on one database draw on the same token buckets, as AWS counts their calls together."""
        whose = f"{self.caller.account_id} {self.gateway.region} {self.endpoint.label}"
        self.gateway.share_quotas(self.database.quotas(self._organization_id, whose, self.clock))

    def _open_spill(self) -> Ledger:
        return self._open.enter_context(
            self.database.open_spill(self._organization_id, self.endpoint, self.actor, self.owner)
        )

    @property
    def _reread_pauses(self) -> tuple[float, ...]:
        return spread_pauses(self.settings.aws.verify_seconds)


def describe_user() -> str:
    """``user@host``, as the machine has it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def make_job_id() -> str:
    return f"j-{secrets.token_hex(5)}"


def make_window_id() -> str:
    return f"w-{secrets.token_hex(5)}"


def spread_pauses(seconds: float) -> tuple[float, ...]:
    """Pauses that double from one second on and add up to ``seconds``."""
    pauses: list[float] = []
    pause, left = 1.0, float(seconds)
    while left > 0:
        pauses.append(min(pause, left))
        left -= pause
        pause *= 2
    return tuple(pauses)
