"""Routes of jobs: a request for long work is answered with 202 and a job, which can be followed."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from operator import itemgetter
from typing import Annotated, Any, TypeAlias

from fastapi import Query
from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.audit.records import FinishedAudit
from rootkeeper.audit.rules import AuditRequest
from rootkeeper.aws.rules import ResourceKind
from rootkeeper.changes.removal_rules import ALL_KINDS
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.deletion.records import AccountResultRecord, FinishedDeletion, PlanRecord, UnfinishedDeletion
from rootkeeper.deletion.rules import RECENT_USE, DeletionOptions
from rootkeeper.delivery.records import DeliveriesDocument
from rootkeeper.delivery.targets import DeliveryRequest, choose_targets, parse_configured_targets, parse_request
from rootkeeper.errors import NotFoundError
from rootkeeper.failsafe.records import BreakglassOutcome, FailsafeOutcome
from rootkeeper.guardrails.records import PreflightRecord
from rootkeeper.jobs.records import FailedOutcome, JobAnswer, JobRecord, job_to_record
from rootkeeper.jobs.rules import JobKind, require_job_permission
from rootkeeper.ledger.records import LedgerVerificationRecord
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.organization.records import SelectionBody, parse_selection
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest
from rootkeeper.organization.statuses import FAIL_ON_FINDINGS, CredentialKind, FailOn, include_unread
from rootkeeper.server.bodies import PLAN_BYTES, SELECTION_BYTES
from rootkeeper.server.documents import change, read, read_file
from rootkeeper.server.guards import Called, Identified, Served, require_fresh
from rootkeeper.server.job_streams import stream_job
from rootkeeper.server.limits import require_job_access, require_within_units
from rootkeeper.server.parameters import (
    After,
    Body,
    Limit,
    Name,
    NamedAccountText,
    Text,
    Time,
    cut_page,
    show_example,
    show_one,
    show_page,
)
from rootkeeper.server.turns import RouteLoad
from rootkeeper.setup.records import DriftRecord
from rootkeeper.shapes import CountedPage, ShortText, record, to_json_record
from rootkeeper.unlock.records import BucketListing, ChangedPolicyRecord, QueueListing, ShownPolicyRecord
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.values import JsonValue
from rootkeeper.worker.requests import PlanRequest, PreflightRequest, UnlockRequest, plan_to_parameters


@record
class JobPage(CountedPage):
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


_MOST = 20_000
"""How many accounts a wave may have."""

_LONGEST_DOCUMENT = 2 * 1024 * 1024
_LONGEST_RECENT = int(timedelta(days=3650).total_seconds())


def _accept_accounts(selection: Any) -> Any:
    """Accept ``accounts`` as another name of ``named``."""
    if isinstance(selection, dict) and "accounts" in selection and "named" not in selection:
        return {"named" if name == "accounts" else name: value for name, value in selection.items()}
    return selection


_Selection: TypeAlias = Annotated[SelectionBody, BeforeValidator(_accept_accounts)]


class AuditBody(Body):
    """An audit; without a selection, of all accounts."""

    model_config = show_example({"selection": {"organizational_units": ["Root/Workloads"], "tags": ["team=payments"]}})

    selection: _Selection | None = None
    details: bool = False
    refresh: bool = False
    fail_on: tuple[FailOn, ...] | None = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """:raises InputError: if the selection is invalid."""
        fail_on = FAIL_ON_FINDINGS if self.fail_on is None else include_unread(self.fail_on)
        return to_json_record(AuditRequest(_or_everything(self.selection), self.details, self.refresh, fail_on))


class PlanBody(Body):
    """A plan of a deletion; a selection is required."""

    model_config = show_example(
        {
            "selection": {"named": ["222233334444", "payments"], "statuses": ["present"]},
            "allowed_uses": [["222233334444", "Its owner agreed on 12 January."]],
        }
    )

    selection: _Selection
    only: Annotated[tuple[CredentialKind, ...], Field(min_length=1)] | None = None
    allowed_uses: Annotated[
        tuple[tuple[ShortText, Text], ...],
        Field(
            max_length=1_000,
            description="Accounts whose recently used password or key may be deleted, each with a reason.",
        ),
    ] = ()
    recent_seconds: Annotated[int, Field(ge=0, le=_LONGEST_RECENT)] | None = None
    not_before: Time | None = None
    valid_until: Time | None = None
    uses_recent_readings: Annotated[
        bool,
        Field(
            description="Whether to plan with detailed readings of the last hour instead of reading each account now. "
            "A deletion reads each account again."
        ),
    ] = False

    def to_parameters(self, recent: timedelta = RECENT_USE) -> dict[str, JsonValue]:
        """:param recent: the server's setting; a request may be more cautious, but not less.
        :raises InputError: if the selection is invalid.
        """
        return plan_to_parameters(
            PlanRequest(
                parse_selection(self.selection),
                DeletionOptions(
                    only=ALL_KINDS if self.only is None else frozenset(self.only),
                    allowed_uses=dict(self.allowed_uses),
                    recent=max(recent, timedelta(seconds=self.recent_seconds or 0)),
                    not_before=self.not_before,
                    not_after=self.valid_until,
                    uses_recent_readings=self.uses_recent_readings,
                ),
            )
        )


class WavesBody(Body):
    """The waves of a deletion."""

    canary: Annotated[int, Field(ge=0, le=1_000)] = 0
    size: Annotated[int | None, Field(ge=1, le=_MOST)] = None
    pause_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    stop_after_failures: Annotated[int | None, Field(ge=1, le=_MOST)] = None


class DeletionBody(Body):
    """A deletion: exactly as a plan of this server says."""

    model_config = show_example({"plan_id": "plan-8925fbf6ec"})

    plan_id: Annotated[ShortText, Field(description="Of a plan that this server made; the plan file has it.")]
    only: (
        Annotated[
            tuple[CredentialKind, ...],
            Field(min_length=1, description="Which kinds of the plan to delete. Default: all."),
        ]
        | None
    ) = None
    waves: WavesBody = WavesBody()

    def to_parameters(self) -> dict[str, JsonValue]:
        """Without the facts of the plan, which are added when the job is requested."""
        only: list[JsonValue] | None = None if self.only is None else [kind.value for kind in self.only]
        return {"plan_id": self.plan_id, "only": only, "waves": self.waves.model_dump()}


class PreflightBody(Body):
    """A preflight; without a selection, of all accounts."""

    selection: _Selection | None = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """:raises InputError: if the selection is invalid."""
        return to_json_record(PreflightRequest(_or_everything(self.selection)))


class DeliveryBody(Body):
    """A report to send; without a place, to every place of the server's settings."""

    model_config = show_example({"to": "securityhub"})

    to: Annotated[Text | None, Field(description="One of the setting delivery.targets, without its format.")] = None
    format: Annotated[ShortText | None, Field(description="Default: that of the settings.")] = None
    start: Annotated[Time | None, Field(description="Default: the setting delivery.period.")] = None
    end: Annotated[Time | None, Field(description="Default: now.")] = None
    stale_after_seconds: Annotated[int | None, Field(ge=1, le=_LONGEST_RECENT)] = None

    def to_request(self) -> DeliveryRequest:
        """:raises InputError: if place or format aren't known."""
        return parse_request(to_json_record(DeliveryRequest(**dict(self))))


class UnlockBody(Body):
    """A reading of bucket or queue policies, or a change of a policy.

    A change has the SHA-256 of the policy that was shown, so that no other policy is changed.
    """

    model_config = show_example({"account": "payments", "kind": "s3", "regions": ["eu-central-1"]})

    account: NamedAccountText
    kind: ResourceKind
    resource: ShortText | None = None
    change: ChangeKind | None = None
    regions: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    included_failsafes: Annotated[tuple[ShortText, ...], Field(max_length=10)] = ()
    shown_sha256: ShortText | None = None
    policy: Annotated[
        str | None, Field(max_length=_LONGEST_DOCUMENT, description="The new policy, for replace and restore.")
    ] = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """Without the policy, which is the job's document.

        :raises InputError: if an account's id is invalid.
        """
        failsafes = frozenset(map(parse_account_id, self.included_failsafes))
        given = {**dict(self), "included_failsafes": failsafes}
        del given["policy"]
        return to_json_record(UnlockRequest(**given))


def _or_everything(selection: SelectionBody | None) -> SelectionRequest:
    request = EVERYTHING if selection is None else parse_selection(selection)
    return EVERYTHING if request.is_empty else request


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

    Its outcome shows the part that arrived, and names each finding that didn't.
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
    kinds = kind or ()
    found = services.jobs.list_jobs(unfinished_only=unfinished, kinds=kinds, limit=limit + 1, before=after)
    page, following = cut_page(found, lambda job: job.job_id, None, limit)
    total = services.jobs.count_jobs(unfinished_only=unfinished, kinds=kinds)
    return show_page("jobs", [job_to_record(job) for job in page], following, total=total)


def show_job(services: Served, job_id: Name) -> dict[str, Any]:
    """Show a job and its progress."""
    return show_one(dict(job_to_record(services.jobs.get(job_id))))


def cancel_job(services: Served, identity: Identified, job_id: Name) -> dict[str, Any]:
    """Cancel a job; a running job finishes its calls in progress and begins nothing more."""
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
    page, following = cut_page(found, itemgetter(0), None, limit)
    records = [{"account_id": account_id, **result} for account_id, result in page]
    return show_page("results", records, following, total=services.jobs.count_results(job_id))


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
    change(
        "/plans", Permission.ROOT_CREDENTIALS_DELETE, plan_deletion, JobAnswer, _ACCEPTED, largest_bytes=SELECTION_BYTES
    ),
    change(
        "/deletions",
        Permission.ROOT_CREDENTIALS_DELETE,
        delete_credentials,
        JobAnswer,
        _ACCEPTED,
        needs_fresh_factor=True,
        largest_bytes=PLAN_BYTES,
    ),
    change(
        "/preflights", Permission.PREFLIGHTS_RUN, run_preflight, JobAnswer, _ACCEPTED, largest_bytes=SELECTION_BYTES
    ),
    change("/report-deliveries", Permission.REPORTS_SEND, send_report, JobAnswer, _ACCEPTED),
    change("/unlocks", Permission.POLICIES_UNLOCK, unlock, JobAnswer, _ACCEPTED),
    read("/jobs", Permission.JOBS_READ, list_jobs, JobPage, load=RouteLoad.HEAVY),
    read("/jobs/{job_id}", Permission.JOBS_READ, show_job, JobAnswer),
    read("/jobs/{job_id}/results", Permission.JOBS_READ, list_results, ResultPage, load=RouteLoad.HEAVY),
    read("/jobs/{job_id}/outcome", Permission.JOBS_READ, show_outcome, JobOutcome, load=RouteLoad.HEAVY),
    read("/jobs/{job_id}/document", Permission.JOBS_READ, show_document, PlanRecord, load=RouteLoad.HEAVY),
    read_file("/jobs/{job_id}/events", Permission.JOBS_READ, watch_job, ("text/event-stream",)),
    change("/jobs/{job_id}/cancel", Permission.JOBS_CANCEL, cancel_job, JobAnswer, _ACCEPTED),
    change("/jobs/{job_id}/resume", Permission.JOBS_READ, resume_job, JobAnswer, _ACCEPTED, needs_fresh_factor=True),
)
