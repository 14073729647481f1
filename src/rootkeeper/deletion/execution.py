"""Applying a plan: waves, one account, results.

Which accounts a command means, and what keeps them from being touched.

A deletion as a job: what is kept of it, and what is left to do when it goes on.

Deleting from one account of a plan: lock, judge anew, remove, re-read.

Why a deletion begins no further account, and why it sends nothing more.

The first leaves what is in progress to come to its end; the second doesn't.

What came of the accounts of one deletion: remembered as it comes, so that a run that goes on doesn't repeat it.

Applying a deletion plan: wave after wave, many accounts at once.

One account's failure never stops the others, unless it is a canary's or there were as many as the rules allow. What
does stop the run at once is what concerns every account: a ledger that can't be written, a database that fails,
credentials of the operator that ended. A run that stops leaves a job that goes on with what is left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rootkeeper.clock import Clock
from rootkeeper.deletion.records import deletion_from_record, deletion_to_record, parse_plan
from rootkeeper.deletion.rules import (
    DeletionPlan,
    PlannedAccount,
    Wave,
    WaveRules,
    credit_earlier,
    describe_waves,
    find_changes,
    list_deleted_earlier,
    parse_waves,
    plan_waves,
)
from rootkeeper.errors import (
    AccountBusyError,
    AwsCredentialsError,
    DatabaseError,
    JobConflictError,
    LedgerUnavailableError,
    LockLostError,
    PlanInvalidError,
    RootkeeperError,
    UnprovenChangeError,
)
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.jobs.rules import Job, JobProgress, JobState
from rootkeeper.jobs.service import RunningJob
from rootkeeper.jobs.store import JobResults, KeptJobs
from rootkeeper.ledger.owners import AccountLock, AccountLocks
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.organization.progress import Progress, StopSignal
from rootkeeper.organization.selection import AccountProtections, SelectedAccount, Skip, SkipReason, find_skip
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    CredentialKind,
    RootCredentials,
    Status,
    classify_account_role,
    evaluate_failure,
    evaluate_found,
)
from rootkeeper.organization.threads import WorkerThreads
from rootkeeper.removal.rules import (
    AccountDeletion,
    KindOutcome,
    KindReason,
    KindResult,
    PlannedCall,
    plan_deletion,
    skip_kinds,
)
from rootkeeper.removal.service import Removal, RemovalResult
from rootkeeper.values import JsonValue, render_instant
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class ProtectionReader:
    """Reads what keeps accounts from being touched: exceptions and windows that aren't over. No AWS call."""

    exceptions: DeletionExceptionStore
    windows: RecoveryWindowStore
    clock: Clock

    def read(self, included_failsafes: frozenset[AccountId] = frozenset()) -> AccountProtections:
        """As the database holds it now; an exception is named before a window."""
        now = self.clock.now()
        recorded = {
            window.account_id: Skip(
                SkipReason.WINDOW_OPEN, f"Recovery window {window.window_id} is {window.state.value}."
            )
            for window in self.windows.list_windows(unfinished_only=True)
        }
        for one in self.exceptions.list_exceptions():
            if one.is_in_force(now):
                detail = f"Exception of {one.owner} until {one.until.date().isoformat()}: {one.reason}"
                recorded[one.account_id] = Skip(SkipReason.EXCEPTION, detail)
        return AccountProtections(recorded, included_failsafes)


def describe_job(plan: DeletionPlan, rules: WaveRules) -> dict[str, JsonValue]:
    """The parameters of a deletion's job; the plan itself is its document."""
    return {
        "plan_id": plan.plan_id,
        "selection": plan.selection,
        "not_after": plan.not_after.isoformat(),
        "waves": describe_waves(rules),
    }


@dataclass(frozen=True, slots=True)
class DeletionJob:
    """A deletion that this process works on."""

    plan: DeletionPlan
    rules: WaveRules
    job: RunningJob
    earlier: Mapping[AccountId, AccountDeletion] = field(default_factory=dict)
    """What came of accounts that needn't be done again."""
    failures: int = 0
    """How many of those count for ``rules.stop_after_failures``."""
    is_resumed: bool = False


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """What it would take to go on with a deletion; nothing is changed by looking."""

    job: Job
    plan: DeletionPlan
    rules: WaveRules
    earlier: Mapping[AccountId, AccountDeletion]
    """What came of accounts that aren't done again."""
    retried: frozenset[AccountId] = frozenset()
    """Accounts that failed, and are tried again."""

    @property
    def rest(self) -> DeletionPlan:
        """The part of the plan that is left to do."""
        accounts = tuple(planned for planned in self.plan.targets if planned.account_id not in self.earlier)
        return replace(self.plan, accounts=accounts)

    @property
    def left(self) -> int:
        """How many accounts are left to do."""
        return len(self.rest.accounts)

    @property
    def failures(self) -> int:
        """How many earlier failures count on: all, unless there were so many that the run stopped for them.

        Who goes on after that has looked at them.
        """
        limit, failed = self.rules.stop_after_failures, sum(result.is_failure for result in self.earlier.values())
        return failed if limit is not None and failed < limit else 0

    @property
    def rules_left(self) -> WaveRules:
        """The rules for what is left: canaries that aren't done, and failures that are still allowed."""
        canaries, limit = self.plan.targets[: self.rules.canary], self.rules.stop_after_failures
        return replace(
            self.rules,
            canary=sum(one.account_id not in self.earlier for one in canaries),
            stop_after_failures=None if limit is None else limit - self.failures,
        )

    def take_up(self, job: RunningJob) -> DeletionJob:
        """Make it the job of this process, which has taken it over."""
        left = [deletion.status for deletion in self.earlier.values()]
        total = len(self.plan.targets)
        job.count(JobProgress(total, len(left), left.count(Status.PRESENT), left.count(Status.UNKNOWN)))
        return DeletionJob(self.plan, self.rules, job, self.earlier, self.failures, is_resumed=True)


def read_results(job: Job, store: KeptJobs) -> tuple[AccountDeletion, ...]:
    """What came of the accounts that have a result, in the order of the plan.

    :raises PlanInvalidError: if the plan that was kept can't be read.
    """
    return parse_results(_read_plan(job, store), store.list_results(job.job_id))


def parse_results(plan: DeletionPlan, recorded: JobResults) -> tuple[AccountDeletion, ...]:
    """The same of recorded results."""
    return tuple(
        deletion_from_record(planned, recorded[planned.account_id])
        for planned in plan.targets
        if planned.account_id in recorded
    )


def read_resumption(job: Job, store: KeptJobs, *, retry_failed: bool = False) -> ResumePlan:
    """What is left of an interrupted deletion.

    Accounts with a result aren't done again, those that failed only with ``retry_failed``.

    :raises PlanInvalidError: if the plan that was kept can't be read.
    :raises JobConflictError: if a canary failed and isn't tried again.
    """
    plan, rules = _read_plan(job, store), _parse_rules(job)
    results = {result.account_id: result for result in read_results(job, store)}
    failed = frozenset(account_id for account_id, result in results.items() if result.is_failure)
    if retry_failed:
        earlier = {account_id: result for account_id, result in results.items() if account_id not in failed}
        return ResumePlan(job, plan, rules, earlier, retried=failed)
    _require_canaries(plan, rules, failed, job)
    return ResumePlan(job, plan, rules, results)


def _read_plan(job: Job, store: KeptJobs) -> DeletionPlan:
    document = store.find_document(job.job_id)
    if document is None:
        raise PlanInvalidError(f"Job {job.job_id} has kept no plan.", hint="Delete anew: rootkeeper delete SELECTION")
    return parse_plan(document)


def _parse_rules(job: Job) -> WaveRules:
    waves = job.parameters.get("waves")
    return parse_waves(waves) if isinstance(waves, Mapping) else WaveRules()


def _require_canaries(plan: DeletionPlan, rules: WaveRules, failed: frozenset[AccountId], job: Job) -> None:
    canaries = [one.account_id for one in plan.targets[: rules.canary] if one.account_id in failed]
    if canaries:
        raise JobConflictError(
            f"Job {job.job_id} can't go on past canary accounts that failed: {', '.join(canaries)}.",
            hint=f"Mend what made them fail, then: rootkeeper jobs resume {job.job_id} --retry-failed",
        )


LOCK_PURPOSE = "deleting root user credentials"


STOPPING_ERRORS = (LedgerUnavailableError, DatabaseError, AwsCredentialsError)
"""What concerns every account: after one of them no other is begun, and nothing more is sent."""


@dataclass(frozen=True, slots=True)
class DeletedTarget:
    """What came of one account, and what it means for the run."""

    deletion: AccountDeletion
    status: AccountStatus | None = None
    """As re-read at the end, to be remembered."""
    obstacle: RootkeeperError | None = None
    """What stops the whole run."""
    has_sent_changes: bool = False


@dataclass(frozen=True, slots=True)
class TargetDeletion:
    """Deletes from one target after the other, on any thread; keeps no state between them."""

    plan: DeletionPlan
    inventory: Inventory
    protections: ProtectionReader
    locks: AccountLocks
    removal: Removal
    clock: Clock
    context: Mapping[str, JsonValue]
    """Goes into every intent."""
    is_stopped: Callable[[], bool]
    """Asked before each privileged call; true ends what is in progress."""
    ledger_reader: LedgerReader | None = None
    """Tells what was deleted before an interruption; ``None`` if there was none."""

    def delete(self, planned: PlannedAccount, account: Account | None) -> DeletedTarget:
        """Do what the plan says of one account.

        :param account: as the organization has it now; ``None`` if it doesn't.
        """
        if account is None:
            return _leave(planned, SkipReason.NOT_IN_ORGANIZATION, "It isn't in the organization any more.")
        role = classify_account_role(account.account_id, self.inventory)
        try:
            with self.locks.hold(account.account_id, LOCK_PURPOSE) as lock:
                skip = self._find_skip(account, role)
                if skip is not None:
                    return DeletedTarget(describe_skipped(planned, skip))
                return self._remove(planned, account, role, lock)
        except (AccountBusyError, LockLostError) as error:
            return _leave(planned, SkipReason.ACCOUNT_BUSY, error.message)
        except STOPPING_ERRORS as error:
            return replace(_leave(planned, SkipReason.STOPPED, error.message), obstacle=error)

    def _find_skip(self, account: Account, role: AccountRole) -> Skip | None:
        protections = self.protections.read(self.plan.included_failsafes)
        selected = SelectedAccount(account, is_named=False)
        return find_skip(selected, role, self.inventory.organization.partition, protections)

    def _remove(self, planned: PlannedAccount, account: Account, role: AccountRole, lock: AccountLock) -> DeletedTarget:
        deleted_earlier = self._list_deleted_earlier(planned)
        result = self.removal.remove(
            account.account_id,
            lock,
            only=self.plan.only,
            check=_make_check(planned, self.plan),
            context=self.context,
            is_stopped=self.is_stopped,
        )
        status = self._evaluate(result, account, role)
        obstacle = result.error if isinstance(result.error, STOPPING_ERRORS) else None
        deletion = AccountDeletion(
            account_id=planned.account_id,
            name=planned.name,
            ou_path=planned.ou_path,
            kinds=credit_earlier(result.kinds, planned.calls, deleted_earlier),
            skip=result.skip,
            status=None if status is None else status.status,
            is_final=not result.was_stopped and obstacle is None,
        )
        return DeletedTarget(deletion, status, obstacle, result.has_sent_changes)

    def _list_deleted_earlier(self, planned: PlannedAccount) -> frozenset[PlannedCall]:
        """What this very plan deleted before an interruption. Read first: once something is sent, its result counts."""
        if self.ledger_reader is None:
            return frozenset()
        entries = self.ledger_reader.list_entries(account_id=planned.account_id)
        return list_deleted_earlier(entries, self.plan.plan_id)

    def _evaluate(self, result: RemovalResult, account: Account, role: AccountRole) -> AccountStatus | None:
        """The account's status as re-read at the end; unknown if that failed, none if nothing was begun."""
        if result.left is not None:
            return evaluate_found(
                account,
                role,
                result.left,
                observed_at=result.left_observed_at or self.clock.now(),
                has_open_window=False,
                credentials=result.left_credentials,
                session_access_key_id=result.session_access_key_id,
            )
        if result.skip is not None:
            return None
        error = result.error or UnprovenChangeError("It couldn't be re-read what is left.")
        return evaluate_failure(
            account,
            role,
            error,
            observed_at=self.clock.now(),
            session_access_key_id=result.session_access_key_id,
        )


def _make_check(planned: PlannedAccount, plan: DeletionPlan) -> Callable[[RootCredentials], Skip | None]:
    """Whether the account is still as the plan saw it, or has less: what is left is then a part of the plan."""

    def check(found: RootCredentials) -> Skip | None:
        if planned.found is None:
            return Skip(SkipReason.CHANGED_SINCE_PLAN, "The plan doesn't say what was found.")
        changes = find_changes(planned.found, found, is_use_allowed=planned.allowed_use is not None)
        if changes:
            return Skip(SkipReason.CHANGED_SINCE_PLAN, f"Changed since the plan: {', '.join(changes)}.")
        if not set(plan_deletion(found, plan.only)) <= set(planned.calls):
            return Skip(SkipReason.CHANGED_SINCE_PLAN, "The plan doesn't hold every call that is needed.")
        return None

    return check


def describe_skipped(planned: PlannedAccount, skip: Skip, *, is_final: bool = True) -> AccountDeletion:
    """The result of an account that wasn't touched."""
    return AccountDeletion(
        account_id=planned.account_id,
        name=planned.name,
        ou_path=planned.ou_path,
        kinds=skip_kinds(skip),
        skip=skip,
        was_planned=bool(planned.calls),
        is_final=is_final,
    )


def describe_not_begun(planned: PlannedAccount) -> AccountDeletion:
    """The result of an account whose turn didn't come."""
    return describe_skipped(planned, Skip(SkipReason.STOPPED, "Not begun: the run was stopped before."), is_final=False)


def _leave(planned: PlannedAccount, reason: SkipReason, detail: str) -> DeletedTarget:
    is_final = reason is SkipReason.NOT_IN_ORGANIZATION
    return DeletedTarget(describe_skipped(planned, Skip(reason, detail), is_final=is_final))


@dataclass(slots=True)
class StopReasons:
    """What has come up in one run so far; asked and told from many threads."""

    signal: StopSignal
    job: RunningJob
    failures_allowed: int | None = None
    """With so many failures no further account is begun; ``None``: none are too many."""
    obstacle: RootkeeperError | None = None
    """What concerns every account."""
    failures: int = 0
    has_sent_changes: bool = False
    _reason: str | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_stopping(self) -> bool:
        """Whether no further account may be begun."""
        return (
            self._reason is not None or self.obstacle is not None or self.job.is_cancelled or self.signal.asked_once()
        )

    @property
    def is_broken_off(self) -> bool:
        """Whether nothing more may be sent, not even for accounts in progress."""
        return self.obstacle is not None or self.signal.asked_twice()

    def evaluate(self, target: DeletedTarget) -> None:
        """Take in what came of one account."""
        with self._guard:
            self.has_sent_changes = self.has_sent_changes or target.has_sent_changes
            self.failures += target.deletion.is_failure
        if target.obstacle is not None:
            self.note_obstacle(target.obstacle)
        if self.failures_allowed is not None and self.failures >= self.failures_allowed:
            failed = f"{self.failures} account{'' if self.failures == 1 else 's'}"
            self.stop(f"{failed} failed, and --stop-after-failures is {self.failures_allowed}.")

    def note_obstacle(self, obstacle: RootkeeperError) -> None:
        """The first obstacle counts: those after it follow from it."""
        with self._guard:
            self.obstacle = self.obstacle or obstacle

    def stop(self, reason: str) -> None:
        """Begin no further account, for this reason."""
        with self._guard:
            self._reason = self._reason or reason

    def explain(self) -> str | None:
        """Why the run stops, in one sentence; ``None`` if it doesn't."""
        if self.obstacle is not None:
            return self.obstacle.message
        if self._reason is not None:
            return self._reason
        if self.job.is_cancelled:
            return "The job was cancelled."
        return "It was interrupted." if self.signal.asked_once() else None


@dataclass(slots=True)
class DeletionResults:
    """The results of one run and of those before it; told from one thread."""

    plan: DeletionPlan
    job: RunningJob
    store: InventoryStore
    progress: Progress
    reasons: StopReasons
    found: dict[AccountId, AccountDeletion] = field(default_factory=dict)

    def keep(self, done: Sequence[DeletedTarget]) -> None:
        """Remember what is done, in one transaction for all that came together."""
        self._save_statuses(done)
        self.found |= {target.deletion.account_id: target.deletion for target in done}
        final = [target.deletion for target in done if target.deletion.is_final]
        if final:
            self._record(final)
        for target in done:
            if target.deletion.was_begun:
                left = target.deletion.status
                self.progress.advance(present=int(left is Status.PRESENT), unknown=int(left is Status.UNKNOWN))

    def list_accounts(self) -> tuple[AccountDeletion, ...]:
        """A result for every account of the plan, in its order."""
        return tuple(self._find(planned) for planned in self.plan.accounts)

    def end_job(self) -> None:
        """Let the job be over, or interrupted if something is left to do."""
        accounts = [account for account in self.list_accounts() if account.was_planned]
        left = sum(not account.is_final for account in accounts)
        failed = sum(account.is_failure for account in accounts if account.is_final)
        state = JobState.INTERRUPTED if left else JobState.FAILED if failed else JobState.DONE
        words = [self.reasons.explain() or ""] if left else []
        words += [f"{failed} failed or not proven."] if failed else []
        words += [f"{left} left to do."] if left else []
        try:
            self.job.end(state, " ".join(words).strip() or None)
        except (DatabaseError, JobConflictError) as error:
            self.progress.remark(f"How job {self.job.job_id} ended couldn't be recorded: {error.message}")

    def _find(self, planned: PlannedAccount) -> AccountDeletion:
        if not planned.calls:
            nothing = Skip(SkipReason.NOTHING_TO_DELETE, "The plan has no calls for it.")
            return describe_skipped(planned, planned.skip or nothing)
        return self.found.get(planned.account_id) or describe_not_begun(planned)

    def _save_statuses(self, done: Sequence[DeletedTarget]) -> None:
        statuses = [target.status for target in done if target.status is not None]
        try:
            self.store.save_statuses(statuses)
        except DatabaseError as error:
            named = ", ".join(status.account.account_id for status in statuses)
            self.progress.remark(f"{named}: the status couldn't be remembered: {error.message}")

    def _record(self, final: Sequence[AccountDeletion]) -> None:
        left = [deletion.status for deletion in final]
        try:
            self.job.record(
                {deletion.account_id: deletion_to_record(deletion) for deletion in final},
                present=left.count(Status.PRESENT),
                unknown=left.count(Status.UNKNOWN),
            )
        except (DatabaseError, JobConflictError) as error:
            self.reasons.note_obstacle(error)


LABEL = "Deleting root user credentials"


_LOOK_SECONDS = 0.2
"""How often the run looks whether somebody asks it to stop."""


_LOOKS_OF_GRACE = 10
"""After being asked to stop now, what is in progress gets so many looks to come to an end."""


Pending = dict[AccountId, PlannedAccount]


@dataclass(slots=True)
class DeletionRun:
    """One application of one plan, or of what is left of it."""

    rules: WaveRules
    targets: TargetDeletion
    results: DeletionResults
    reasons: StopReasons
    clock: Clock
    progress: Progress
    workers: int
    _begun: set[AccountId] = field(default_factory=set)
    _was_reported: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def perform(self) -> None:
        """Delete wave after wave until all are done or something stops it. Then the job is over, or interrupted."""
        waves = plan_waves(self.targets.plan.targets, self.rules, self.results.found.keys())
        total = sum(len(wave.accounts) for wave in waves)
        accounts = {account.account_id: account for account in self.targets.inventory.accounts}
        threads: WorkerThreads[DeletedTarget] = WorkerThreads(min(self.workers, total), "deletion")
        self.progress.start(LABEL, total)
        try:
            for number, wave in enumerate(waves):
                if number:
                    self._pause_before(number, waves)
                if self.reasons.is_stopping:
                    break
                self._run_wave(wave, accounts, threads)
        except BaseException:
            self.reasons.stop("Interrupted.")
            raise
        finally:
            threads.close()
            self.progress.finish()
        self.results.end_job()

    def _run_wave(
        self, wave: Wave, accounts: Mapping[AccountId, Account], threads: WorkerThreads[DeletedTarget]
    ) -> None:
        earlier_failures = self.reasons.failures
        pending: Pending = {planned.account_id: planned for planned in wave.accounts}
        for planned in wave.accounts:
            threads.begin(_AccountTask(self, planned, accounts))
        while pending and not self.reasons.signal.asked_twice():
            self._collect(threads, pending)
        for _ in range(_LOOKS_OF_GRACE):
            if pending:
                self._collect(threads, pending)
        self._abandon(pending.values())
        failed = self.reasons.failures - earlier_failures
        if wave.is_canary and failed:
            self.reasons.stop(f"{failed} of {len(wave.accounts)} canary accounts failed.")

    def take_turn(self, planned: PlannedAccount, accounts: Mapping[AccountId, Account]) -> DeletedTarget:
        """On a worker's thread: delete from one account, unless the run stops."""
        if self.reasons.is_stopping:
            return DeletedTarget(describe_not_begun(planned))
        with self._guard:
            self._begun.add(planned.account_id)
        target = self.targets.delete(planned, accounts.get(planned.account_id))
        self.reasons.evaluate(target)
        return target

    def _collect(self, threads: WorkerThreads[DeletedTarget], pending: Pending) -> None:
        done = threads.take_done(_LOOK_SECONDS)
        for target in done:
            del pending[target.deletion.account_id]
        if done:
            self.results.keep(done)
        if pending and not self._was_reported and self.reasons.signal.asked_once():
            self._was_reported = True
            self.progress.remark("Interrupted: finishing what is in progress. Once more stops now.")

    def _abandon(self, pending: Iterable[PlannedAccount]) -> None:
        """What is still in progress after the grace is told as it is: begun, and not known."""
        for planned in pending:
            was_begun = planned.account_id in self._begun
            result = _describe_abandoned(planned) if was_begun else describe_not_begun(planned)
            self.results.found[planned.account_id] = result

    def _pause_before(self, number: int, waves: tuple[Wave, ...]) -> None:
        seconds = self.rules.pause_seconds
        if seconds and not self.reasons.is_stopping:
            following = len(waves[number].accounts)
            self.progress.remark(
                f"Wave {number} of {len(waves)} is done. The next, of {following}, begins in {seconds} s; "
                "Ctrl-C ends it here."
            )
        ends = self.clock.monotonic() + seconds
        while not self.reasons.is_stopping and (left := ends - self.clock.monotonic()) > 0:
            self.reasons.signal.wait(min(1.0, left))
            self._look_at_job()
        plan = self.targets.plan
        if self.clock.now() >= plan.not_after:
            self.reasons.stop(f"The plan expired at {render_instant(plan.not_after)}.")

    def _look_at_job(self) -> None:
        """Learn whether somebody cancelled it."""
        try:
            self.results.job.advance(done=0)
        except (DatabaseError, JobConflictError) as error:
            self.reasons.note_obstacle(error)


@dataclass(frozen=True, slots=True)
class _AccountTask:
    """One account's work for a worker's thread."""

    run: DeletionRun
    planned: PlannedAccount
    accounts: Mapping[AccountId, Account]

    def __call__(self) -> DeletedTarget:
        return self.run.take_turn(self.planned, self.accounts)


def _describe_abandoned(planned: PlannedAccount) -> AccountDeletion:
    detail = "In progress when the run was stopped; the next command that changes something settles it."
    return AccountDeletion(
        account_id=planned.account_id,
        name=planned.name,
        ou_path=planned.ou_path,
        kinds=tuple(KindResult(kind, KindOutcome.FAILED, KindReason.STOPPED, detail) for kind in CredentialKind),
        is_final=False,
    )
