"""One process of one operator: the use cases as a command line composes them, over the fakes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import count

from rootkeeper.composition.changes import make_restorer
from rootkeeper.exceptions.service import ExceptionService
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.settlement.service import Settlement, SettlementReport
from rootkeeper.setup.service import SetupDisabler, SetupEnabler, SetupReader
from rootkeeper.windows.checks import RecoveryPlanner, RecoveryRequest
from rootkeeper.windows.closing import WindowCloser, WindowWaiter, close_overdue
from rootkeeper.windows.opening import WindowOpener
from rootkeeper.windows.rules import CloseResult, OpeningResult, RecoveryWindow
from tests.fakes.databases import FakeDatabase, FakeExceptions, FakeLedger, FakeLocks, FakeWindows
from tests.fakes.organization import FakeOrganization
from tests.fakes.policies import FakePolicies

_NUMBERS = count(1)


@dataclass
class RecordingProgress:
    """Implements Progress; keeps the remarks."""

    remarks: list[str] = field(default_factory=list)

    def start(self, label: str, total: int | None) -> None: ...

    def set_total(self, total: int) -> None: ...

    def advance(self, *, present: int = 0, unknown: int = 0) -> None: ...

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

    @property
    def planning(self) -> RecoveryPlanner:
        return RecoveryPlanner(
            self.organization, self.organization, self.ledger, self.windows, self.exceptions, self.policies, self.clock
        )

    @property
    def opening(self) -> WindowOpener:
        return WindowOpener(
            reader=self.organization,
            sessions=self.organization,
            ledger=self.ledger,
            windows=self.windows,
            locks=self.locks,
            clock=self.clock,
            progress=self.progress,
            actor_name="alice",
            new_window_id=lambda: f"w-{len(self.database.windows) + 1}",
        )

    @property
    def closing(self) -> WindowCloser:
        return WindowCloser(
            reader=self.organization,
            sessions=self.organization,
            ledger=self.ledger,
            windows=self.windows,
            locks=self.locks,
            clock=self.clock,
            progress=self.progress,
            spill=self._spill if self.has_spill else None,
        )

    @property
    def waiting(self) -> WindowWaiter:
        return WindowWaiter(self.closing, self.windows, self.clock, self.progress)

    @property
    def settlement(self) -> Settlement:
        return Settlement(
            self.organization,
            self.organization,
            self.ledger,
            self.windows,
            self.locks,
            self.clock,
            self.progress,
            make_restorer(self.organization, self.organization.emails, self.windows, self.clock),
        )

    @property
    def setup_enabler(self) -> SetupEnabler:
        return SetupEnabler(self.organization, self.organization, self.ledger, self.clock, self.progress)

    @property
    def setup_disabler(self) -> SetupDisabler:
        return SetupDisabler(self.organization, self.organization, self.ledger, self.clock, self.progress, self.windows)

    @property
    def setup(self) -> SetupReader:
        return SetupReader(self.organization)

    @property
    def exception_keeping(self) -> ExceptionService:
        return ExceptionService(self.exceptions, self.ledger, self.clock, "alice")

    def request(
        self, account_id: AccountId, seconds: int = 3600, reason: str = "billing", *, keeps_login: bool = False
    ) -> RecoveryRequest:
        return RecoveryRequest(self.account(account_id), reason, "T-1", seconds, keeps_login=keeps_login)

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
        return nullcontext(self.spilled)
