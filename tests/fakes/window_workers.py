"""A server's or worker's process over the fakes: its people, its loops, and how it dies.

What a crew would do on threads is done at once and in order, or handed over to be done later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, fold_name
from rootkeeper.acting import Acting
from rootkeeper.approvals.rules import COUNTING_KINDS, PeopleReader
from rootkeeper.changes.removal import Removal
from rootkeeper.deletion.execution import ProtectionReader
from rootkeeper.errors import RootkeeperError
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.threads import KeyedExecutor
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.checks import RecoveryPlanner
from rootkeeper.windows.closing import WindowCloser
from rootkeeper.windows.decisions import WindowDecisionService, WindowNotices, WindowRequestService
from rootkeeper.windows.opening import WindowActivator, WindowOpener
from rootkeeper.windows.rereading import WindowRereader
from rootkeeper.windows.rules import CloseResult, OpeningResult, RecoveryWindow, WindowState
from rootkeeper.worker.closing import OrphanSettler, WindowCloseLoop, WindowMaintenance
from tests.fakes.acting import make_settings
from tests.fakes.databases import FakeDatabase, FakeLedger
from tests.fakes.notifications import RecordingNotifier
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

SERVER = Actor("rootkeeper", ActorKind.SERVER)
REREADS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=12), timedelta(hours=24))


def make_person(
    name: str, role: ServerRole = ServerRole.ADMINISTRATOR, kind: IdentityKind = IdentityKind.USER
) -> Identity:
    return Identity(f"u-{name}", kind, name, role, "test", datetime(2026, 1, 1, tzinfo=UTC))


def signed_in(name: str) -> Actor:
    return Actor(name, ActorKind.SIGNED_IN)


@dataclass
class Work:
    """Takes the place of a crew's threads: does work at once, or when a test says so."""

    is_immediate: bool = True
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def begin(self, work: Callable[[], None]) -> None:
        if self.is_immediate:
            work()
        else:
            self.waiting.append(work)

    def do_all(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


class WindowWorker:
    """One process with its own owner id; start another one to come after a crash."""

    def __init__(
        self,
        organization: FakeOrganization,
        database: FakeDatabase,
        policy: WindowPolicy | None = None,
        *,
        notifier: RecordingNotifier | None = None,
        watched_by: str | None = None,
    ) -> None:
        self.process = Operator(organization, database)
        self.organization = organization
        self.database = database
        self.clock = organization.clock
        self.policy = policy or WindowPolicy(approvals=1, rereads=REREADS)
        self.notifier = notifier or RecordingNotifier()
        self.notices = WindowNotices(self.notifier, self.clock, "SANDBOX 127.0.0.1:4599")
        self.watched_by = watched_by
        self.work = Work()
        self.again = Work()
        """Attempts to close beside others."""
        self.reported: list[str] = []
        self.window_close_loop = self._make_closing_loop()
        self.upkeep = self._make_upkeep()

    def die(self) -> None:
        self.process.die()

    @property
    def remarks(self) -> list[str]:
        return self.process.progress.remarks

    def ledger_of(self, actor: Actor) -> FakeLedger:
        return FakeLedger(self.database, self.process.owner_id, actor=actor)

    def act(self, actor: Actor, ledger: Ledger | None = None) -> Acting:
        settings = make_settings(windows={"rereads": self.policy.rereads})
        ledger = ledger or self.ledger_of(actor)
        return self.process.act(actor, ledger, settings=settings, watch_source_name=self.watched_by)

    def state_of(self, window_id: str) -> WindowState:
        return self.database.windows[window_id].state

    # What people do.

    def know(self, actor: Actor) -> PeopleReader:
        """The actor is a user of the server, with every permission unless the test has said otherwise."""
        if actor.kind in COUNTING_KINDS:
            kind = IdentityKind.USER if actor.kind is ActorKind.SIGNED_IN else IdentityKind.TOKEN
            self.database.identities.setdefault(fold_name(actor.name), make_person(actor.name, kind=kind))
        return PeopleReader(self.database.identities.values, self.policy)

    def planning(self, actor: Actor) -> RecoveryPlanner:
        needed = self.policy.approvals if actor.kind is not ActorKind.SELF_ASSERTED else 0
        return RecoveryPlanner(self.act(actor), needed)

    def requesting(self, actor: Actor) -> WindowRequestService:
        self.know(actor)
        return WindowRequestService(
            self.act(actor),
            self.planning(actor),
            self.policy,
            self.notices,
            lambda: f"w-{len(self.database.windows) + 1}",
        )

    def request(
        self,
        account_id: AccountId,
        by: str = "alice",
        seconds: int = 3600,
        *,
        is_drill: bool = False,
        is_emergency: bool = False,
        governs_login: bool = False,
        keeps_login: bool = False,
    ) -> RecoveryWindow:
        return self.requesting(signed_in(by)).request(
            self.process.inventory(),
            self.process.request(account_id, seconds, governs_login=governs_login, keeps_login=keeps_login),
            is_drill=is_drill,
            is_emergency=is_emergency,
        )

    def deciding(self, actor: Actor) -> WindowDecisionService:
        return WindowDecisionService(self.act(actor), self.policy, self.notices, self.know(actor))

    def approve(self, window_id: str, by: str = "bob") -> RecoveryWindow:
        return self.deciding(signed_in(by)).approve(window_id)

    def activating(self, actor: Actor) -> WindowActivator:
        acting = self.act(actor)
        return WindowActivator(
            acting,
            self.planning(actor),
            WindowOpener(acting, self.process.progress, lambda: "w-unused"),
            self.process.inventory,
            self.notices,
            self.know(actor),
        )

    def activate(self, window_id: str, by: str = "alice") -> OpeningResult:
        return self.activating(signed_in(by)).activate(window_id)

    def open(self, account_id: AccountId, seconds: int = 3600) -> RecoveryWindow:
        """Requested, approved as often as needed, activated."""
        window = self.request(account_id, seconds=seconds)
        for number in range(self.policy.approvals):
            self.approve(window.window_id, f"approver-{number}")
        return self.activate(window.window_id).window

    def closing(self, closed_by: str | None = None) -> WindowCloser:
        acting = self.act(SERVER if closed_by is None else signed_in(closed_by), self.process.ledger)
        return WindowCloser(acting, self.process.progress, self.notices)

    def close(self, window_id: str, by: str = "alice") -> CloseResult:
        return self.closing(by).close(self.database.windows[window_id])

    def delete(self, account_id: AccountId) -> bool:
        """As a deletion does with one account; ``False`` if it is left alone."""
        protections = ProtectionReader(self.process.exceptions, self.process.windows, self.clock)
        with self.process.locks.hold(account_id, "deleting root user credentials") as lock:
            if account_id in protections.read().recorded:
                return False
            removal = Removal(self.organization, self.process.ledger, self.clock)
            return removal.remove(account_id, lock, context={"plan_id": "p-1"}).is_proven_empty

    # What the process does by itself.

    def tick(self) -> None:
        """One turn of both loops; an error ends its turn and never the loop."""
        for loop in (self.window_close_loop, self.upkeep):
            try:
                loop.tick()
            except RootkeeperError as error:
                self.reported.append(error.message)

    def run_for(self, seconds: int, step: int = 1) -> None:
        for _ in range(0, seconds, step):
            self.clock.advance(step)
            self.tick()

    def _make_closing_loop(self) -> WindowCloseLoop:
        return WindowCloseLoop(
            self.act(SERVER, self.process.ledger),
            self.closing(),
            OrphanSettler(self.process.settlement, self.notices),
            self.notices,
            KeyedExecutor(self.work.begin, self.reported.append),
            lambda _: None,
            lambda: 0.5,
            KeyedExecutor(self.again.begin, self.reported.append),
        )

    def _make_upkeep(self) -> WindowMaintenance:
        rereading = WindowRereader(self.act(SERVER, self.process.ledger), self.process.progress, self.notices)
        executor = KeyedExecutor(self.work.begin, self.reported.append)
        return WindowMaintenance(self.act(SERVER), self.notices, rereading, executor, self.know(SERVER))
