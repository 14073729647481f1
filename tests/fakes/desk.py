"""Audit and deletion at work on a fake organization, wired as the product wires them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from rootkeeper.acting import Acting
from rootkeeper.audit.reading import AccountReaderTools
from rootkeeper.audit.service import Audit
from rootkeeper.changes.removal import Removal
from rootkeeper.deletion.execution import ProtectionReader
from rootkeeper.deletion.service import Deletion
from rootkeeper.inventory.listing import InventoryReader
from rootkeeper.jobs.service import JobService
from rootkeeper.ledger.rules import Actor
from rootkeeper.organization.accounts import AccountId, Inventory
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.selection import NamedAccount, SelectionRequest
from rootkeeper.settings.sections import Settings
from rootkeeper.setup.drift import DriftReader
from rootkeeper.windows.decisions import WindowNotices
from rootkeeper.windows.rereading import AuditRereads
from tests.fakes.acting import OPERATOR, make_acting
from tests.fakes.clock import FakeClock
from tests.fakes.histories import InMemoryHistory
from tests.fakes.jobs import InMemoryJobs, JobShelf
from tests.fakes.notifications import RecordingNotifier
from tests.fakes.organization import FakeOrganization
from tests.fakes.policies import FakePolicies
from tests.fakes.root_users import FakeRootUser
from tests.fakes.setups import FakeGuardrails, InMemorySetups
from tests.fakes.stores import (
    InMemoryConfirmations,
    InMemoryExceptions,
    InMemoryInventory,
    InMemoryLedger,
    InMemoryLocks,
    InMemoryWindows,
    RecordedProgress,
)

PROD = AccountId("444455556666")
CLEAN = AccountId("555566667777")
FAILSAFE = AccountId("222233334444")


@dataclass(slots=True)
class Desk:
    """One operator in front of one organization."""

    clock: FakeClock = field(default_factory=FakeClock)
    organization: FakeOrganization = field(init=False)
    locks: InMemoryLocks = field(default_factory=InMemoryLocks)
    ledger: InMemoryLedger = field(init=False)
    store: InMemoryInventory = field(default_factory=InMemoryInventory)
    windows: InMemoryWindows = field(default_factory=InMemoryWindows)
    exceptions: InMemoryExceptions = field(default_factory=InMemoryExceptions)
    confirmations: InMemoryConfirmations = field(default_factory=InMemoryConfirmations)
    jobs: InMemoryJobs = field(init=False)
    progress: RecordedProgress = field(default_factory=RecordedProgress)
    policies: FakePolicies = field(init=False)
    guardrails: FakeGuardrails = field(default_factory=FakeGuardrails)
    setups: InMemorySetups = field(default_factory=InMemorySetups)
    notifier: RecordingNotifier = field(default_factory=RecordingNotifier)
    workers: int = 4
    batch_size: int = 200
    stop_after_denied: int = 20

    def __post_init__(self) -> None:
        self.organization = FakeOrganization(self.clock)
        self.ledger = InMemoryLedger(self.clock, self.locks)
        self.policies = FakePolicies(self.organization)
        self.jobs = InMemoryJobs(JobShelf(self.clock))

    @property
    def history(self) -> InMemoryHistory:
        return self.store.history

    def act(self, *stores: object, actor: Actor = OPERATOR, settings: Settings | None = None) -> Acting:
        """:param stores: more than the desk's own."""
        organization = self.organization
        return make_acting(
            self.clock,
            organization,
            self.policies,
            self.guardrails,
            organization.places,
            organization.emails,
            ledger=self.ledger,
            locks=self.locks,
            stores=(*stores, self.store, self.windows, self.exceptions, self.confirmations, self.setups, self.history),
            actor=actor,
            settings=settings,
            warn=self.progress.remark,
        )

    @property
    def inventory(self) -> InventoryReader:
        return InventoryReader(
            self.organization, self.store, self.clock, self.organization.organization, self.organization.caller
        )

    @property
    def audit(self) -> Audit:
        tools = AccountReaderTools(
            reader=self.organization,
            organization=self.organization.organization,
            caller=self.organization.caller,
            summaries=self.organization,
            policies=self.policies,
            ledger=self.ledger,
            store=self.store,
            windows=self.windows,
            confirmations=self.confirmations,
            clock=self.clock,
            jitter=lambda: 1.0,
            workers=self.workers,
            batch_size=self.batch_size,
            stop_after_denied=self.stop_after_denied,
            stale_after=timedelta(days=30),
        )
        return Audit(self.inventory, tools, self.job_service, self.drift_reader, self.history, self.rereads)

    def rereads(self, progress: Progress) -> AuditRereads:
        return AuditRereads(self.act(), progress, WindowNotices(self.notifier, self.clock, "SANDBOX 127.0.0.1:4599"))

    @property
    def drift_reader(self) -> DriftReader:
        return DriftReader(self.act())

    @property
    def removal(self) -> Removal:
        return Removal(self.organization, self.ledger, self.clock)

    @property
    def job_service(self) -> JobService:
        numbers = count(len(self.jobs.shelf.jobs) + 1)
        return JobService(
            self.jobs,
            self.clock,
            self.organization.organization.organization_id,
            self.organization.endpoint.label,
            "operator",
            lambda: f"j-{next(numbers)}",
        )

    @property
    def deletion(self) -> Deletion:
        return Deletion(
            inventory=self.inventory,
            tools=self.audit.tools,
            protections=ProtectionReader(self.exceptions, self.windows, self.clock),
            locks=self.locks,
            removal=self.removal,
            store=self.store,
            jobs=self.job_service,
            ledger_reader=self.ledger,
            clock=self.clock,
            created_by="operator",
            workers=self.workers,
        )

    def read_inventory(self) -> Inventory:
        return self.inventory.read(self.progress)

    def root_user(self, account_id: AccountId) -> FakeRootUser:
        return self.organization.root_users[account_id]


def naming(*texts: str) -> SelectionRequest:
    """A request for accounts by id or name."""
    return SelectionRequest(named=tuple(NamedAccount(text) for text in texts))
