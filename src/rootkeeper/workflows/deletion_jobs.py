"""A deletion as a job: what is kept of it, and what is left to do when it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rootkeeper.domain.deletion import AccountDeletion, DeletionPlan
from rootkeeper.domain.deletion_records import deletion_from_record
from rootkeeper.domain.jobs import Job, JobProgress
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.plan_files import parse_plan
from rootkeeper.domain.statuses import Status
from rootkeeper.domain.waves import WaveRules, describe_waves, parse_waves
from rootkeeper.errors import JobConflictError, PlanInvalidError
from rootkeeper.ports.jobs import JobResults, KeptJobs
from rootkeeper.workflows.jobs import RunningJob


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
