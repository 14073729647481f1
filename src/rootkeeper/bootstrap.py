"""The composition root: settings → adapters → services, each made on first use.

So a command pays only for what it uses: ``ledger verify`` opens no AWS client, and ``--help`` nothing at all. Nothing
else knows the adapters.
"""

from __future__ import annotations

import getpass
import os
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
from rootkeeper.domain.organizations import Caller, Endpoint, Organization
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.settings import Settings, load_settings
from rootkeeper.workflows.audit import Audit
from rootkeeper.workflows.closing import Closing, WindowClosing
from rootkeeper.workflows.deletion import Deletion
from rootkeeper.workflows.exceptions import ExceptionKeeping
from rootkeeper.workflows.inventory import InventoryReading
from rootkeeper.workflows.overdue import OverdueClosing, list_overdue
from rootkeeper.workflows.recovery import RecoveryOpening
from rootkeeper.workflows.recovery_checks import RecoveryPlanning
from rootkeeper.workflows.removal import Removal
from rootkeeper.workflows.settlement import Settlement, SettlementReport
from rootkeeper.workflows.setup import Disabling, Enabling, SetupReading
from rootkeeper.workflows.targets import GuardReading
from rootkeeper.workflows.waiting import WindowWaiting

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.ports.ledger import Ledger, LedgerReader
    from rootkeeper.ports.progress import Progress
    from rootkeeper.storage.database import Database
    from rootkeeper.storage.deletion_exceptions import SqlDeletionExceptions
    from rootkeeper.storage.inventory import SqlInventoryStore
    from rootkeeper.storage.ledger import SqlLedger
    from rootkeeper.storage.locks import SqlAccountLocks
    from rootkeeper.storage.owners import Owner
    from rootkeeper.storage.windows import SqlRecoveryWindows

APPLICATION_NAME = "rootkeeper"
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
    def deletion_exceptions(self) -> SqlDeletionExceptions:
        return self.database.deletion_exceptions(self._organization_id)

    @property
    def _organization_id(self) -> str:
        return self.organization.organization_id

    # What can be done.

    @property
    def setup_reading(self) -> SetupReading:
        return SetupReading(self.gateway)

    def enabling(self, progress: Progress) -> Enabling:
        return Enabling(self.gateway, self.gateway, self.ledger, self.clock, progress)

    def disabling(self, progress: Progress) -> Disabling:
        return Disabling(self.gateway, self.gateway, self.ledger, self.windows, self.clock, progress)

    @property
    def inventory_reading(self) -> InventoryReading:
        return InventoryReading(self.gateway, self.inventory_store, self.clock, self.organization, self.caller)

    @property
    def audit(self) -> Audit:
        return Audit(
            self.inventory_reading,
            self.gateway,
            self.ledger,
            self.inventory_store,
            self.windows,
            self.clock,
            workers=self.settings.aws.concurrency,
        )

    @property
    def deletion(self) -> Deletion:
        return Deletion(
            self.inventory_reading,
            self.audit,
            GuardReading(self.deletion_exceptions, self.windows, self.clock),
            self.locks,
            Removal(self.gateway, self.ledger, self.clock, self._reread_pauses),
            self.inventory_store,
            self.clock,
            created_by=self.actor.name,
            workers=self.settings.aws.deletion_concurrency,
        )

    @property
    def exceptions(self) -> ExceptionKeeping:
        return ExceptionKeeping(self.deletion_exceptions, self.ledger, self.clock, self.actor.name)

    @property
    def recovery_planning(self) -> RecoveryPlanning:
        return RecoveryPlanning(
            self.gateway, self.gateway, self.ledger, self.windows, self.deletion_exceptions, self.clock
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
            self.gateway, self.gateway, self.ledger, self.windows, self.locks, self.clock, progress
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
