"""One process of one operator: the use cases as a command line composes them, over the fakes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import count

from rootkeeper.acting import Acting
from rootkeeper.composition.changes import make_restorer
from rootkeeper.exceptions.service import ExceptionService
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.settings.sections import Settings
from rootkeeper.settlement.service import Settlement, SettlementReport
from rootkeeper.setup.service import SetupDisabler, SetupEnabler, SetupReader
from rootkeeper.windows.checks import RecoveryPlanner, RecoveryRequest
from rootkeeper.windows.closing import WindowCloser, WindowWaiter, close_overdue
from rootkeeper.windows.opening import WindowOpener
from rootkeeper.windows.rules import CloseResult, OpeningResult, RecoveryWindow
from tests.fakes.acting import make_acting, make_settings, refuse_spill
from tests.fakes.databases import FakeDatabase, FakeExceptions, FakeLedger, FakeLocks, FakeWindows
from tests.fakes.organization import FakeOrganization
from tests.fakes.policies import FakePolicies
from tests.fakes.stores import InMemoryConfirmations, InMemoryInventory

_NUMBERS = count(1)
ALICE = Actor("alice", ActorKind.SELF_ASSERTED)
NO_REREADS = make_settings(windows={"rereads": ()})


@dataclass
class RecordingProgress:
    """Implements Progress; keeps the remarks."""

    remarks: list[str] = field(default_factory=list)

    def start(self, label: str, total: int | None) -> None: ...

    def set_total(self, total: int) -> None: ...

    def set_listed(self, count: int) -> None: ...

    def advance(self, *, present: int = 0, unknown: int = 0, unread: int = 0) -> None: ...

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def finish(self) -> None: ...


class Operator:
    """A process with its own owner id; start another one to come after a crash."""

    def __init__(self, organization: FakeOrganization, database: FakeDatabase, *, has_spill: bool = True) -> None:
        self.organization = organization
        self.database = database
        self.clock = organization.clock
        self.owner_id = f"process-{next(_NUMBERS)}"
        self.progress = RecordingProgress()
        self.ledger = FakeLedger(database, self.owner_id)
        self.spilled = FakeLedger(FakeDatabase(self.clock), self.owner_id, is_spill=True)
        self.windows = FakeWindows(database)
        self.locks = FakeLocks(database, self.owner_id)
        self.exceptions = FakeExceptions(database)
        self.policies = FakePolicies(organization)
        self.has_spill = has_spill

    def die(self) -> None:
        self.database.die(self.owner_id)

    def account(self, account_id: AccountId) -> Account:
        return self.organization.accounts[account_id]

    def inventory(self) -> Inventory:
        return Inventory(
            organization=self.organization.organization,
            accounts=tuple(self.organization.accounts.values()),
            organizational_units=tuple(self.organization.organizational_units.values()),
            listed_at=self.clock.now(),
        )

    def act(
        self,
        actor: Actor = ALICE,
        ledger: Ledger | None = None,
        settings: Settings = NO_REREADS,
        watch_source_name: str | None = None,
    ) -> Acting:
        """The acting context of this process, with what it has now."""
        return make_acting(
            self.clock,
            self.organization,
            self.policies,
            self.organization.emails,
            ledger=ledger or self.ledger,
            locks=self.locks,
            stores=(self.windows, self.exceptions, InMemoryConfirmations(), InMemoryInventory(self.inventory())),
            actor=actor,
            settings=settings,
            open_spill=self._spill,
            watch_source_name=watch_source_name,
        )

    @property
    def planning(self) -> RecoveryPlanner:
        return RecoveryPlanner(self.act())

    @property
    def opening(self) -> WindowOpener:
        return WindowOpener(self.act(), self.progress, lambda: f"w-{len(self.database.windows) + 1}")

    @property
    def closing(self) -> WindowCloser:
        return WindowCloser(self.act(), self.progress)

    @property
    def waiting(self) -> WindowWaiter:
        return WindowWaiter(self.closing)

    @property
    def settlement(self) -> Settlement:
        restore = make_restorer(self.organization, self.organization.emails, self.windows, self.clock)
        return Settlement(self.act(), self.progress, self.organization, restore)

    @property
    def setup_enabler(self) -> SetupEnabler:
        return SetupEnabler(self.act(), self.progress)

    @property
    def setup_disabler(self) -> SetupDisabler:
        return SetupDisabler(self.act(), self.progress)

    @property
    def setup(self) -> SetupReader:
        return SetupReader(self.organization)

    @property
    def exception_keeping(self) -> ExceptionService:
        return ExceptionService(self.act())

    def request(
        self,
        account_id: AccountId,
        seconds: int = 3600,
        reason: str = "billing",
        *,
        keeps_login: bool = False,
        governs_login: bool = False,
    ) -> RecoveryRequest:
        return RecoveryRequest(
            self.account(account_id), reason, "T-1", seconds, keeps_login=keeps_login, governs_login=governs_login
        )

    def open(self, account_id: AccountId, seconds: int = 3600, *, keeps_login: bool = False) -> OpeningResult:
        """As ``rootkeeper recover``, or ``failsafe set-up``, does up to its waiting."""
        request = self.request(account_id, seconds, keeps_login=keeps_login)
        return self.opening.open(self.planning.plan(self.inventory(), request))

    def close(self, window: RecoveryWindow) -> CloseResult:
        return self.closing.close(window)

    def start_changing_command(self) -> tuple[SettlementReport, tuple[CloseResult, ...]]:
        """What every command that changes something does first."""
        report = self.settlement.settle()
        return report, close_overdue(self.windows, self.closing, self.progress, self.clock.now())

    def _spill(self) -> AbstractContextManager[Ledger]:
        if not self.has_spill:
            refuse_spill()
        return nullcontext(self.spilled)
