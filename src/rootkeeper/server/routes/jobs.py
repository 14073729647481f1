"""Routes of jobs: a request for long work is answered with 202 and a job, which can be followed."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.audit.records import FinishedAudit
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.deletion.records import AccountResultRecord, FinishedDeletion, PlanRecord, UnfinishedDeletion
from rootkeeper.delivery.records import DeliveriesDocument
from rootkeeper.delivery.targets import choose_targets, parse_configured_targets
from rootkeeper.errors import NotFoundError
from rootkeeper.failsafe.records import BreakglassOutcome, FailsafeOutcome
from rootkeeper.guardrails.records import PreflightRecord
from rootkeeper.jobs.records import FailedOutcome, JobAnswer, JobRecord, job_to_record
from rootkeeper.jobs.rules import JobKind, require_job_permission
from rootkeeper.ledger.records import LedgerVerificationRecord
from rootkeeper.server.documents import change, read, read_file
from rootkeeper.server.guards import Called, Identified, Served, require_fresh
from rootkeeper.server.jobs import DeletionBody, DeliveryBody, PlanBody, PreflightBody, UnlockBody, stream_job
from rootkeeper.server.limits import require_job_access, require_within_units
from rootkeeper.server.parameters import After, Body, Limit, Name, show_one, show_page
from rootkeeper.setup.records import DriftRecord
from rootkeeper.shapes import CountedPage, Page, record, to_json_record
from rootkeeper.unlock.records import BucketListing, ChangedPolicyRecord, QueueListing, ShownPolicyRecord
from rootkeeper.values import JsonValue


@record
class JobPage(Page):
    """Jobs, the newest first."""

    jobs: list[JobRecord]


@record
class ResultPage(CountedPage):
    """Results, by account id; none of a job that isn't a deletion."""

    results: list[AccountResultRecord]


JobOutcome: TypeAlias = (
    FailedOutcome
    | PlanRecord
    | UnfinishedDeletion
    | FinishedDeletion
    | FinishedAudit
    | DriftRecord
    | FailsafeOutcome
    | BreakglassOutcome
    | PreflightRecord
    | LedgerVerificationRecord
    | BucketListing
    | QueueListing
    | ShownPolicyRecord
    | ChangedPolicyRecord
    | DeliveriesDocument
)


class ResumeBody(Body):
    """How a job resumes."""

    retry_failed: bool = False


def take_in(
    services: ServerRuntime,
    identity: Identity,
    kind: JobKind,
    parameters: dict[str, JsonValue],
    document: str | None = None,
) -> dict[str, Any]:
    """Request work, and return its job."""
    require_within_units(services, identity, kind, parameters, document)
    with services.act_as(identity.to_actor(), None) as acting:
        job = acting.job_request_service.request(kind, parameters, document)
    return show_one(dict(job_to_record(job)))


def plan_deletion(services: Served, identity: Identified, body: PlanBody) -> dict[str, Any]:
    """Plan a deletion, as a job; its outcome is the plan file."""
    recent = timedelta(days=services.settings.deletion.recently_used_days)
    return take_in(services, identity, JobKind.PLAN, body.to_parameters(recent))


def delete_credentials(services: Served, identity: Identified, body: DeletionBody) -> dict[str, Any]:
    """Delete root user credentials exactly as a plan of this server says, as a job."""
    return take_in(services, identity, JobKind.DELETION, body.to_parameters())


def run_preflight(services: Served, identity: Identified, body: PreflightBody) -> dict[str, Any]:
    """Find out which tasks policies block, as a job; its outcome is the matrix."""
    return take_in(services, identity, JobKind.PREFLIGHT, body.to_parameters())


def send_report(services: Served, identity: Identified, body: DeliveryBody) -> dict[str, Any]:
    """Send the evidence report to Security Hub, a bucket or a file of the server's settings, as a job.

    Its outcome names what arrived, and each finding that didn't.
    """
    request = body.to_request()
    choose_targets(request, parse_configured_targets(services.settings.delivery.targets), only_configured=True)
    return take_in(services, identity, JobKind.REPORT_DELIVERY, to_json_record(request))


def unlock(services: Served, caller: Called, identity: Identified, body: UnlockBody) -> dict[str, Any]:
    """List, show or change bucket or queue policies, as a job; its outcome is the result.

    In a browser, a change needs a fresh second factor.
    """
    if body.change is not None:
        require_fresh(caller, services)
    return take_in(services, identity, JobKind.UNLOCK, body.to_parameters(), body.policy)


def list_jobs(
    services: Served,
    unfinished: bool = False,
    kind: Annotated[list[JobKind] | None, Query(max_length=len(JobKind))] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """List jobs, the newest first."""
    found = services.jobs.list_jobs(unfinished_only=unfinished, kinds=kind or (), limit=limit + 1, before=after)
    page = found[:limit]
    following = page[-1].job_id if len(found) > limit else None
    return show_page("jobs", [job_to_record(job) for job in page], following)


def show_job(services: Served, job_id: Name) -> dict[str, Any]:
    """Show one job and its progress."""
    return show_one(dict(job_to_record(services.jobs.get(job_id))))


def cancel_job(services: Served, identity: Identified, job_id: Name) -> dict[str, Any]:
    """Cancel a job; a running one finishes its calls in progress and begins nothing more."""
    require_job_access(identity, services.jobs.get(job_id))
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one(dict(job_to_record(acting.job_request_service.cancel(job_id))))


def resume_job(services: Served, identity: Identified, job_id: Name, body: ResumeBody | None = None) -> dict[str, Any]:
    """Resume an interrupted job. It needs the same permission as the request for the job."""
    job = services.jobs.get(job_id)
    require_job_permission(identity, job.kind)
    require_job_access(identity, job)
    # An account may have moved to another unit since the request.
    require_within_units(services, identity, job.kind, job.requested_parameters, services.jobs.find_document(job_id))
    retry_failed = body is not None and body.retry_failed
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one(dict(job_to_record(acting.job_request_service.resume(job_id, retry_failed=retry_failed))))


def list_results(services: Served, job_id: Name, limit: Limit = 100, after: After = None) -> dict[str, Any]:
    """List the results of accounts so far."""
    services.jobs.get(job_id)
    found = list(services.jobs.list_results_page(job_id, after or "", limit + 1).items())
    page = found[:limit]
    return show_page(
        "results",
        [{"account_id": account_id, **result} for account_id, result in page],
        page[-1][0] if len(found) > limit else None,
        total=services.jobs.count_results(job_id),
    )


def show_outcome(services: Served, job_id: Name) -> Response:
    """Show the result of a job as a whole, unchanged: a plan file, or a preflight's matrix."""
    outcome = services.jobs.find_outcome(services.jobs.get(job_id).job_id)
    if outcome is None:
        raise NotFoundError(
            f"Job {job_id} has no outcome.", hint="It hasn't ended yet, or a job of its kind has only results."
        )
    return Response(outcome, media_type="application/json")


def show_document(services: Served, job_id: Name) -> Response:
    """Show the plan file of a deletion, unchanged."""
    job = services.jobs.get(job_id)
    document = services.jobs.find_document(job_id) if job.kind is JobKind.DELETION else None
    if document is None:
        raise NotFoundError(f"Job {job_id} has no plan.", hint="Only a deletion has a plan.")
    return Response(document, media_type="application/json")


async def watch_job(request: Request, services: Served, job_id: Name) -> StreamingResponse:
    """Follow a job: its record as a server-sent event at each change, until it ends."""
    return await stream_job(services, job_id, request)


_ACCEPTED = HTTPStatus.ACCEPTED

ROWS = (
    change("/plans", Permission.ROOT_CREDENTIALS_DELETE, plan_deletion, JobAnswer, _ACCEPTED),
    change(
        "/deletions",
        Permission.ROOT_CREDENTIALS_DELETE,
        delete_credentials,
        JobAnswer,
        _ACCEPTED,
        needs_fresh_factor=True,
    ),
    change("/preflights", Permission.PREFLIGHTS_RUN, run_preflight, JobAnswer, _ACCEPTED),
    change("/report-deliveries", Permission.REPORTS_SEND, send_report, JobAnswer, _ACCEPTED),
    change("/unlocks", Permission.POLICIES_UNLOCK, unlock, JobAnswer, _ACCEPTED),
    read("/jobs", Permission.JOBS_READ, list_jobs, JobPage),
    read("/jobs/{job_id}", Permission.JOBS_READ, show_job, JobAnswer),
    read("/jobs/{job_id}/results", Permission.JOBS_READ, list_results, ResultPage),
    read("/jobs/{job_id}/outcome", Permission.JOBS_READ, show_outcome, JobOutcome),
    read("/jobs/{job_id}/document", Permission.JOBS_READ, show_document, PlanRecord),
    read_file("/jobs/{job_id}/events", Permission.JOBS_READ, watch_job, ("text/event-stream",)),
    change("/jobs/{job_id}/cancel", Permission.JOBS_CANCEL, cancel_job, JobAnswer, _ACCEPTED),
    change("/jobs/{job_id}/resume", Permission.JOBS_READ, resume_job, JobAnswer, _ACCEPTED, needs_fresh_factor=True),
)
