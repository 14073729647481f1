"""Reads the rest of an interrupted deletion from its job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rootkeeper.changes.removal_rules import AccountDeletion
from rootkeeper.deletion.execution import DeletionJob
from rootkeeper.deletion.records import deletion_from_record, parse_plan
from rootkeeper.deletion.rules import DeletionPlan, WaveRules
from rootkeeper.errors import Hint, JobConflictError, PlanInvalidError
from rootkeeper.jobs.rules import Job, JobProgress
from rootkeeper.jobs.service import RunningJob
from rootkeeper.jobs.store import JobResults, KeptJobs
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import Status
from rootkeeper.shapes import parse_facts


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """The rest of an interrupted deletion, and its earlier results."""

    job: Job
    plan: DeletionPlan
    rules: WaveRules
    earlier: Mapping[AccountId, AccountDeletion]
    """The results of accounts that aren't done again."""
    retried: frozenset[AccountId] = frozenset()
    """Failed accounts that are tried again."""

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
        """Number of earlier failures that still count: none if the run stopped because of them.

        An operator who resumes it after that has seen them.
        """
        limit, failed = self.rules.stop_after_failures, sum(result.is_failure for result in self.earlier.values())
        return failed if limit is not None and failed < limit else 0

    @property
    def rules_left(self) -> WaveRules:
        """The rules for the rest: canaries that aren't done, and the remaining number of failures."""
        canaries, limit = self.plan.targets[: self.rules.canary], self.rules.stop_after_failures
        return replace(
            self.rules,
            canary=sum(planned.account_id not in self.earlier for planned in canaries),
            stop_after_failures=None if limit is None else limit - self.failures,
        )

    def take_up(self, job: RunningJob) -> DeletionJob:
        """Make it the job of this process, which has taken over ``job``."""
        left = [deletion.status for deletion in self.earlier.values()]
        total = len(self.plan.targets)
        job.count(JobProgress(total, len(left), left.count(Status.PRESENT), left.count(Status.UNKNOWN)))
        return DeletionJob(self.plan, self.rules, job, self.earlier, self.failures, is_resumed=True)


def read_results(job: Job, store: KeptJobs) -> tuple[AccountDeletion, ...]:
    """Read the recorded results, in the order of the plan.

    :raises PlanInvalidError: if the job's plan can't be read.
    """
    return parse_results(_read_plan(job, store), store.list_results(job.job_id))


def parse_results(plan: DeletionPlan, recorded: JobResults) -> tuple[AccountDeletion, ...]:
    """Parse recorded results, in the order of the plan."""
    return tuple(
        deletion_from_record(planned, recorded[planned.account_id])
        for planned in plan.targets
        if planned.account_id in recorded
    )


def read_resumption(job: Job, store: KeptJobs, *, retry_failed: bool = False) -> ResumePlan:
    """Read the rest of an interrupted deletion.

    Accounts with a result aren't done again, failed accounts only with ``retry_failed``.

    :raises PlanInvalidError: if the job's plan can't be read.
    :raises JobConflictError: if a canary failed and isn't tried again.
    """
    waves: Any = job.parameters.get("waves")
    plan, rules = _read_plan(job, store), WaveRules() if waves is None else parse_facts(WaveRules, waves)
    results = {result.account_id: result for result in read_results(job, store)}
    failed = frozenset(account_id for account_id, result in results.items() if result.is_failure)
    if retry_failed:
        earlier = {account_id: result for account_id, result in results.items() if account_id not in failed}
        return ResumePlan(job, plan, rules, earlier, retried=failed)
    canaries = [planned.account_id for planned in plan.targets[: rules.canary] if planned.account_id in failed]
    if canaries:
        raise JobConflictError(
            f"Job {job.job_id} can't continue, because canary accounts failed: {', '.join(canaries)}.",
            hint=Hint(
                "Correct the cause, then resume the job and retry the failed accounts.",
                "deletion.retry_failed",
                job_id=job.job_id,
            ),
        )
    return ResumePlan(job, plan, rules, results)


def _read_plan(job: Job, store: KeptJobs) -> DeletionPlan:
    document = store.find_document(job.job_id)
    if document is None:
        raise PlanInvalidError(f"Job {job.job_id} has no plan.", hint=Hint("Start a new deletion.", "deletion.again"))
    return parse_plan(document)
