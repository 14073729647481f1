"""Requests for jobs: their parameters, the engine that queues jobs, and the service that requests them.

Parameters come from outside. Each is checked before anything is queued, an unknown parameter is refused, and a missing
parameter has the command line's default. Then the ledger records the requester, then the job is queued.

The engine only queues jobs; our own tables have the jobs and their results. A job's row and the engine's entry aren't
written in the same transaction, so the reconciliation enqueues a job of which the engine has no entry.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from rootkeeper.audit.rules import AuditRequest
from rootkeeper.aws.rules import ResourceKind, require_resource_name
from rootkeeper.changes.removal_rules import ALL_KINDS
from rootkeeper.clock import Clock
from rootkeeper.deletion.execution import describe_job
from rootkeeper.deletion.made_plans import PlanJobs, read_made_plan
from rootkeeper.deletion.records import render_plan, require_valid_here
from rootkeeper.deletion.rules import RECENT_USE, DeletionOptions, DeletionPlan, WaveRules, choose_validity
from rootkeeper.delivery.targets import parse_request
from rootkeeper.errors import DatabaseError, Hint, InputError, JobConflictError, NotFoundError, SelectionEmptyError
from rootkeeper.jobs.rules import RETRY_FAILED, Job, JobKind, JobState, require_not_over, require_resumable
from rootkeeper.jobs.service import find_unfinished
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.rules import Action, Actor
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import AccountId, parse_account_id
from rootkeeper.organization.records import SelectionBody, parse_selection
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest, require_request
from rootkeeper.organization.statuses import FAIL_ON_FINDINGS, CredentialKind, FailOn, include_unread
from rootkeeper.shapes import to_json_record
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.values import JsonValue, canonical_json

Parameters: TypeAlias = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """A request to plan a deletion; the result is a plan file."""

    selection: SelectionRequest
    options: DeletionOptions


@dataclass(frozen=True, slots=True)
class DeletionRequest:
    """A request to apply a plan that a job made."""

    plan: DeletionPlan
    rules: WaveRules


@dataclass(frozen=True, slots=True)
class PreflightRequest:
    """A request for a preflight."""

    selection: SelectionRequest = EVERYTHING


@dataclass(frozen=True, slots=True)
class UnlockRequest:
    """A request to list buckets or queues of an account, or to show or change a policy."""

    account: str
    """An id or a unique name."""
    kind: ResourceKind
    resource: str | None = None
    """``None``: list all of the account."""
    change: ChangeKind | None = None
    """``None``: change nothing."""
    regions: tuple[str, ...] = ()
    included_failsafes: frozenset[AccountId] = frozenset()
    shown_sha256: str | None = None
    """Of the policy that was shown to the requester; ``None`` if there was no policy."""


def parse_audit(parameters: Parameters) -> AuditRequest:
    """:raises InputError: if a parameter is unknown or wrong."""
    given = _JobParameters(parameters, {"selection", "details", "refresh", "fail_on"})
    request = AuditRequest(
        selection=given.selection(default=EVERYTHING),
        details=given.flag("details"),
        refresh=given.flag("refresh"),
        fail_on=include_unread(given.choices("fail_on", FailOn, sorted(FAIL_ON_FINDINGS))),
    )
    require_request(request.selection)
    return request


def plan_to_parameters(request: PlanRequest) -> dict[str, JsonValue]:
    options = request.options
    return {
        "selection": to_json_record(request.selection),
        "only": sorted(options.only),
        "allowed_uses": [[account, reason] for account, reason in options.allowed_uses.items()],
        "recent_seconds": int(options.recent.total_seconds()),
        "not_before": None if options.not_before is None else options.not_before.isoformat(),
        "valid_until": None if options.not_after is None else options.not_after.isoformat(),
        "uses_recent_readings": options.uses_recent_readings,
    }


def parse_plan_request(parameters: Parameters, now: datetime) -> PlanRequest:
    """:raises InputError: if a parameter is unknown or wrong, or nothing is selected."""
    names = {"selection", "only", "allowed_uses", "recent_seconds", "not_before", "valid_until", "uses_recent_readings"}
    given = _JobParameters(parameters, names)
    selection = given.selection(default=SelectionRequest())
    options = DeletionOptions(
        only=frozenset(given.choices("only", CredentialKind, sorted(ALL_KINDS))),
        allowed_uses=dict(given.pairs("allowed_uses")),
        recent=timedelta(seconds=given.number("recent_seconds", int(RECENT_USE.total_seconds()))),
        not_before=given.instant("not_before"),
        not_after=given.instant("valid_until"),
        uses_recent_readings=given.flag("uses_recent_readings"),
    )
    if selection.is_empty:
        raise SelectionEmptyError("No account is selected.", hint="Name accounts, units or tags, or everything.")
    if not all(reason.strip() for reason in options.allowed_uses.values()):
        raise InputError("Each of allowed_uses needs a reason.")
    choose_validity(now, options.not_before, options.not_after)
    return PlanRequest(selection, options)


def parse_preflight(parameters: Parameters) -> PreflightRequest:
    """:raises InputError: if a parameter is unknown or wrong, or statuses are selected, which only an audit knows."""
    request = PreflightRequest(_JobParameters(parameters, {"selection"}).selection(default=EVERYTHING))
    require_request(request.selection)
    if request.selection.statuses:
        raise InputError(
            "A preflight opens no root session, so it can't select by the status of root user credentials.",
            hint="Select by account, unit, tag or state.",
        )
    return request


def parse_unlock(parameters: Parameters, document: str | None) -> UnlockRequest:
    """:raises InputError: if a parameter is unknown or wrong, or change and document don't fit."""
    names = {"account", "kind", "resource", "change", "regions", "included_failsafes", "shown_sha256"}
    given = _JobParameters(parameters, names)
    change = given.choice("change", ChangeKind)
    kind = given.choice("kind", ResourceKind)
    account = given.text("account")
    if kind is None or account is None:
        raise InputError("An unlock needs an account and a kind, s3 or sqs.")
    request = UnlockRequest(
        account=account,
        kind=kind,
        resource=given.text("resource"),
        change=change,
        regions=tuple(given.texts("regions")),
        included_failsafes=frozenset(parse_account_id(text) for text in given.texts("included_failsafes")),
        shown_sha256=given.text("shown_sha256"),
    )
    if request.resource is not None:
        require_resource_name(request.kind, request.resource)
    if request.change is not None and request.resource is None:
        raise InputError("A change needs the name of a bucket or queue.")
    puts = request.change in {ChangeKind.REPLACE, ChangeKind.RESTORE}
    if puts and document is None:
        raise InputError(f"The change {request.change} needs a policy.")
    if document is not None and not puts:
        raise InputError("Only replace and restore take a policy.")
    return request


def parse_deletion(parameters: Parameters, jobs: PlanJobs) -> DeletionRequest:
    """Parse a request that names its plan, and read that plan.

    :raises InputError: if a parameter is unknown or wrong.
    :raises PlanInvalidError: if no job made the plan.
    """
    given = _JobParameters(parameters, {"plan_id", "only", "waves"})
    plan_id = given.text("plan_id")
    if plan_id is None:
        raise InputError("A deletion needs the id of a plan.", hint=Hint("Make a plan first.", "plan.make"))
    only = given.choices("only", CredentialKind, [])
    plan = read_made_plan(jobs, plan_id, frozenset(only) if only else None)
    return DeletionRequest(plan, parse_wave_rules(parameters.get("waves")))


def parse_wave_rules(waves: JsonValue) -> WaveRules:
    """:raises InputError: if it isn't an object with fields of ``WaveRules``."""
    if waves is None:
        return WaveRules()
    if not isinstance(waves, Mapping):
        raise _wrong("waves", "an object")
    given = _JobParameters(waves, {"canary", "size", "pause_seconds", "stop_after_failures"})
    return WaveRules(
        canary=given.number("canary", 0),
        size=given.count("size"),
        pause_seconds=given.number("pause_seconds", 0),
        stop_after_failures=given.count("stop_after_failures"),
    )


def normalize_parameters(
    kind: JobKind, parameters: Parameters, document: str | None, now: datetime
) -> dict[str, JsonValue]:
    """Return the parameters with all defaults, for a job of any kind but a deletion.

    :raises InputError: if a parameter is unknown or wrong.
    """
    if kind is JobKind.UNLOCK:
        return to_json_record(parse_unlock(parameters, document))
    if document is not None:
        raise InputError(f"A job of kind {kind.value} takes no document.")
    if kind in _WITHOUT_PARAMETERS:
        _JobParameters(parameters, set())
        return {}
    if kind is JobKind.AUDIT:
        return to_json_record(parse_audit(parameters))
    if kind is JobKind.PREFLIGHT:
        return to_json_record(parse_preflight(parameters))
    if kind is JobKind.REPORT_DELIVERY:
        return to_json_record(parse_request(parameters))
    return plan_to_parameters(parse_plan_request(parameters, now))


_WITHOUT_PARAMETERS = frozenset(
    {JobKind.BREAKGLASS_CHECK, JobKind.DRIFT_CHECK, JobKind.FAILSAFE_CHECK, JobKind.LEDGER_VERIFICATION}
)


class _JobParameters:
    """Reads given parameters, and checks their types."""

    def __init__(self, parameters: Mapping[str, Any], known: set[str]) -> None:
        unknown = sorted(set(parameters) - known)
        if unknown:
            raise InputError(
                f"The parameter {unknown[0]!r} isn't known.",
                hint=f"Known parameters: {', '.join(sorted(known)) or 'none'}.",
            )
        self._values = parameters

    def selection(self, default: SelectionRequest) -> SelectionRequest:
        record = self._values.get("selection")
        if record is None:
            return default
        known = SelectionBody.__annotations__
        if not isinstance(record, Mapping) or set(record) - set(known):
            raise InputError("The selection is invalid.", hint=f"Its fields are {', '.join(known)}.")
        try:
            return parse_selection(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"The selection is invalid: {error}.") from error

    def flag(self, name: str) -> bool:
        return self._get(name, bool, "true or false") is True

    def text(self, name: str) -> str | None:
        found = self._get(name, str, "a text")
        return found if isinstance(found, str) else None

    def number(self, name: str, default: int) -> int:
        found = self._get(name, int, "a whole number")
        if isinstance(found, bool) or (isinstance(found, int) and found < 0):
            raise _wrong(name, "a whole number from 0 on")
        return found if isinstance(found, int) else default

    def count(self, name: str) -> int | None:
        if self._values.get(name) is None:
            return None
        found = self.number(name, 0)
        if found < 1:
            raise _wrong(name, "a whole number from 1 on")
        return found

    def texts(self, name: str) -> list[str]:
        found = self._get(name, list, "a list of texts") or []
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise _wrong(name, "a list of texts")
        return found

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        found = self._get(name, list, "a list of pairs of texts") or []
        pairs = [tuple(item) if isinstance(item, list) else () for item in found]
        if not all(len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in pairs):
            raise _wrong(name, "a list of pairs of texts")
        return tuple((account, reason) for account, reason in pairs)

    def choice(self, name: str, kind: type[StrEnum]) -> Any:
        found = self.text(name)
        return None if found is None else self._choose(name, found, kind)

    def choices(self, name: str, kind: type[StrEnum], default: list[Any]) -> list[Any]:
        if self._values.get(name) is None:
            return default
        found = [self._choose(name, word, kind) for word in self.texts(name)]
        if not found:
            raise _wrong(name, f"some of {', '.join(kind)}")
        return found

    def instant(self, name: str) -> datetime | None:
        found = self.text(name)
        try:
            moment = None if found is None else datetime.fromisoformat(found)
        except ValueError as error:
            raise _wrong(name, "a time such as 2026-01-15T09:00:00Z") from error
        if moment is not None and moment.tzinfo is None:
            raise _wrong(name, "a time with its offset, such as 2026-01-15T09:00:00Z")
        return moment

    def _choose(self, name: str, word: str, kind: type[StrEnum]) -> Any:
        if word not in {member.value for member in kind}:
            raise _wrong(name, f"one of {', '.join(sorted(kind))}")
        return kind(word)

    def _get(self, name: str, kind: type[Any], what: str) -> Any:
        found = self._values.get(name)
        if found is not None and not isinstance(found, kind):
            raise _wrong(name, what)
        return found


def _wrong(name: str, what: str) -> InputError:
    return InputError(f"The parameter {name!r} must be {what}.")


class Engine(Protocol):
    """Performs jobs, each at least once, in this process or in another process on the same database.

    The job's own row says whether any work is left, so that performing a job twice does no harm. The row also says
    whether the process that claimed a job is dead; ``JobReconciler`` reads it.
    """

    def start(self, perform: Callable[[str], None]) -> None:
        """Begin to perform jobs; return at once.

        :param perform: does the job of that id, in its own thread, and returns when it has ended or is interrupted.
        :raises DatabaseError: if the engine's tables can't be reached.
        """
        ...

    def enqueue(self, job_id: str) -> None:
        """Queue a job for any process; durable when it returns, and harmless when repeated.

        :raises DatabaseError: if it can't be made durable.
        """
        ...

    def cancel(self, job_id: str) -> None:
        """Remove a job that hasn't begun; a running job is cancelled by its own row."""
        ...

    def list_waiting(self) -> tuple[str, ...]:
        """Jobs that are enqueued or claimed, the oldest first."""
        ...

    def list_claimed(self) -> tuple[str, ...]:
        """Jobs that a process has taken from the queue."""
        ...

    def put_back(self, job_id: str) -> None:
        """Put a job back into the queue, because the process that claimed it is dead."""
        ...

    def forget_before(self, moment: datetime) -> int:
        """Delete the engine's records of jobs that had ended by then, some hundreds at a time; the jobs' rows stay.

        :returns: how many attempts at jobs were deleted.
        :raises DatabaseError: if the engine's tables can't be reached.
        """
        ...

    def stop(self, grace_seconds: float) -> bool:
        """Take no further jobs, and wait at most that long for running jobs; the rest can be taken over.

        :returns: whether every job of this process ended in time.
        """
        ...


class NullEngine:
    """The engine of a process that performs no jobs. A process with an engine enqueues its requests."""

    def start(self, perform: Callable[[str], None]) -> None:
        """Nothing is performed."""

    def enqueue(self, job_id: str) -> None:
        """The reconciliation of a process with an engine finds the job's row."""

    def cancel(self, job_id: str) -> None:
        """The process that begins it sees it in the row."""

    def list_waiting(self) -> tuple[str, ...]:
        return ()

    def list_claimed(self) -> tuple[str, ...]:
        return ()

    def put_back(self, job_id: str) -> None:
        """Nothing is claimed."""

    def forget_before(self, moment: datetime) -> int:  # noqa: ARG002 - the shape is the port's
        """Nothing is kept."""
        return 0

    def stop(self, grace_seconds: float) -> bool:  # noqa: ARG002 - the shape is the port's
        """Nothing runs."""
        return True


_LONGEST_IN_LEDGER = 4096
"""Characters. Of longer parameters the ledger has only the hash, and the job's row has all of them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobRequestService:
    """Requests, cancels and resumes jobs as an actor.

    :raises NotFoundError: if there is no such job.
    :raises LedgerUnavailableError: if the ledger can't be written; nothing was queued or cancelled.
    :raises DatabaseError: if the job can't be kept, or another process keeps it at the same moment.
    """

    jobs: JobStore
    ledger: Ledger
    engine: Engine
    clock: Clock
    organization_id: str
    endpoint: str
    """Its label."""
    actor: Actor
    make_job_id: Callable[[], str]

    def request(self, kind: JobKind, parameters: Mapping[str, JsonValue], document: str | None = None) -> Job:
        """Queue a job for the next free process.

        :param document: the policy of an unlock that replaces or restores a policy. A deletion has the plan that its
            parameters name.
        :raises InputError: if a parameter or the selection is unknown or wrong; nothing was queued.
        :raises PlanInvalidError: if no job made the plan, or it isn't valid here and now.
        :raises JobConflictError: if an unfinished job has that plan already.
        """
        if kind is JobKind.DELETION:
            deletion = parse_deletion(parameters, self.jobs)
            plan = deletion.plan
            require_valid_here(plan, organization_id=self.organization_id, endpoint=self.endpoint, now=self.clock.now())
            if not plan.targets:
                raise InputError(f"Plan {plan.plan_id} has nothing to delete.")
            job = find_unfinished(self.jobs, JobKind.DELETION, "plan_id", plan.plan_id)
            if job is not None:
                raise JobConflictError(
                    f"Job {job.job_id}, which is {job.state.value}, already performs plan {plan.plan_id}.",
                    hint=Hint(f"Resume job {job.job_id} instead.", "job.resume", job_id=job.job_id),
                )
            return self._queue(self.make_job_id(), kind, describe_job(plan, deletion.rules), render_plan(plan))
        checked = normalize_parameters(kind, parameters, document, self.clock.now())
        return self._queue(self.make_job_id(), kind, checked, document)

    def request_once(self, name: str, kind: JobKind, parameters: Parameters | None = None) -> Job:
        """Queue a job once, also if it is requested again or by several processes.

        :param name: distinguishes it from other jobs of its kind, such as the run of a schedule.
        """
        job_id = f"j-{hashlib.sha256(f'{self.organization_id}/{name}'.encode()).hexdigest()[:20]}"
        try:
            return self.jobs.get(job_id)
        except NotFoundError:
            return self._queue(job_id, kind, normalize_parameters(kind, parameters or {}, None, self.clock.now()))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job; a running job finishes its calls in progress, and begins nothing more.

        :raises JobConflictError: if it has ended.
        """
        job = self.jobs.get(job_id)
        require_not_over(job)
        self.ledger.append_fact(Action.JOB_CANCEL, parameters={"job_id": job_id, "kind": job.kind.value})
        cancelled = self.jobs.cancel(job_id, f"Cancelled by {self.actor.name}.")
        try:
            self.engine.cancel(job_id)
        except DatabaseError as error:
            _log.warning("Job %s is cancelled, but its engine entry remains until it begins: %s", job_id, error.message)
        return cancelled

    def resume(self, job_id: str, *, retry_failed: bool = False) -> Job:
        """Queue an interrupted job again, without the accounts that it has processed.

        :param retry_failed: process failed and unknown accounts again.
        :raises InputError: if a command line began it.
        :raises JobConflictError: if it is running or has ended, or its plan has expired.
        """
        job = self.jobs.get(job_id)
        require_resumable(job)
        if not job.is_of_server:
            raise InputError(
                f"{job.created_by} began job {job.job_id} with a command on the database, not through a server.",
                hint=Hint(f"Resume job {job.job_id} there.", "job.resume_locally", job_id=job.job_id),
            )
        if job.state is JobState.QUEUED:
            raise JobConflictError(f"Job {job.job_id} is already queued.", hint="Wait until a worker takes it over.")
        if job.has_expired(self.clock.now()):
            raise JobConflictError(
                f"The plan of job {job.job_id} has expired.",
                hint=Hint("Cancel the job, and make a new plan.", "job.cancel", job_id=job.job_id),
            )
        parameters = {**job.parameters, RETRY_FAILED: True} if retry_failed else dict(job.parameters)
        described: dict[str, JsonValue] = {"job_id": job_id, "kind": job.kind.value, "resumes": True}
        self.ledger.append_fact(Action.JOB_REQUEST, parameters=described | {RETRY_FAILED: retry_failed})
        queued = self.jobs.requeue(job_id, parameters)
        self._enqueue(job_id)
        return queued

    def _queue(
        self, job_id: str, kind: JobKind, parameters: Mapping[str, JsonValue], document: str | None = None
    ) -> Job:
        now = self.clock.now()
        job = Job(
            job_id=job_id,
            organization_id=self.organization_id,
            endpoint=self.endpoint,
            kind=kind,
            state=JobState.QUEUED,
            created_by=self.actor.name,
            created_by_kind=self.actor.kind,
            created_at=now,
            updated_at=now,
            parameters=parameters,
        )
        text = canonical_json(parameters)
        described: dict[str, JsonValue] = {
            "job_id": job_id,
            "kind": kind.value,
            "parameters_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "document_sha256": None if document is None else hashlib.sha256(document.encode()).hexdigest(),
        }
        if len(text) <= _LONGEST_IN_LEDGER:
            described["parameters"] = parameters
        self.ledger.append_fact(Action.JOB_REQUEST, parameters=described)
        self.jobs.add(job, document)
        self._enqueue(job_id)
        return job

    def _enqueue(self, job_id: str) -> None:
        try:
            self.engine.enqueue(job_id)
        except DatabaseError as error:
            _log.warning("Job %s is recorded, and will be enqueued later: %s", job_id, error.message)
