"""Audit and deletion at work on a fake organization, wired as the product wires them."""

from __future__ import annotations

from dataclasses import dataclass, field

from rootkeeper.domain.organizations import AccountId, Inventory
from rootkeeper.domain.selection import NamedAccount, SelectionRequest
from rootkeeper.workflows.audit import Audit
from rootkeeper.workflows.deletion import Deletion
from rootkeeper.workflows.inventory import InventoryReading
from rootkeeper.workflows.removal import Removal
from rootkeeper.workflows.targets import GuardReading
from tests.fakes.clock import FakeClock
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import FakeRootUser
from tests.fakes.stores import (
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
    progress: RecordedProgress = field(default_factory=RecordedProgress)
    workers: int = 4
    batch_size: int = 200

    def __post_init__(self) -> None:
        self.organization = FakeOrganization(self.clock)
        self.ledger = InMemoryLedger(self.clock, self.locks)

    @property
    def inventory(self) -> InventoryReading:
        return InventoryReading(
            self.organization, self.store, self.clock, self.organization.organization, self.organization.caller
        )

    @property
    def audit(self) -> Audit:
        return Audit(
            inventory=self.inventory,
            sessions=self.organization,
            ledger=self.ledger,
            store=self.store,
            windows=self.windows,
            clock=self.clock,
            workers=self.workers,
            batch_size=self.batch_size,
        )

    @property
    def removal(self) -> Removal:
        return Removal(self.organization, self.ledger, self.clock)

    @property
    def deletion(self) -> Deletion:
        return Deletion(
            inventory=self.inventory,
            audit=self.audit,
            guards=GuardReading(self.exceptions, self.windows, self.clock),
            locks=self.locks,
            removal=self.removal,
            store=self.store,
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
