"""Reading many accounts at once, in batches that share one ledger intent each.

A batch's intent is on disk before its first AssumeRoot. Batches slide: the next one starts while the last accounts of
the one before are still being read. An account that AWS throttled, or that couldn't be reached, goes to the end of the
queue and into a later batch. Only the thread that takes the steps writes ledger and inventory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from rootkeeper.domain.ledger import Action, Intent, JsonValue, Result
from rootkeeper.domain.organizations import Account, AccountId
from rootkeeper.domain.statuses import AccountRole, AccountStatus, Status, classify_failure, evaluate_failure
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsThrottledError,
    AwsUnreachableError,
    DatabaseError,
    LedgerUnavailableError,
    LockLostError,
)
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_sessions import RootSession
from rootkeeper.ports.root_summaries import SummaryAnswer, SummaryReader, SummaryRequest
from rootkeeper.workflows.inventory_listing import Step

MOST_TRIES = 8
"""How often an account is tried before it is ``unknown``."""
MOST_REFUSALS = 30
"""How often an account's turn may come only after its batch's intent has grown too old."""
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 2.0
"""Less than any lease, so that the intent is still good after it."""
_SESSION_RESERVE_SECONDS = 60.0
_SAVING_SECONDS = 0.5
"""What was read is kept at least so often, so that a killed audit reads little twice."""
_UNANSWERED = "unanswered"
"""Why an account is unread after a stop that waited for nobody: its session may have been opened."""
_GATHERING_SECONDS = 0.5
"""For so long a batch that isn't full waits for more, while others are being read."""


@dataclass(frozen=True, slots=True)
class AuditTarget:
    """An account that is to be read."""

    account: Account
    role: AccountRole
    has_open_window: bool
    tries: int = 0
    refusals: int = 0
    session: RootSession | None = None
    """Of an earlier try, where only the second call failed."""

    @property
    def account_id(self) -> AccountId:
        return self.account.account_id


StatusEvaluator = Callable[[AuditTarget, SummaryAnswer, Callable[[AccountStatus], None]], None]
"""Turns an answer into a status and hands it over, at once or as a later step."""


@dataclass(slots=True)
class _Batch:
    intent: Intent
    waiting: set[AccountId]
    sessions: dict[str, JsonValue] = field(default_factory=dict)
    """Account id → access key id of its session."""
    unread: dict[str, JsonValue] = field(default_factory=dict)
    """Account id → why."""
    not_sent: set[AccountId] = field(default_factory=set)
    was_too_old: bool = False


@dataclass(slots=True)
class AuditBatches:
    """The queue of accounts, and the batches that owe their outcome."""

    reader: SummaryReader
    evaluator: StatusEvaluator
    ledger: Ledger
    store: InventoryStore
    clock: Clock
    progress: Progress
    deliver: Callable[[Step], None]
    take_status: Callable[[AccountStatus], None]
    """Told each account's status as it is known."""
    is_current: Callable[[Account], bool]
    """Whether the account still is as it was when it was queued; else its status comes from elsewhere."""
    workers: int
    batch_size: int
    jitter: Callable[[], float]
    """A number from 0 to 1, anew each time."""
    obstacle: AwsCredentialsError | None = None
    """The operator's own credentials ended: nobody can be read any more."""
    _queue: deque[AuditTarget] = field(default_factory=deque)
    _open: list[_Batch] = field(default_factory=list)
    _in_flight: int = 0
    _window: int = field(init=False)
    _unsaved: list[AccountStatus] = field(default_factory=list)
    _save_at: float = 0.0
    _start_at: float = 0.0

    def __post_init__(self) -> None:
        self._window = self._widest

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not self._queue and not self._in_flight

    @property
    def is_in_flight(self) -> bool:
        return self._in_flight > 0

    def add(self, targets: Iterable[AuditTarget]) -> None:
        """Put accounts at the end of the queue."""
        self._queue.extend(targets)

    def start(self) -> None:
        """Start as many batches as can be read now.

        :raises LedgerUnavailableError: if a batch can't be recorded; no further root session is opened.
        """
        while self._queue and self._in_flight < min(self.workers, self._window) and self._is_worth_starting():
            self._start_batch()

    def _is_worth_starting(self) -> bool:
        """Each batch costs two commits, so few accounts wait a little for more."""
        return (
            not self._in_flight
            or len(self._queue) >= min(self.batch_size, self._window)
            or self.clock.monotonic() >= self._start_at
        )

    def note(self, status: AccountStatus) -> None:
        """A status is known; it is kept soon."""
        self._unsaved.append(status)
        if self.clock.monotonic() >= self._save_at:
            self._save()
        self.take_status(status)

    def keep_up(self) -> None:
        """Nothing came for a while: what was read before is kept all the same."""
        if self._unsaved and self.clock.monotonic() >= self._save_at:
            self._save()

    def _save(self) -> None:
        self.store.save_statuses(self._unsaved)
        self._unsaved = []
        self._save_at = self.clock.monotonic() + _SAVING_SECONDS

    def record_rest(self) -> None:
        """After a stop: what was read meanwhile is kept, whoever wasn't waited for is said to be unanswered."""
        try:
            self._save()
        except DatabaseError as error:
            self.progress.remark(f"What was read last couldn't be kept: {error.message}")
        for batch in tuple(self._open):
            try:
                self._record(batch)
            except (DatabaseError, LedgerUnavailableError) as error:
                self.progress.remark(f"What came of a batch couldn't be recorded: {error.message}")

    @property
    def _widest(self) -> int:
        return self.workers + self.batch_size

    def _start_batch(self) -> None:
        size = min(self.batch_size, len(self._queue), self._window)
        targets = [self._queue.popleft() for _ in range(size)]
        account_ids = [target.account_id for target in targets]
        intent = self.ledger.append_intent(
            Action.ACCOUNTS_AUDIT,
            parameters={"task_policy": TaskPolicy.AUDIT.value, "account_ids": account_ids},
        )
        batch = _Batch(intent, set(account_ids))
        self._open.append(batch)
        self._in_flight += len(targets)
        self._start_at = self.clock.monotonic() + _GATHERING_SECONDS
        for target in targets:
            self._submit(batch, target)

    def _submit(self, batch: _Batch, target: AuditTarget) -> None:
        delay = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2**target.tries) if target.tries else 0.0
        request = SummaryRequest(target.account_id, batch.intent, target.session, delay * self.jitter())
        self.reader.submit(request, lambda answer: self.deliver(partial(self._take, batch, target, answer)))

    def _take(self, batch: _Batch, target: AuditTarget, answer: SummaryAnswer) -> None:
        if answer.session is not None:
            batch.sessions[target.account_id] = answer.session.access_key_id
        match answer.error:
            case LockLostError() if target.refusals < MOST_REFUSALS:
                self._narrow(batch)
                batch.not_sent.add(target.account_id)
                self._requeue(batch, replace(target, refusals=target.refusals + 1))
            case AwsThrottledError() | AwsUnreachableError() as error if target.tries + 1 < MOST_TRIES:
                batch.unread[target.account_id] = classify_failure(error).value
                session = answer.session if self._is_still_good(answer.session) else None
                self._requeue(batch, replace(target, tries=target.tries + 1, session=session))
            case LockLostError() as error:
                self._keep(batch, evaluate_failure(target.account, target.role, error, observed_at=self.clock.now()))
            case AwsCredentialsError() as error if answer.session is None:
                self._in_flight -= 1
                self.obstacle = self.obstacle or error
                batch.unread[target.account_id] = classify_failure(error).value
                self._end_one(batch, target.account_id)
            case _:
                self.evaluator(target, answer, partial(self._keep, batch))

    def _is_still_good(self, session: RootSession | None) -> bool:
        return session is not None and (
            (session.expires_at - self.clock.now()).total_seconds() > _SESSION_RESERVE_SECONDS
        )

    def _narrow(self, batch: _Batch) -> None:
        """Fewer at once: at this pace an intent grows too old before all its accounts had their turn."""
        if not batch.was_too_old:
            batch.was_too_old = True
            self._window = max(1, self._window // 2)

    def _requeue(self, batch: _Batch, target: AuditTarget) -> None:
        self._in_flight -= 1
        self._queue.append(target)
        self._end_one(batch, target.account_id)

    def _keep(self, batch: _Batch, status: AccountStatus) -> None:
        self._in_flight -= 1
        account_id = status.account.account_id
        if status.status is Status.UNKNOWN and status.reason is not None:
            batch.unread[account_id] = status.reason.value
        if self.is_current(status.account):
            self.note(status)
        self._end_one(batch, account_id)

    def _end_one(self, batch: _Batch, account_id: AccountId) -> None:
        batch.waiting.discard(account_id)
        if not batch.waiting:
            self._record(batch)

    def _record(self, batch: _Batch) -> None:
        """One outcome for the batch, with each account's session."""
        self._open.remove(batch)
        try:
            self.ledger.append_outcome(batch.intent, *_describe(batch))
        except LockLostError as error:
            self.progress.remark(f"The outcome of a batch was settled by another process: {error.message}")
        if not batch.was_too_old:
            self._window = min(self._widest, self._window + self.batch_size // 4 + 1)


def _describe(batch: _Batch) -> tuple[Result, dict[str, JsonValue]]:
    unanswered: dict[str, JsonValue] = dict.fromkeys(sorted(batch.waiting), _UNANSWERED)
    details: dict[str, JsonValue] = {
        "sessions": batch.sessions,
        "unread": {**batch.unread, **unanswered},
        "not_sent": sorted(batch.not_sent),
    }
    if batch.sessions:
        return Result.DONE, details
    return Result.UNKNOWN if unanswered else Result.FAILED, details
