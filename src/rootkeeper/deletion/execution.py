"""Applies a deletion plan: wave after wave, many accounts at once; each account is locked, checked again and re-read.

The failure of an account never stops the others, unless the account is a canary or the limit of failures is reached. An
error that concerns every account stops the run at once: the ledger can't be written, the database fails, or the
operator's credentials expired. A run that stops leaves a job that can do the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from rootkeeper.changes.removal import Removal, RemovalResult
from rootkeeper.changes.removal_rules import (
    AccountDeletion,
    KindOutcome,
    KindReason,
    KindResult,
    PlannedCall,
    plan_deletion,
    skip_kinds,
)
from rootkeeper.clock import Clock
from rootkeeper.deletion.records import deletion_to_record
from rootkeeper.deletion.rules import (
    RECENT_USE,
    DeletionPlan,
    PlannedAccount,
    Wave,
    WaveRules,
    credit_earlier,
    find_changes,
    find_recent_use,
    list_deleted_earlier,
    plan_waves,
)
from rootkeeper.errors import (
    AccountBusyError,
    AwsCredentialsError,
    DatabaseError,
    JobConflictError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
    UnprovenChangeError,
)
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.jobs.rules import JobState
from rootkeeper.jobs.service import RunningJob
from rootkeeper.ledger.owners import AccountLock, AccountLocks
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import Account, AccountId, Inventory, find_credentials_obstacle
from rootkeeper.organization.progress import INTERRUPTED_REMARK, Progress, StopSignal
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
from rootkeeper.shapes import to_json_record
from rootkeeper.values import JsonValue, render_instant
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class ProtectionReader:
    """Reads which accounts may not be touched: exceptions and unfinished windows. No AWS call."""

    exceptions: DeletionExceptionStore
    windows: RecoveryWindowStore
    clock: Clock

    def read(
        self, included_failsafes: frozenset[AccountId] = frozenset(), account_id: AccountId | None = None
    ) -> AccountProtections:
        """Read the current protections; an exception has priority over a window.

        :param account_id: reads only the protections of this account; for the check right before it is changed.
        """
        if account_id is None:
            windows, exceptions = self.windows.list_windows(unfinished_only=True), self.exceptions.list_exceptions()
        else:
            window, exception = self.windows.find_unfinished(account_id), self.exceptions.find(account_id)
            windows, exceptions = () if window is None else (window,), () if exception is None else (exception,)
        now = self.clock.now()
        recorded = {
            window.account_id: Skip(
                SkipReason.WINDOW_OPEN, f"Recovery window {window.window_id} is {window.state.value}."
            )
            for window in windows
        }
        for exception in exceptions:
            if exception.is_in_force(now):
                detail = (
                    f"Exception of {exception.owner} until {exception.until.date().isoformat()}: {exception.reason}"
                )
                recorded[exception.account_id] = Skip(SkipReason.EXCEPTION, detail)
        return AccountProtections(recorded, included_failsafes)


def describe_job(plan: DeletionPlan, rules: WaveRules) -> dict[str, JsonValue]:
    """Return the parameters of a deletion's job; the plan itself is its document."""
    return {
        "plan_id": plan.plan_id,
        "selection": plan.selection,
        "not_after": plan.not_after.isoformat(),
        "waves": to_json_record(rules),
    }


@dataclass(frozen=True, slots=True)
class DeletionJob:
    """A deletion that this process works on."""

    plan: DeletionPlan
    rules: WaveRules
    job: RunningJob
    earlier: Mapping[AccountId, AccountDeletion] = field(default_factory=dict)
    """The results of accounts that aren't done again."""
    failures: int = 0
    """How many of those count for ``rules.stop_after_failures``."""
    is_resumed: bool = False


STOPPING_ERRORS = (LedgerUnavailableError, DatabaseError, AwsCredentialsError)
"""Errors that concern every account: no other account is begun and no further call is sent."""


@dataclass(frozen=True, slots=True)
class DeletedTarget:
    """The result of an account, and its effect on the run."""

    deletion: AccountDeletion
    status: AccountStatus | None = None
    """As re-read at the end, to be saved."""
    obstacle: RootkeeperError | None = None
    """The error that stops the whole run."""
    has_sent_changes: bool = False


@dataclass(frozen=True, slots=True)
class TargetDeletion:
    """Deletes from an account, on any thread; keeps no state between accounts."""

    plan: DeletionPlan
    inventory: Inventory
    protections: ProtectionReader
    locks: AccountLocks
    removal: Removal
    clock: Clock
    context: Mapping[str, JsonValue]
    """Added to every intent."""
    is_stopped: Callable[[], bool]
    """Called before each privileged call; true stops the account."""
    remark: Callable[[str], None] = lambda _: None
    """Receives remarks for the operator while an account is in progress."""
    ledger_reader: LedgerReader | None = None
    """For a resumed run: shows the credentials deleted before the interruption."""
    recent: timedelta = RECENT_USE
    """How long a use counts as recent here and now. The plan's own limit isn't used."""

    def delete(self, planned: PlannedAccount, account: Account | None) -> DeletedTarget:
        """Apply the plan to an account.

        :param account: as it is in the organization now; ``None`` if it left the organization.
        """
        if account is None:
            return _leave(planned, SkipReason.NOT_IN_ORGANIZATION, "The account isn't in the organization any more.")
        role = classify_account_role(account.account_id, self.inventory)
        try:
            with self.locks.hold(account.account_id, "deleting root user credentials") as lock:
                protections = self.protections.read(self.plan.included_failsafes, account.account_id)
                selected = SelectedAccount(account, is_named=False)
                obstacle = find_credentials_obstacle(self.inventory.organization.partition)
                skip = find_skip(selected, role, obstacle, protections)
                if skip is not None:
                    return DeletedTarget(describe_skipped(planned, skip))
                return self._remove(planned, account, role, lock)
        except (AccountBusyError, LockLostError) as error:
            return _leave(planned, SkipReason.ACCOUNT_BUSY, error.message)
        except STOPPING_ERRORS as error:
            return replace(_leave(planned, SkipReason.STOPPED, error.message), obstacle=error)

    def _remove(self, planned: PlannedAccount, account: Account, role: AccountRole, lock: AccountLock) -> DeletedTarget:
        deleted_earlier: frozenset[PlannedCall] = frozenset()
        if self.ledger_reader is not None:
            # Read before this run sends calls of its own.
            entries = self.ledger_reader.list_entries(account_id=planned.account_id)
            deleted_earlier = list_deleted_earlier(entries, self.plan.plan_id)
        result = self.removal.remove(
            account.account_id,
            lock,
            only=self.plan.only,
            check=partial(self._check, planned, account),
            context=self.context,
            is_stopped=self.is_stopped,
            remark=self.remark,
        )
        status = self._evaluate(result, planned, account, role)
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

    def _check(self, planned: PlannedAccount, account: Account, found: RootCredentials) -> Skip | None:
        """Check the plan's claims about an account against the credentials found now.

        The account may have less than the plan contains. A recent use needs the plan's reason, also if the plan doesn't
        mention the use.
        """
        if planned.found is None:
            return Skip(SkipReason.CHANGED_SINCE_PLAN, "The plan doesn't contain what was found.")
        changes = find_changes(planned.found, found, is_use_allowed=planned.allowed_use is not None)
        if account.name != planned.name:
            changes = (*changes, f"the account's name is {account.name}")
        if changes:
            return Skip(SkipReason.CHANGED_SINCE_PLAN, f"Changed since the plan: {', '.join(changes)}.")
        if not set(plan_deletion(found, self.plan.only)) <= set(planned.calls):
            return Skip(SkipReason.CHANGED_SINCE_PLAN, "The plan doesn't contain every call that is needed.")
        use = find_recent_use(found, self.clock.now(), self.recent)
        if use is not None and planned.allowed_use is None and plan_deletion(found, self.plan.only):
            return Skip(SkipReason.RECENTLY_USED, use)
        return None

    def _evaluate(
        self, result: RemovalResult, planned: PlannedAccount, account: Account, role: AccountRole
    ) -> AccountStatus | None:
        """Evaluate the account's status at the end: unknown if the re-read failed, ``None`` if nothing was begun.

        If the account was skipped after it was read, the reading is kept, so that the next plan sees what has changed.
        Kinds that the plan contains stay present: only the summary of an audit session proves that a kind is gone.
        """
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
            if result.found is None or result.found.summary.is_empty or planned.found is None:
                return None
            return evaluate_found(
                account,
                role,
                planned.found.summary,
                observed_at=result.found.observed_at,
                has_open_window=False,
                credentials=result.found,
                session_access_key_id=result.session_access_key_id,
            )
        error = result.error or UnprovenChangeError("The account couldn't be re-read.")
        return evaluate_failure(
            account,
            role,
            error,
            observed_at=self.clock.now(),
            session_access_key_id=result.session_access_key_id,
        )


def describe_skipped(planned: PlannedAccount, skip: Skip, *, is_final: bool = True) -> AccountDeletion:
    """Return the result of an account that wasn't touched."""
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
    """Return the result of an account that wasn't begun."""
    return describe_skipped(planned, Skip(SkipReason.STOPPED, "Not begun: the run stopped before."), is_final=False)


def list_outcomes(plan: DeletionPlan, found: Mapping[AccountId, AccountDeletion]) -> tuple[AccountDeletion, ...]:
    """Return a result for every account of the plan, in its order."""
    no_calls = Skip(SkipReason.NOTHING_TO_DELETE, "The plan has no calls for it.")
    return tuple(
        found.get(planned.account_id) or describe_not_begun(planned)
        if planned.calls
        else describe_skipped(planned, planned.skip or no_calls)
        for planned in plan.accounts
    )


def _leave(planned: PlannedAccount, reason: SkipReason, detail: str) -> DeletedTarget:
    is_final = reason is SkipReason.NOT_IN_ORGANIZATION
    return DeletedTarget(describe_skipped(planned, Skip(reason, detail), is_final=is_final))


@dataclass(slots=True)
class StopReasons:
    """Why a run stops, for many threads.

    Stopping lets accounts in progress finish; breaking off sends no further call.
    """

    signal: StopSignal
    job: RunningJob
    failures_allowed: int | None = None
    """After this number of failures no further account is begun; ``None``: no limit."""
    obstacle: RootkeeperError | None = None
    """The error that concerns every account."""
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
        """Whether no further call may be sent, not even for accounts in progress."""
        return self.obstacle is not None or self.signal.asked_twice()

    def evaluate(self, target: DeletedTarget) -> None:
        """Count the result of an account."""
        with self._guard:
            self.has_sent_changes = self.has_sent_changes or target.has_sent_changes
            self.failures += target.deletion.is_failure
        if target.obstacle is not None:
            self.note_obstacle(target.obstacle)
        if self.failures_allowed is not None and self.failures >= self.failures_allowed:
            failed = f"{self.failures} account{'' if self.failures == 1 else 's'}"
            self.stop(f"{failed} failed; the limit is {self.failures_allowed}.")

    def note_obstacle(self, obstacle: RootkeeperError) -> None:
        """Keep the first obstacle, because later obstacles follow from it."""
        with self._guard:
            self.obstacle = self.obstacle or obstacle

    def stop(self, reason: str) -> None:
        """Begin no further account, for this reason."""
        with self._guard:
            self._reason = self._reason or reason

    def explain(self) -> str | None:
        """Explain in a sentence why the run stops; ``None`` if it doesn't."""
        if self.obstacle is not None:
            return self.obstacle.message
        if self._reason is not None:
            return self._reason
        if self.job.is_cancelled:
            return "The job was cancelled."
        return "The run was interrupted." if self.signal.asked_once() else None


@dataclass(slots=True)
class DeletionResults:
    """The results of a run and of the earlier runs of the same job; used by a single thread."""

    plan: DeletionPlan
    job: RunningJob
    store: InventoryStore
    progress: Progress
    reasons: StopReasons
    found: dict[AccountId, AccountDeletion] = field(default_factory=dict)

    def keep(self, done: Sequence[DeletedTarget]) -> None:
        """Save results; all that arrived together share a transaction."""
        statuses = [target.status for target in done if target.status is not None]
        try:
            self.store.save_statuses(statuses)
        except DatabaseError as error:
            named = ", ".join(status.account.account_id for status in statuses)
            self.progress.remark(f"The status of {named} couldn't be saved: {error.message}")
        self.found |= {target.deletion.account_id: target.deletion for target in done}
        final = [target.deletion for target in done if target.deletion.is_final]
        if final:
            left = [deletion.status for deletion in final]
            try:
                self.job.record(
                    {deletion.account_id: deletion_to_record(deletion) for deletion in final},
                    present=left.count(Status.PRESENT),
                    unknown=left.count(Status.UNKNOWN),
                )
            except (DatabaseError, JobConflictError) as error:
                self.reasons.note_obstacle(error)
        for target in done:
            if target.deletion.was_begun:
                status = target.deletion.status
                self.progress.advance(present=int(status is Status.PRESENT), unknown=int(status is Status.UNKNOWN))

    def end_job(self) -> None:
        """End the job, as interrupted if accounts are left to do."""
        accounts = [account for account in list_outcomes(self.plan, self.found) if account.was_planned]
        left = sum(not account.is_final for account in accounts)
        failed = sum(account.is_failure for account in accounts if account.is_final)
        state = JobState.INTERRUPTED if left else JobState.FAILED if failed else JobState.DONE
        words = [self.reasons.explain() or ""] if left else []
        words += [f"{failed} failed or not proven."] if failed else []
        words += [f"{left} left to do."] if left else []
        try:
            self.job.end(state, " ".join(words).strip() or None)
        except (DatabaseError, JobConflictError) as error:
            self.progress.remark(f"The end of job {self.job.job_id} couldn't be saved: {error.message}")


_LOOK_SECONDS = 0.2
"""How often the run checks for a request to stop."""

_LOOKS_OF_GRACE = 10
"""After a request to stop now, accounts in progress have this many checks to finish."""

Pending = dict[AccountId, PlannedAccount]


@dataclass(slots=True)
class DeletionRun:
    """Applies a plan, or the rest of it, once."""

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
        """Delete wave after wave until all accounts are done or the run stops, then end the job."""
        waves = plan_waves(self.targets.plan.targets, self.rules, self.results.found.keys())
        total = sum(len(wave.accounts) for wave in waves)
        accounts = {account.account_id: account for account in self.targets.inventory.accounts}
        threads: WorkerThreads[DeletedTarget] = WorkerThreads(min(self.workers, total), "deletion")
        self.progress.start("Deleting root user credentials", total)
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
            threads.begin(partial(self.take_turn, planned, accounts))
        while pending and not self.reasons.signal.asked_twice():
            self._collect(threads, pending)
        for _ in range(_LOOKS_OF_GRACE):
            if pending:
                self._collect(threads, pending)
        # Accounts that are still in progress have an unknown result.
        detail = "In progress when the run stopped; the next command that changes something settles it."
        kinds = tuple(KindResult(kind, KindOutcome.FAILED, KindReason.STOPPED, detail) for kind in CredentialKind)
        for planned in pending.values():
            deletion = describe_not_begun(planned)
            if planned.account_id in self._begun:
                deletion = replace(deletion, kinds=kinds, skip=None)
            self.results.found[planned.account_id] = deletion
        failed = self.reasons.failures - earlier_failures
        if wave.is_canary and failed:
            self.reasons.stop(f"{failed} of {len(wave.accounts)} canary accounts failed.")

    def take_turn(self, planned: PlannedAccount, accounts: Mapping[AccountId, Account]) -> DeletedTarget:
        """Delete from an account, unless the run stops; runs on a worker's thread."""
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
            self.progress.remark(INTERRUPTED_REMARK)

    def _pause_before(self, number: int, waves: tuple[Wave, ...]) -> None:
        seconds = self.rules.pause_seconds
        if seconds and not self.reasons.is_stopping:
            following = len(waves[number].accounts)
            self.progress.remark(
                f"Wave {number} of {len(waves)} is done. The next wave of {following} begins in {seconds} s. "
                "Interrupt to stop here."
            )
        ends = self.clock.monotonic() + seconds
        while not self.reasons.is_stopping and (left := ends - self.clock.monotonic()) > 0:
            self.reasons.signal.wait(min(1.0, left))
            try:
                self.results.job.advance(done=0)  # reads whether the job was cancelled
            except (DatabaseError, JobConflictError) as error:
                self.reasons.note_obstacle(error)
        plan = self.targets.plan
        if self.clock.now() >= plan.not_after:
            self.reasons.stop(f"The plan expired at {render_instant(plan.not_after)}.")
