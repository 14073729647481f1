"""Reading accounts: what is fed comes back as statuses, step by step, in the thread that takes the steps."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from rootkeeper.domain.organizations import Account, AccountId, AccountState, Caller, Organization
from rootkeeper.domain.statuses import AccountRole, AccountStatus, Status, find_status_without_reading
from rootkeeper.domain.windows import OWING_STATES
from rootkeeper.errors import DatabaseError, LedgerUnavailableError, RootkeeperError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_summaries import RootSummaries, SummaryReader
from rootkeeper.ports.stopping import StopSignal
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.account_judging import AccountStatusEvaluator
from rootkeeper.workflows.audit_batches import AuditBatches, AuditTarget
from rootkeeper.workflows.inventory_listing import Question, Step
from rootkeeper.workflows.worker_threads import WorkerThreads, WorkResult

_LOOK_SECONDS = 0.2
"""How long a step is waited for, so that a request to stop is seen."""
_DETAIL_THREADS = 32

TakeStatus = Callable[[AccountStatus], None]


@dataclass(frozen=True, slots=True)
class AccountReaderTools:
    """What reading needs from outside."""

    reader: OrganizationReader
    organization: Organization
    caller: Caller
    summaries: RootSummaries
    policies: PolicyReader
    """Asked only where one blocks, and AWS didn't say which."""
    ledger: Ledger
    store: InventoryStore
    windows: RecoveryWindows
    clock: Clock
    jitter: Callable[[], float]
    """A number from 0 to 1, anew each time: how much of a delay is waited."""
    workers: int
    """Accounts that are read at the same time."""
    batch_size: int
    """Accounts that share an intent at most."""


@dataclass(slots=True)
class AccountReader:
    """A context: leaving it waits for what is in flight and records the outcome of every batch."""

    tools: AccountReaderTools
    progress: Progress
    stop: StopSignal
    take_status: TakeStatus = lambda _: None
    """Told each status as it is known."""
    details: bool = False
    statuses: dict[AccountId, AccountStatus] = field(default_factory=dict)
    _steps: queue.SimpleQueue[Step] = field(default_factory=queue.SimpleQueue)
    _opened: AbstractContextManager[SummaryReader] = field(init=False)
    _asides: WorkerThreads[Step] = field(init=False)
    """Read what takes more than the two calls."""
    _unanswered: int = 0
    """Questions to them."""
    _is_left: bool = False
    _batches: AuditBatches = field(init=False)
    _evaluator: AccountStatusEvaluator = field(init=False)
    _open_windows: frozenset[AccountId] = frozenset()
    _states: dict[AccountId, AccountState] = field(default_factory=dict)
    """In which state each account was fed last: it may change while it is being read."""

    def __enter__(self) -> Self:
        tools = self.tools
        unfinished = tools.windows.list_windows(unfinished_only=True)
        self._open_windows = frozenset(window.account_id for window in unfinished if window.state in OWING_STATES)
        count = min(_DETAIL_THREADS, tools.workers) if self.details else 1
        self._asides = WorkerThreads(count, "asides", lambda done: self.deliver(partial(self._take_answer, done)))
        self._evaluator = AccountStatusEvaluator(tools.reader, tools.caller, tools.clock, self._ask, self.details)
        self._opened = tools.summaries.open_summary_reader(tools.workers)
        self._batches = AuditBatches(
            reader=self._opened.__enter__(),
            evaluator=self._evaluator.evaluate,
            ledger=tools.ledger,
            store=tools.store,
            clock=tools.clock,
            progress=self.progress,
            deliver=self.deliver,
            take_status=self._take_status,
            is_current=lambda account: self._states[account.account_id] is account.state,
            workers=tools.workers,
            batch_size=tools.batch_size,
            jitter=tools.jitter,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None or isinstance(error, RootkeeperError | KeyboardInterrupt):
                self._drain()  # after a bug nobody knows what to wait for
        finally:
            self._is_left = True
            self._opened.__exit__(kind, error, traceback)
            self._asides.close()
            self._batches.record_rest()

    @property
    def is_idle(self) -> bool:
        """Whether everything that was fed is read, and has its status."""
        return self._batches.is_idle and not self._unanswered and self._batches.obstacle is None

    @property
    def is_in_flight(self) -> bool:
        """Whether a call is on its way."""
        return self._batches.is_in_flight or self._unanswered > 0

    def deliver(self, step: Step) -> None:
        """Have a step taken; from any thread."""
        self._steps.put(step)

    def feed(self, accounts: Iterable[tuple[Account, AccountRole]]) -> None:
        """Judge at once what needs no root session; queue the rest."""
        targets, evaluated = [], []
        for account, role in accounts:
            self._states[account.account_id] = account.state
            status = find_status_without_reading(account, role, self.tools.organization.partition)
            if status is None:
                targets.append(AuditTarget(account, role, account.account_id in self._open_windows))
            elif role is AccountRole.MANAGEMENT:
                self._evaluator.evaluate_management(account, self._batches.note)
            else:
                evaluated.append(status)
        for status in evaluated:
            self._batches.note(status)
        self._batches.add(targets)

    def take_earlier(self, status: AccountStatus) -> None:
        """An account that was read before needn't be read again."""
        self._take_status(status)

    def begin(self) -> None:
        """Start what can be started.

        :raises LedgerUnavailableError: if a batch can't be recorded; no further root session is opened.
        :raises AwsCredentialsError: if the operator's own credentials ended.
        """
        if self._batches.obstacle is not None:
            raise self._batches.obstacle
        self._batches.start()

    def step(self) -> None:
        """Take the next step, if one comes soon."""
        try:
            step = self._steps.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            self._batches.keep_up()
            return
        step()

    def finish(self) -> None:
        """Read everything that was fed; stops early when asked to."""
        while not self.is_idle and not self.stop.asked_once():
            self.begin()
            self.step()

    def _ask(self, question: Question) -> None:
        self._unanswered += 1
        self._asides.begin(lambda: _do_nothing if self._is_left else question())

    def _take_answer(self, done: WorkResult[Step]) -> None:
        self._unanswered -= 1
        done.get()()

    def _take_status(self, status: AccountStatus) -> None:
        self.statuses[status.account.account_id] = status
        self.progress.advance(
            present=int(status.status is Status.PRESENT), unknown=int(status.status is Status.UNKNOWN)
        )
        self.take_status(status)

    def _drain(self) -> None:
        while self.is_in_flight and not self.stop.asked_twice():
            try:
                self.step()
            except (DatabaseError, LedgerUnavailableError) as error:
                self.progress.remark(f"What was read couldn't be kept: {error.message}")


def _do_nothing() -> None:
    """The answer to what nobody asks any more."""
