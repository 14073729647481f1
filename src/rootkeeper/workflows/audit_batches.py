"""Reading many accounts at once, in batches that share one ledger intent each.

A batch's intent is on disk before its first AssumeRoot. Batches slide: the next one starts while the last accounts of
the one before are still being read. Only the thread that feeds writes ledger and inventory.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType

from rootkeeper.domain.ledger import Action, Intent, JsonValue, Result
from rootkeeper.domain.organizations import Account, AccountId
from rootkeeper.domain.statuses import AccountStatus, Role, Status, judge_failure
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import DatabaseError, LedgerUnavailableError, LockLostError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.progress import Progress

_LONGEST_REQUEUE = 3
"""How often an account is put into a later batch, since its intent had grown too old before its turn came."""


@dataclass(frozen=True, slots=True)
class ReadingTarget:
    """An account that is to be read."""

    account: Account
    role: Role
    has_open_window: bool
    attempt: int = 1


ReadAccount = Callable[[ReadingTarget, Intent], AccountStatus]
"""Reads one account; what AWS refuses becomes its status.

:raises LockLostError: if the intent is too old; nothing was sent.
:raises AwsCredentialsError: if the operator's own credentials ended.
"""


@dataclass(slots=True)
class _Batch:
    intent: Intent
    waiting: set[AccountId]
    statuses: list[AccountStatus] = field(default_factory=list)
    requeued: list[AccountId] = field(default_factory=list)


@dataclass(slots=True)
class AuditBatches:
    """A context: leaving it waits for what is being read, and records the outcome of every batch."""

    read: ReadAccount
    ledger: Ledger
    store: InventoryStore
    clock: Clock
    progress: Progress
    workers: int
    batch_size: int
    statuses: dict[AccountId, AccountStatus] = field(default_factory=dict)
    _executor: ThreadPoolExecutor = field(init=False)
    _buffer: list[ReadingTarget] = field(default_factory=list)
    _open: list[_Batch] = field(default_factory=list)
    """Batches that owe their outcome."""
    _running: dict[Future[AccountStatus], tuple[_Batch, ReadingTarget]] = field(default_factory=dict)
    _done: queue.SimpleQueue[Future[AccountStatus]] = field(default_factory=queue.SimpleQueue)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="audit")

    def __enter__(self) -> AuditBatches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._record_rest()

    def add(self, targets: Iterable[ReadingTarget]) -> None:
        """Have these accounts read; blocks only while far more are waiting than can be read at once.

        :raises LedgerUnavailableError: if a batch can't be recorded; no further root session is opened.
        """
        self._buffer.extend(targets)
        self._collect(block=False)
        while len(self._buffer) >= self.batch_size or (self._buffer and len(self._running) < self.workers):
            self._start_batch()

    def finish(self) -> None:
        """Wait until everything that was added is read and recorded."""
        while self._buffer or self._running:
            if self._buffer:
                self._start_batch()
            else:
                self._collect(block=True)

    def _start_batch(self) -> None:
        while len(self._running) > self.workers:
            self._collect(block=True)
        targets, self._buffer = self._buffer[: self.batch_size], self._buffer[self.batch_size :]
        account_ids = [target.account.account_id for target in targets]
        intent = self.ledger.append_intent(
            Action.ACCOUNTS_AUDIT,
            parameters={"task_policy": TaskPolicy.AUDIT.value, "account_ids": account_ids},
        )
        batch = _Batch(intent, set(account_ids))
        self._open.append(batch)
        for target in targets:
            future = self._executor.submit(self._work, target, intent)
            self._running[future] = (batch, target)
            future.add_done_callback(self._done.put)

    def _work(self, target: ReadingTarget, intent: Intent) -> AccountStatus:
        if self._stopped.is_set():
            raise LockLostError("The audit was stopped.")
        return self.read(target, intent)

    def _collect(self, *, block: bool) -> None:
        """Take in what was read; with ``block``, at least one account."""
        while self._running:
            try:
                future = self._done.get(block=block)
            except queue.Empty:
                return
            self._take(future)
            block = False

    def _take(self, future: Future[AccountStatus]) -> None:
        batch, target = self._running.pop(future)
        try:
            self._keep(batch, future.result())
        except LockLostError as error:
            self._requeue(batch, target, error)
        if not batch.waiting:
            self._record(batch)

    def _keep(self, batch: _Batch, status: AccountStatus) -> None:
        batch.waiting.discard(status.account.account_id)
        batch.statuses.append(status)
        self.statuses[status.account.account_id] = status
        self.progress.advance(
            present=int(status.status is Status.PRESENT), unknown=int(status.status is Status.UNKNOWN)
        )

    def _requeue(self, batch: _Batch, target: ReadingTarget, error: LockLostError) -> None:
        if target.attempt >= _LONGEST_REQUEUE:
            self._keep(batch, judge_failure(target.account, target.role, error, observed_at=self.clock.now()))
            return
        batch.waiting.discard(target.account.account_id)
        batch.requeued.append(target.account.account_id)
        later = ReadingTarget(target.account, target.role, target.has_open_window, target.attempt + 1)
        self._buffer.append(later)

    def _record(self, batch: _Batch) -> None:
        """The statuses in one transaction, then one outcome for the batch, with each account's session."""
        self._open.remove(batch)
        self.store.save_statuses(batch.statuses)
        try:
            self.ledger.append_outcome(batch.intent, *_describe(batch))
        except LockLostError as error:
            self.progress.remark(f"The outcome of a batch was settled by another process: {error.message}")

    def _record_rest(self) -> None:
        """After a stop: what was read meanwhile is kept, what never started is said to be so."""
        for future, (batch, _) in self._running.items():
            if not future.cancelled() and future.exception() is None:
                self._keep(batch, future.result())
        self._running.clear()
        for batch in tuple(self._open):
            try:
                self._record(batch)
            except (DatabaseError, LedgerUnavailableError) as error:
                self.progress.remark(f"What came of a batch couldn't be recorded: {error.message}")


def _describe(batch: _Batch) -> tuple[Result, dict[str, JsonValue]]:
    sessions: dict[str, JsonValue] = {}
    unread: dict[str, JsonValue] = {}
    for status in batch.statuses:
        if status.session_access_key_id is not None:
            sessions[status.account.account_id] = status.session_access_key_id
        if status.status is Status.UNKNOWN:
            unread[status.account.account_id] = None if status.reason is None else status.reason.value
    result = Result.DONE if sessions else Result.FAILED
    return result, {"sessions": sessions, "unread": unread, "not_sent": sorted([*batch.waiting, *batch.requeued])}
