"""Reads many accounts at once, in batches, each with a ledger intent.

A batch's intent is on disk before its first AssumeRoot. The next batch starts while the last accounts of the previous
batch are still being read. An account that AWS throttled or that couldn't be reached goes to the end of the queue and
into a later batch. A throttled account is given up only when nothing at all was read for a while, so that a slow AWS
costs time and no account. Only the thread that takes the steps writes the ledger and the inventory.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self

from rootkeeper.audit.rules import evaluate_windows
from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.aws.pacing import GIVE_UP_SECONDS
from rootkeeper.aws.policies import PolicyReader
from rootkeeper.aws.root_sessions import RootSession
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.aws.summaries import RootSummaries, SummaryAnswer, SummaryReader, SummaryRequest
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsError,
    AwsThrottledError,
    AwsUnreachableError,
    DatabaseError,
    LedgerUnavailableError,
    LockLostError,
    RootAccessOffError,
    RootkeeperError,
    RootSessionsDeniedError,
)
from rootkeeper.inventory.listing import Question, Step
from rootkeeper.inventory.store import ConfirmationStore, InventoryStore
from rootkeeper.ledger.rules import Action, Intent, Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Caller, Organization
from rootkeeper.organization.progress import NullStopSignal, Progress, StopSignal
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
    age_reading,
    classify_failure,
    counted_status,
    evaluate_failure,
    evaluate_found,
    evaluate_management,
    find_status_without_reading,
    keep_reading,
)
from rootkeeper.organization.threads import WorkerThreads, WorkResult
from rootkeeper.values import JsonValue
from rootkeeper.windows.rereading import AuditRereads, ClosedBefore
from rootkeeper.windows.store import RecoveryWindowStore

MOST_TRIES = 8
"""Attempts for an account that can't be reached, before it is ``unknown``."""

_UNREAD = frozenset({StatusReason.ERROR, StatusReason.THROTTLED})
"""Statuses that don't show that AWS answers."""

_FIRST_DELAY_SECONDS = 0.1

_LONGEST_DELAY_SECONDS = 2.0
"""Shorter than any lease, so that the intent is still valid after it."""

_SESSION_RESERVE = timedelta(seconds=60)

_SAVING_SECONDS = 0.5
"""Interval of saving, so that a killed audit reads few accounts twice."""

_UNANSWERED = "unanswered"
"""Why an account is unread after a stop that didn't wait: its session may have been opened."""

_GATHERING_SECONDS = 0.5
"""How long a batch that isn't full waits for more accounts while others are being read."""


@dataclass(frozen=True, slots=True)
class AuditTarget:
    """An account that is to be read."""

    account: Account
    role: AccountRole
    has_open_window: bool
    is_confirmed: bool = False
    """Whether a failsafe is confirmed."""
    tries: int = 0
    failures: int = 0
    """How often it couldn't be reached."""
    delayed_since: float | None = None
    """When AWS first throttled it, or its intent was first too old; seconds of the clock that never jumps."""
    session: RootSession | None = None
    """Of an earlier attempt of which only the second call failed."""

    @property
    def account_id(self) -> AccountId:
        return self.account.account_id


StatusEvaluator = Callable[[AuditTarget, SummaryAnswer, Callable[[AccountStatus], None]], None]
"""Evaluates an answer and passes on the status, at once or as a later step."""


@dataclass(slots=True)
class _Batch:
    intent: Intent
    waiting: set[AccountId]
    sessions: dict[str, JsonValue] = field(default_factory=dict)
    """Account id → access key id of its session."""
    request_ids: dict[str, JsonValue] = field(default_factory=dict)
    """Account id → AWS's id of the request that opened its session, or of the failed request."""
    unread: dict[str, JsonValue] = field(default_factory=dict)
    """Account id → why."""
    not_sent: set[AccountId] = field(default_factory=set)
    was_too_old: bool = False
    closed_before: ClosedBefore | None = None


@dataclass(slots=True)
class AuditBatches:
    """The queue of accounts, and the batches that have no outcome yet."""

    tools: AccountReaderTools
    reader: SummaryReader
    evaluator: StatusEvaluator
    progress: Progress
    deliver: Callable[[Step], None]
    take_status: Callable[[AccountStatus], None]
    """Receives each account's status."""
    is_current: Callable[[Account], bool]
    """Whether the account is unchanged since it was queued; otherwise its status comes from a later reading."""
    rereads: AuditRereads | None = None
    """Takes each reading, before it is saved: a reading that wasn't saved is made again."""
    obstacle: AwsError | None = None
    """No further account can be read: the operator's own credentials expired, root access is off, or AWS denied a root
    session in each of the first accounts.
    """
    _queue: deque[AuditTarget] = field(default_factory=deque)
    _open: list[_Batch] = field(default_factory=list)
    _in_flight: int = 0
    _window: int = field(init=False)
    _unsaved: list[AccountStatus] = field(default_factory=list)
    _save_at: float = 0.0
    _start_at: float = 0.0
    _read_at: float = 0.0
    """When the last account was read."""
    _denied: int = 0
    """Accounts in which AWS denied a root session."""
    _is_allowed: bool = False
    """Whether AWS opened a root session in any account."""

    def __post_init__(self) -> None:
        self._window = self._widest

    @property
    def is_idle(self) -> bool:
        """Whether no account waits or is being read."""
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
        while self._queue and self._in_flight < min(self.tools.workers, self._window):
            room = self._window if self._is_allowed else self.tools.stop_after_denied - self._denied - self._in_flight
            if room <= 0:
                return  # the answers of the first accounts show whether AWS allows root sessions at all
            # Few accounts wait a little for more, because each batch costs two commits.
            is_full = len(self._queue) >= min(self.tools.batch_size, self._window, room)
            if self._in_flight and not is_full and self.tools.clock.monotonic() < self._start_at:
                return
            size = min(self.tools.batch_size, len(self._queue), self._window, room)
            targets = [self._queue.popleft() for _ in range(size)]
            account_ids = [target.account_id for target in targets]
            closed_before = None if self.rereads is None else self.rereads.begin()
            intent = self.tools.ledger.append_intent(
                Action.ACCOUNTS_AUDIT,
                parameters={"task_policy": TaskPolicy.AUDIT.value, "account_ids": account_ids},
            )
            batch = _Batch(intent, set(account_ids), closed_before=closed_before)
            self._open.append(batch)
            self._in_flight += len(targets)
            self._start_at = self.tools.clock.monotonic() + _GATHERING_SECONDS
            for target in targets:
                self._submit(batch, target)

    def note(self, status: AccountStatus, kept: AccountStatus | None = None) -> None:
        """Take a status, to be saved soon.

        :param kept: saved instead.
        """
        self._unsaved.append(kept or status)
        if self.tools.clock.monotonic() >= self._save_at:
            self._save()
        self.take_status(status)

    def keep_up(self) -> None:
        """Save the statuses read before, although no answer arrived."""
        if self._unsaved and self.tools.clock.monotonic() >= self._save_at:
            self._save()

    def _save(self) -> None:
        self.tools.store.save_statuses(self._unsaved)
        self._unsaved = []
        self._save_at = self.tools.clock.monotonic() + _SAVING_SECONDS

    def record_rest(self) -> None:
        """After a stop, save the statuses and record every batch; accounts without an answer are unanswered."""
        try:
            self._save()
        except DatabaseError as error:
            self.progress.remark(f"The last statuses couldn't be saved: {error.message}")
        for batch in tuple(self._open):
            try:
                self._record(batch)
            except (DatabaseError, LedgerUnavailableError) as error:
                self.progress.remark(f"The outcome of a batch couldn't be recorded: {error.message}")

    @property
    def _widest(self) -> int:
        return self.tools.workers + self.tools.batch_size

    def _submit(self, batch: _Batch, target: AuditTarget) -> None:
        delay = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0**target.tries) if target.tries else 0.0
        request = SummaryRequest(target.account_id, batch.intent, target.session, delay * self.tools.jitter())
        self.reader.submit(request, lambda answer: self.deliver(partial(self._take, batch, target, answer)))

    def _take(self, batch: _Batch, target: AuditTarget, answer: SummaryAnswer) -> None:
        if answer.session is not None:
            self._is_allowed = True
            batch.sessions[target.account_id] = answer.session.access_key_id
            batch.request_ids[target.account_id] = answer.session.request_id
        if isinstance(answer.error, AwsError) and answer.error.request_id:
            batch.request_ids[target.account_id] = answer.error.request_id
        match answer.error:
            case LockLostError() if not self._is_given_up(target):
                if not batch.was_too_old:
                    # Read fewer at once: the intent became too old before all its accounts had their turn.
                    batch.was_too_old = True
                    self._window = max(1, self._window // 2)
                batch.not_sent.add(target.account_id)
                self._requeue(batch, self._delay(target))
            case AwsThrottledError() as error if not self._is_given_up(target):
                self._try_again(batch, self._delay(target), answer, error)
            case AwsUnreachableError() as error if target.failures + 1 < MOST_TRIES:
                self._try_again(batch, replace(target, failures=target.failures + 1), answer, error)
            case LockLostError() as error:
                self._keep(
                    batch, evaluate_failure(target.account, target.role, error, observed_at=self.tools.clock.now())
                )
            case (AwsCredentialsError() | RootAccessOffError()) as error if answer.session is None:
                self._in_flight -= 1
                self.obstacle = self.obstacle or error
                batch.unread[target.account_id] = classify_failure(error).value
                self._end_one(batch, target.account_id)
            case _:
                if isinstance(answer.error, AwsAccessDeniedError) and answer.session is None:
                    self._note_denial(answer.error)
                self.evaluator(target, answer, partial(self._keep, batch))

    def _note_denial(self, denial: AwsAccessDeniedError) -> None:
        self._denied += 1
        if self._is_allowed or self._denied < self.tools.stop_after_denied or self.obstacle is not None:
            return
        message = (
            f"AWS denied sts:AssumeRoot in each of the first {self._denied:,} accounts, so no other account was tried:"
            f" {denial.message}"
        )
        self.obstacle = RootSessionsDeniedError(
            message,
            hint=denial.hint,
            operation=denial.operation,
            aws_code=denial.aws_code,
            request_id=denial.request_id,
            denied_by=denial.denied_by,
            policy_id=denial.policy_id,
        )

    def _is_given_up(self, target: AuditTarget) -> bool:
        """Whether no account was read for so long. The number of this account's attempts doesn't count."""
        since = target.delayed_since
        return since is not None and self.tools.clock.monotonic() - max(since, self._read_at) >= GIVE_UP_SECONDS

    def _delay(self, target: AuditTarget) -> AuditTarget:
        return (
            target if target.delayed_since is not None else replace(target, delayed_since=self.tools.clock.monotonic())
        )

    def _try_again(self, batch: _Batch, target: AuditTarget, answer: SummaryAnswer, error: AwsError) -> None:
        batch.unread[target.account_id] = classify_failure(error).value
        session, now = answer.session, self.tools.clock.now()
        if session is not None and session.expires_at - now <= _SESSION_RESERVE:
            session = None
        self._requeue(batch, replace(target, tries=min(target.tries + 1, MOST_TRIES), session=session))

    def _requeue(self, batch: _Batch, target: AuditTarget) -> None:
        self._in_flight -= 1
        self._queue.append(target)
        self._end_one(batch, target.account_id)

    def _keep(self, batch: _Batch, status: AccountStatus) -> None:
        self._in_flight -= 1
        if status.reason not in _UNREAD:
            self._read_at = self.tools.clock.monotonic()
        account_id = status.account.account_id
        if status.status is Status.UNKNOWN and status.reason is not None:
            batch.unread[account_id] = status.reason.value
        if self.is_current(status.account):
            if self.rereads is not None and batch.closed_before is not None:
                self.rereads.take(status, batch.closed_before)
            self.note(self._keep_reading(status))
        self._end_one(batch, account_id)

    def _keep_reading(self, status: AccountStatus) -> AccountStatus:
        """Keep the account's earlier reading if this attempt shows nothing."""
        if status.summary is not None:
            return status
        account_id = status.account.account_id
        earlier = self.tools.store.find_statuses([account_id]).get(account_id)
        return keep_reading(earlier, status, self.tools.caller.arn)

    def _end_one(self, batch: _Batch, account_id: AccountId) -> None:
        batch.waiting.discard(account_id)
        if not batch.waiting:
            self._record(batch)

    def _record(self, batch: _Batch) -> None:
        self._open.remove(batch)
        unanswered: dict[str, JsonValue] = dict.fromkeys(sorted(batch.waiting), _UNANSWERED)
        details: dict[str, JsonValue] = {
            "sessions": batch.sessions,
            "request_ids": batch.request_ids,
            "unread": {**batch.unread, **unanswered},
            "not_sent": sorted(batch.not_sent),
        }
        result = Result.DONE if batch.sessions else Result.UNKNOWN if unanswered else Result.FAILED
        try:
            self.tools.ledger.append_outcome(batch.intent, result, details)
        except LockLostError as error:
            self.progress.remark(f"The outcome of a batch was settled by another process: {error.message}")
        if not batch.was_too_old:
            self._window = min(self._widest, self._window + self.tools.batch_size // 4 + 1)


_READ_ELSEWHERE = "Reading the root user of the management account needs the management account itself."
Keep = Callable[[AccountStatus], None]


@dataclass(frozen=True, slots=True)
class AccountStatusEvaluator:
    """Evaluates answers. Further calls run in another thread, so that a hanging call doesn't delay other accounts."""

    reader: OrganizationReader
    caller: Caller
    clock: Clock
    ask: Callable[[Question], None]
    """Runs a question in another thread and takes its answer as a step."""
    details: bool
    """Whether accounts with credentials are read in detail."""

    def evaluate(self, target: AuditTarget, answer: SummaryAnswer, keep: Keep) -> None:
        """Pass the account's status to ``keep``, now or as a later step."""
        is_own = answer.session is None and target.account_id == self.caller.account_id
        if isinstance(answer.error, AwsAccessDeniedError) and is_own:
            # A caller in the account itself can read its root user without a root session.
            self.ask(partial(self._read_own, target, answer.error, keep))
        elif isinstance(answer.error, AwsError):
            keep(self._evaluate_error(target, answer.session, answer.error))
        elif answer.summary is None:
            raise answer.error or RuntimeError(f"no answer for {target.account_id}")
        elif not self.details or answer.summary.is_empty or answer.session is None:
            keep(self._evaluate_found(target, answer.summary, answer.session))
        else:
            self.ask(partial(self._read_details, target, answer.summary, answer.session, keep))

    def evaluate_management(self, account: Account, keep: Keep) -> None:
        """Evaluate the management account's root user, if the caller is in it. Calls iam:GetAccountSummary."""
        if self.caller.account_id == account.account_id:
            self.ask(partial(self._read_management, account, keep))
        else:
            keep(evaluate_management(account, None, None, _READ_ELSEWHERE))

    # In other threads.

    def _read_management(self, account: Account, keep: Keep) -> Step:
        try:
            status = evaluate_management(account, self.reader.read_own_root_summary(), self.clock.now())
        except AwsError as error:
            detail = f"The account couldn't be read: {error.message}"
            status = evaluate_management(account, None, self.clock.now(), detail)
        return partial(keep, status)

    def _read_own(self, target: AuditTarget, refusal: AwsAccessDeniedError, keep: Keep) -> Step:
        try:
            return partial(keep, self._evaluate_found(target, self.reader.read_own_root_summary(), None))
        except AwsError:
            return partial(keep, self._evaluate_error(target, None, refusal))

    def _read_details(
        self, target: AuditTarget, summary: RootCredentialsSummary, session: RootSession, keep: Keep
    ) -> Step:
        try:
            return partial(keep, self._evaluate_found(target, summary, session, session.read_credentials()))
        except (AwsError, LockLostError) as error:
            return partial(keep, self._evaluate_error(target, session, error))

    def _evaluate_found(
        self,
        target: AuditTarget,
        summary: RootCredentialsSummary,
        session: RootSession | None,
        credentials: RootCredentials | None = None,
    ) -> AccountStatus:
        return evaluate_found(
            target.account,
            target.role,
            summary,
            observed_at=self.clock.now(),
            has_open_window=target.has_open_window,
            credentials=credentials,
            session_access_key_id=None if session is None else session.access_key_id,
            is_confirmed=target.is_confirmed,
        )

    def _evaluate_error(
        self, target: AuditTarget, session: RootSession | None, error: AwsError | LockLostError
    ) -> AccountStatus:
        return evaluate_failure(
            target.account,
            target.role,
            error,
            observed_at=self.clock.now(),
            session_access_key_id=None if session is None else session.access_key_id,
        )


_LOOK_SECONDS = 0.2
"""How long to wait for a step before checking for a request to stop."""

_DETAIL_THREADS = 32


@dataclass(frozen=True, slots=True)
class AccountReaderTools:
    """The tools of an ``AccountReader``."""

    reader: OrganizationReader
    organization: Organization
    caller: Caller
    summaries: RootSummaries
    policies: PolicyReader
    """Used only if a policy blocks and AWS didn't say which."""
    ledger: Ledger
    store: InventoryStore
    windows: RecoveryWindowStore
    confirmations: ConfirmationStore
    clock: Clock
    jitter: Callable[[], float]
    """Returns a random number from 0 to 1: the part of a delay to wait."""
    workers: int
    """Accounts that are read at the same time."""
    batch_size: int
    """Maximum of accounts that share an intent."""
    stop_after_denied: int
    """Stop when AWS denied a root session in each of so many accounts, and has allowed none."""
    stale_after: timedelta
    """An earlier reading that is older doesn't count any more."""


@dataclass(slots=True)
class AccountReader:
    """Reads accounts as a context; its exit waits for calls in progress and records the outcome of every batch."""

    tools: AccountReaderTools
    progress: Progress
    stop: StopSignal
    take_status: Keep = lambda _: None
    """Receives each status."""
    details: bool = False
    rereads: AuditRereads | None = None
    """Takes each reading; ``None``: the readings aren't an audit's."""
    root_access_off: RootAccessOffError | None = None
    """As a reading of the set-up shows. Then no root session is tried: an account that needs it ends the audit."""
    caller_refused: RootSessionsDeniedError | None = None
    """As the set-up shows: AWS opens no root session for the caller's account, which can only read itself."""
    statuses: dict[AccountId, AccountStatus] = field(default_factory=dict)
    _steps: queue.SimpleQueue[Step] = field(default_factory=queue.SimpleQueue)
    _opened: AbstractContextManager[SummaryReader] = field(init=False)
    _asides: WorkerThreads[Step] = field(init=False)
    """Read accounts that take more than the two calls."""
    _unanswered: int = 0
    """Questions to them without an answer."""
    _is_left: bool = False
    _batches: AuditBatches = field(init=False)
    _evaluator: AccountStatusEvaluator = field(init=False)
    _open_windows: frozenset[AccountId] = frozenset()
    _confirmed: frozenset[AccountId] = frozenset()
    _states: dict[AccountId, AccountState] = field(default_factory=dict)
    """The state of each account as it was last fed; it may change while the account is being read."""

    def __enter__(self) -> Self:
        tools = self.tools
        unfinished = tools.windows.list_windows(unfinished_only=True)
        self._open_windows = frozenset(window.account_id for window in unfinished if window.allows_recovery)
        self._confirmed = tools.confirmations.list_confirmed(
            in_sandbox=tools.reader.endpoint.is_sandbox, at=tools.clock.now()
        )
        count = min(_DETAIL_THREADS, tools.workers) if self.details else 1
        self._asides = WorkerThreads(count, "asides", lambda done: self.deliver(partial(self._take_answer, done)))
        self._evaluator = AccountStatusEvaluator(tools.reader, tools.caller, tools.clock, self._ask, self.details)
        self._opened = tools.summaries.open_summary_reader(tools.workers)
        self._batches = AuditBatches(
            tools=tools,
            reader=self._opened.__enter__(),
            evaluator=self._evaluator.evaluate,
            progress=self.progress,
            deliver=self.deliver,
            take_status=self.note,
            is_current=lambda account: self._states[account.account_id] is account.state,
            rereads=self.rereads,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None or isinstance(error, RootkeeperError | KeyboardInterrupt):
                self._drain()  # after a bug the answers to wait for aren't known
        finally:
            self._is_left = True
            self._opened.__exit__(kind, error, traceback)
            self._asides.close()
            self._batches.record_rest()

    @property
    def is_idle(self) -> bool:
        """Whether every account that was fed has its status."""
        return self._batches.is_idle and not self._unanswered and self._batches.obstacle is None

    @property
    def is_in_flight(self) -> bool:
        """Whether a call is in progress."""
        return self._batches.is_in_flight or self._unanswered > 0

    def deliver(self, step: Step) -> None:
        """Queue a step; called from any thread."""
        self._steps.put(step)

    def feed(self, accounts: Iterable[tuple[Account, AccountRole]]) -> None:
        """Evaluate accounts that need no root session; queue the others.

        :raises RootSessionsDeniedError: if AWS opens no root session for the caller's account.
        """
        targets, evaluated = [], []
        for account, role in accounts:
            self._states[account.account_id] = account.state
            status = find_status_without_reading(account, role, self.tools.organization.partition)
            if status is None:
                is_confirmed = role is AccountRole.FAILSAFE and account.account_id in self._confirmed
                targets.append(AuditTarget(account, role, account.account_id in self._open_windows, is_confirmed))
            elif role is AccountRole.MANAGEMENT:
                self._evaluator.evaluate_management(account, self._batches.note)
            else:
                evaluated.append(status)
        unread = [status.account.account_id for status in evaluated]
        readings = self.tools.store.find_statuses(unread) if unread else {}
        for status in evaluated:
            earlier = readings.get(status.account.account_id)
            # The reading stays stored; the account's state is judged again whenever its status is shown.
            self._batches.note(status, kept=keep_reading(earlier, status, self.tools.caller.arn))
        if self.caller_refused is not None and any(
            target.account_id != self.tools.caller.account_id for target in targets
        ):
            raise self.caller_refused
        self._batches.add(targets)

    def begin(self) -> None:
        """Start as many batches as can be read now.

        :raises LedgerUnavailableError: if a batch can't be recorded; no further root session is opened.
        :raises AwsCredentialsError: if the operator's own credentials expired.
        :raises RootSessionsDeniedError: if AWS denied a root session in each of the first accounts.
        :raises RootAccessOffError: if trusted access or the feature is off and an account needs a root session.
        """
        if self._batches.obstacle is not None:
            raise self._batches.obstacle
        if self.root_access_off is not None and not self._batches.is_idle:
            raise self.root_access_off
        self._batches.start()

    def step(self) -> None:
        """Take the next step, if it arrives soon."""
        try:
            step = self._steps.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            self._batches.keep_up()
            return
        step()

    def finish(self) -> None:
        """Read every account that was fed, or until asked to stop."""
        while not self.is_idle and not self.stop.asked_once():
            self.begin()
            self.step()

    def _ask(self, question: Question) -> None:
        self._unanswered += 1
        # After the end, a question has no answer.
        self._asides.begin(lambda: (lambda: None) if self._is_left else question())

    def _take_answer(self, done: WorkResult[Step]) -> None:
        self._unanswered -= 1
        done.get()()

    def evaluate_kept(self, kept: AccountStatus) -> AccountStatus:
        """Evaluate a stored reading as of now, if the last attempt to read the account failed."""
        if kept.failed_attempt is None:
            return kept
        windows = self.tools.windows.list_of_account(kept.account.account_id)
        return age_reading(evaluate_windows(kept, windows), self.tools.clock.now(), self.tools.stale_after)

    def note(self, status: AccountStatus) -> None:
        """Take the status of an account that was read, now or before an interruption."""
        status = self.evaluate_kept(status)
        self.statuses[status.account.account_id] = status
        self.progress.advance(
            present=int(status.status is Status.PRESENT),
            unknown=int(counted_status(status) is Status.UNKNOWN),
            unread=int(status.is_unread),
        )
        self.take_status(status)

    def _drain(self) -> None:
        while self.is_in_flight and not self.stop.asked_twice():
            try:
                self.step()
            except (DatabaseError, LedgerUnavailableError) as error:
                self.progress.remark(f"A status couldn't be saved: {error.message}")


def read_accounts(
    tools: AccountReaderTools, accounts: Iterable[tuple[Account, AccountRole]], progress: Progress, *, details: bool
) -> dict[AccountId, AccountStatus]:
    """Read and save the status of each of these accounts. An earlier reading isn't returned: a change rests on none.

    :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
    :raises RootSessionsDeniedError: if AWS denied a root session in each of the first accounts.
    :raises RootAccessOffError: if AWS denies a root session because trusted access or the feature is off.
    """
    wanted = list(accounts)
    progress.start("Reading accounts", len(wanted))
    with AccountReader(tools, progress, NullStopSignal(tools.clock), details=details) as reading:
        reading.feed(wanted)
        reading.finish()
    progress.finish()
    return {account_id: status.attempted for account_id, status in reading.statuses.items()}
