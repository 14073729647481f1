"""What came of the accounts of one deletion: remembered as it comes, so that a run that goes on doesn't repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rootkeeper.domain.deletion import AccountDeletion, DeletionPlan, PlannedAccount
from rootkeeper.domain.deletion_records import deletion_to_record
from rootkeeper.domain.jobs import JobState
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.selection import Skip, SkipReason
from rootkeeper.domain.statuses import Status
from rootkeeper.errors import DatabaseError, JobConflictError
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.jobs import RunningJob
from rootkeeper.workflows.stop_reasons import StopReasons
from rootkeeper.workflows.target_deletion import DeletedTarget, describe_not_begun, describe_skipped


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
