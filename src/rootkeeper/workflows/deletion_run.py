"""Applying a deletion plan: wave after wave, many accounts at once.

One account's failure never stops the others, unless it is a canary's or there were as many as the rules allow. What
does stop the run at once is what concerns every account: a ledger that can't be written, a database that fails,
credentials of the operator that ended. A run that stops leaves a job that goes on with what is left.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rootkeeper.domain.deletion import AccountDeletion, KindOutcome, KindReason, KindResult, PlannedAccount
from rootkeeper.domain.organizations import Account, AccountId
from rootkeeper.domain.plan_files import render_instant
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.waves import Wave, WaveRules, plan_waves
from rootkeeper.errors import DatabaseError, JobConflictError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.deletion_results import DeletionResults
from rootkeeper.workflows.stop_reasons import StopReasons
from rootkeeper.workflows.target_deletion import DeletedTarget, TargetDeletion, describe_not_begun
from rootkeeper.workflows.worker_threads import WorkerThreads

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
