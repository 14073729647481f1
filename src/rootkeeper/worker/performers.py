"""Performs a job of each kind, with the use cases of the command line, as the job's requester.

A job's counts go into its row, its remarks into the log.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rootkeeper.audit.service import Audit, AuditReport
from rootkeeper.aws.rules import AwsWork
from rootkeeper.clock import Clock
from rootkeeper.deletion.made_plans import make_plan_id
from rootkeeper.deletion.records import render_plan
from rootkeeper.deletion.resumption import read_resumption
from rootkeeper.deletion.service import Deletion
from rootkeeper.delivery.planning import DeliveryPlanner
from rootkeeper.delivery.records import deliveries_to_record
from rootkeeper.delivery.service import ReportSender
from rootkeeper.delivery.targets import parse_request
from rootkeeper.errors import DatabaseError, JobConflictError, PolicyChangedError
from rootkeeper.failsafe.breakglass_service import BreakGlassReader
from rootkeeper.failsafe.confirmations import FailsafeConfirmer
from rootkeeper.failsafe.records import breakglass_to_record, failsafe_to_record
from rootkeeper.failsafe.rules import describe_counts
from rootkeeper.failsafe.service import FailsafeChecker
from rootkeeper.guardrails.records import preflight_to_record
from rootkeeper.guardrails.service import BlockingPolicyFinder, Preflight
from rootkeeper.inventory.listing import InventoryReader
from rootkeeper.jobs.rules import JobKind, JobProgress, JobState
from rootkeeper.jobs.service import RunningJob
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.rules import Actor, Result, verification_to_record
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import Account, Inventory
from rootkeeper.organization.progress import Progress, RemarkProgress, StopSignal
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.organization.statuses import Status, count_root_logins_left, count_statuses, has_findings
from rootkeeper.settlement.service import Settlement
from rootkeeper.setup.drift import DriftReader
from rootkeeper.setup.rules import SetupDrift, drift_to_record
from rootkeeper.setup.service import SetupReader
from rootkeeper.unlock.records import (
    listing_to_record,
    outcome_to_record,
    resource_policy_to_record,
    unneeded_to_record,
)
from rootkeeper.unlock.rules import hash_policy, require_unlockable
from rootkeeper.unlock.service import PolicyChangeRequest, UnlockPlanner, UnlockReader, UnlockRun
from rootkeeper.values import JsonValue, render_instant
from rootkeeper.worker.requests import UnlockRequest, parse_audit, parse_plan_request, parse_preflight, parse_unlock

_log = logging.getLogger(__name__)


class JobRemarks(RemarkProgress):
    """Implements Progress for a use case that writes all counts but that of the listing to its job's row itself."""

    def __init__(self, job: RunningJob) -> None:
        super().__init__(lambda text: _log.info("Job %s: %s", job.job_id, text))
        self.job = job
        self.last_remark: str | None = None

    def set_listed(self, count: int) -> None:
        """If the count can't be written now, a later write has it."""
        with suppress(DatabaseError, JobConflictError):
            self.job.set_listed(count)

    def remark(self, text: str) -> None:
        self.last_remark = text
        super().remark(text)


class JobCounts(JobRemarks):
    """Implements Progress for a use case that knows no jobs. It may count several things in turn."""

    def start(self, label: str, total: int | None) -> None:  # noqa: ARG002 - the shape is the port's
        self.job.count(JobProgress(total))

    def set_total(self, total: int) -> None:
        self.job.set_total(total)

    def advance(self, *, present: int = 0, unknown: int = 0, unread: int = 0) -> None:
        """If the count can't be written now, a later write has it."""
        with suppress(DatabaseError, JobConflictError):
            self.job.advance(present=present, unknown=unknown, unread=unread)


class PerformerUseCases(Protocol):
    """The use cases that jobs need, made for an actor and a kind of AWS work."""

    @property
    def audit(self) -> Audit: ...

    @property
    def deletion(self) -> Deletion: ...

    @property
    def preflight(self) -> Preflight: ...

    @property
    def setup_reader(self) -> SetupReader: ...

    @property
    def drift_reader(self) -> DriftReader: ...

    @property
    def inventory_reader(self) -> InventoryReader: ...

    @property
    def unlock_reader(self) -> UnlockReader: ...

    @property
    def unlock_planner(self) -> UnlockPlanner: ...

    @property
    def unlock_run(self) -> UnlockRun: ...

    @property
    def ledger_reader(self) -> LedgerReader: ...

    @property
    def failsafe_checker(self) -> FailsafeChecker: ...

    @property
    def failsafe_confirmer(self) -> FailsafeConfirmer: ...

    @property
    def breakglass_reading(self) -> BreakGlassReader: ...

    @property
    def delivery_planner(self) -> DeliveryPlanner: ...

    @property
    def report_sender(self) -> ReportSender: ...

    def blocking_policy_finder(self, inventory: Inventory) -> BlockingPolicyFinder: ...

    def settlement(self, progress: Progress) -> Settlement: ...

    def close(self) -> None:
        """Release locks and lease, so that other processes settle unclear intents."""
        ...

    def close_later(self) -> None:
        """Close once no call can be in progress any more."""
        ...


ActAs = Callable[[Actor, AwsWork], PerformerUseCases]

WORK: Mapping[JobKind, AwsWork] = {
    JobKind.AUDIT: AwsWork.AUDIT,
    JobKind.BREAKGLASS_CHECK: AwsWork.AUDIT,
    JobKind.DELETION: AwsWork.DELETE,
    JobKind.DRIFT_CHECK: AwsWork.AUDIT,
    JobKind.FAILSAFE_CHECK: AwsWork.AUDIT,
    JobKind.LEDGER_VERIFICATION: AwsWork.AUDIT,
    JobKind.PLAN: AwsWork.AUDIT,
    JobKind.PREFLIGHT: AwsWork.AUDIT,
    JobKind.REPORT_DELIVERY: AwsWork.REPORT,
    JobKind.UNLOCK: AwsWork.UNLOCK,
}
"""The AWS role that a job of each kind uses."""


@dataclass(frozen=True, slots=True)
class JobTask:
    """A job that this process has taken over, and the use cases that perform it."""

    kept: RunningJob
    acting: PerformerUseCases
    store: JobStore
    stop: StopSignal
    clock: Clock

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        return self.kept.job.requested_parameters

    @property
    def document(self) -> str | None:
        return self.store.find_document(self.kept.job_id)

    @property
    def retries_failed(self) -> bool:
        return self.kept.job.retries_failed

    def set_outcome(self, record: Mapping[str, Any]) -> None:
        self.kept.set_outcome(json.dumps(record, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job."""

    state: JobState | None = None
    """``None`` if its use case has recorded the end itself."""
    remark: str | None = None
    is_temporary: bool = False
    """Whether it can resume by itself later, because something that it needs couldn't be reached."""
    findings: str | None = None
    """A sentence for a notification, although nothing failed."""


def perform_audit(task: JobTask) -> JobResult:
    """Audit the accounts that this job hasn't read yet."""
    report = task.acting.audit.continue_job(
        task.kept, JobRemarks(task.kept), retry_failed=task.retries_failed, stop=task.stop
    )
    if not isinstance(report, AuditReport):
        return JobResult()
    if not has_findings(report.accounts, parse_audit(task.parameters).fail_on):
        return JobResult()
    counts, left = count_statuses(report.accounts), count_root_logins_left(report.accounts)
    return JobResult(
        findings=f"The audit has findings: {counts[Status.PRESENT]:,} accounts present, {left.unknown:,} unknown,"
        f" {left.unread:,} unread."
    )


def perform_deletion(task: JobTask) -> JobResult:
    """Settle the orphans of dead processes, then perform the rest of the plan in the job's document."""
    progress = JobRemarks(task.kept)
    deletion = task.acting.deletion
    resumption = read_resumption(task.kept.job, task.store, retry_failed=task.retries_failed)
    deletion.require_valid_here(resumption.plan)
    head = {"caller_arn": deletion.inventory.caller.arn, "started_at": render_instant(task.clock.now())}
    task.set_outcome(head)
    task.acting.settlement(progress).settle()
    report = deletion.continue_job(
        resumption.take_up(task.kept), progress, deletion.choose_inventory(None, progress), stop=task.stop
    )
    task.set_outcome(head | {"ended_at": render_instant(report.ended_at)})
    if not report.has_rest or report.was_interrupted or report.is_cancelled:
        return JobResult()
    remark = report.stopped_by or "Another process holds some accounts."
    return JobResult(JobState.INTERRUPTED, remark, is_temporary=report.met_obstacle or report.stopped_by is None)


def perform_plan(task: JobTask) -> JobResult:
    """Plan a deletion; the plan file is the outcome, and its id leads to this job."""
    request = parse_plan_request(task.parameters, task.kept.job.created_at)
    reading = task.acting.deletion.plan(request.selection, request.options, JobCounts(task.kept))
    plan = replace(reading.plan, plan_id=make_plan_id(task.kept.job_id))
    task.kept.set_outcome(render_plan(plan))
    return JobResult(JobState.DONE, f"Plan {plan.plan_id}: {len(plan.targets)} of {len(plan.accounts)} accounts.")


def perform_preflight(task: JobTask) -> JobResult:
    """Evaluate which tasks policies block; the outcome is its JSON."""
    report = task.acting.preflight.run(JobCounts(task.kept), parse_preflight(task.parameters).selection)
    task.set_outcome(preflight_to_record(report))
    return JobResult(JobState.DONE)


def perform_drift_check(task: JobTask) -> JobResult:
    """Compare the set-up with the accepted set-up; the outcome is its JSON."""
    drift = task.acting.drift_reader.compare(task.acting.setup_reader.read().setup)
    task.set_outcome(drift_to_record(drift))
    description = describe_drift(drift)
    findings = description if drift.differences or drift.unknown else None
    return JobResult(JobState.DONE, description, findings=findings)


def describe_drift(drift: SetupDrift) -> str:
    if drift.accepted is None and not drift.unknown:
        return "No set-up has been accepted yet, so there is nothing to compare."
    if drift.is_clean:
        return "The set-up is the accepted one."
    return " ".join([*(difference.what for difference in drift.differences), *drift.unknown])


def perform_ledger_verification(task: JobTask) -> JobResult:
    """Verify the whole ledger with its mirror and anchor; the outcome is its JSON. Makes no AWS call."""
    found = task.acting.ledger_reader.verify()
    task.set_outcome(verification_to_record(found))
    if found.problem is not None:
        return JobResult(JobState.FAILED, f"The ledger isn't intact. {found.problem}")
    return JobResult(JobState.DONE, f"The ledger is intact: {found.entries} entries.")


def perform_failsafe_check(task: JobTask) -> JobResult:
    """Check each failsafe, and record in the ledger which of them passed; the outcome is its JSON."""
    report = task.acting.failsafe_checker.check(JobCounts(task.kept))
    task.acting.failsafe_confirmer.record_checks(report)
    task.set_outcome(failsafe_to_record(report))
    return JobResult(JobState.DONE, describe_counts(report.checks))


def perform_breakglass_check(task: JobTask) -> JobResult:
    """Read who can open root sessions, and which access remains in an emergency; the outcome is its JSON."""
    report = task.acting.breakglass_reading.read(JobCounts(task.kept))
    task.set_outcome(breakglass_to_record(report))
    return JobResult(JobState.DONE, describe_counts(report.checks))


def perform_report_delivery(task: JobTask) -> JobResult:
    """Send the evidence report to places of the settings; the outcome is the result of each delivery, as JSON."""
    plans = task.acting.delivery_planner.plan(parse_request(task.parameters), only_configured=True)
    results = task.acting.report_sender.send_all(plans, JobCounts(task.kept), task.stop)
    job = task.kept.job
    task.set_outcome(deliveries_to_record(results, job.organization_id, job.endpoint))
    is_done = all(delivery.result is Result.DONE for delivery in results)
    return JobResult(
        JobState.DONE if is_done else JobState.FAILED, " ".join(delivery.explanation for delivery in results)
    )


def perform_unlock(task: JobTask) -> JobResult:
    """List, show or change policies of buckets or queues; the outcome is its JSON.

    :raises PolicyChangedError: if the policy to change isn't the policy that was shown to the requester.
    """
    request, progress = parse_unlock(task.parameters, task.document), JobCounts(task.kept)
    if request.change is not None:
        task.acting.settlement(progress).settle()
    inventory = task.acting.inventory_reader.read(progress)
    account = find_account(NamedAccount(request.account), inventory.accounts)
    require_unlockable(account, inventory, request.included_failsafes)
    with task.acting.blocking_policy_finder(inventory).explaining_refusals(account, request.kind.task_policy):
        if request.change is not None:
            return _change_policy(task, request, account, inventory, progress)
        reading, organization_id = task.acting.unlock_reader, inventory.organization.organization_id
        if request.resource is None:
            listing = reading.list_all(account, request.kind, request.regions, progress)
            task.set_outcome(listing_to_record(listing, organization_id))
        else:
            resource_state = reading.show_one(account, request.kind, request.resource, request.regions, progress)
            task.set_outcome(resource_policy_to_record(resource_state, organization_id))
        return JobResult(JobState.DONE)


def _change_policy(
    task: JobTask, request: UnlockRequest, account: Account, inventory: Inventory, progress: Progress
) -> JobResult:
    assert request.resource is not None  # noqa: S101 - parse_unlock checks it
    assert request.change is not None  # noqa: S101 - the caller checks it
    organization_id = inventory.organization.organization_id
    change = PolicyChangeRequest(
        account, request.kind, request.resource, request.change, request.regions, task.document, "the request"
    )
    plan = task.acting.unlock_planner.plan(change, progress)
    if plan.obstacle is not None:
        task.set_outcome(unneeded_to_record(plan, organization_id))
        return JobResult(JobState.DONE, plan.obstacle)
    policy = plan.resource_state.policy
    if request.shown_sha256 != (None if policy is None else hash_policy(policy)):
        raise PolicyChangedError(
            f"The policy of {plan.resource_state.resource} isn't the one that was shown. Nothing was done.",
            hint="Show the policy again, and request the change with the SHA-256 that is shown then.",
        )
    outcome = task.acting.unlock_run.apply(plan, progress)
    task.set_outcome(outcome_to_record(outcome, organization_id))
    state = JobState.DONE if outcome.result is Result.DONE else JobState.FAILED
    return JobResult(state, outcome.explanation)


PERFORMERS: Mapping[JobKind, Callable[[JobTask], JobResult]] = {
    JobKind.AUDIT: perform_audit,
    JobKind.BREAKGLASS_CHECK: perform_breakglass_check,
    JobKind.DELETION: perform_deletion,
    JobKind.DRIFT_CHECK: perform_drift_check,
    JobKind.FAILSAFE_CHECK: perform_failsafe_check,
    JobKind.LEDGER_VERIFICATION: perform_ledger_verification,
    JobKind.PLAN: perform_plan,
    JobKind.PREFLIGHT: perform_preflight,
    JobKind.REPORT_DELIVERY: perform_report_delivery,
    JobKind.UNLOCK: perform_unlock,
}
