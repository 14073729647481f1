"""Asking a server for jobs: everything is checked first, then the ledger names who asked, then the job is queued.

The job's row and the engine's entry aren't written in one transaction. What the engine never learned of, since the
process or the database went away in between, is enqueued again by the reconciliation.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rootkeeper.domain.job_requests import normalize_parameters, parse_wave_rules
from rootkeeper.domain.jobs import RETRY_FAILED, Job, JobKind, JobState, require_not_over, require_resumable
from rootkeeper.domain.ledger import Action, Actor, JsonValue, canonical_json
from rootkeeper.domain.plan_files import parse_plan, require_valid_here
from rootkeeper.errors import DatabaseError, InputError, JobConflictError, NotFoundError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.engine import Engine
from rootkeeper.ports.jobs import JobStore
from rootkeeper.ports.ledger import Ledger
from rootkeeper.workflows.deletion_jobs import describe_job
from rootkeeper.workflows.jobs import find_unfinished

_LONGEST_IN_LEDGER = 4096
"""Characters; of longer parameters the ledger has the hash alone, the job's row has them whole."""
_NAMED_ID_LENGTH = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobRequestService:
    """Requests, cancels and resumes jobs as one person."""

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
        """Have a job done by whichever process comes first.

        :param document: of a deletion the plan's file, of an unlock that replaces or restores the policy.
        :raises InputError: if a parameter is unknown or wrong, or the selection is; nothing was queued.
        :raises PlanInvalidError: if the plan isn't valid here and now.
        :raises JobConflictError: if a job that isn't over has that plan already.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was queued.
        :raises DatabaseError: if the job can't be kept; nothing was queued.
        """
        if kind is JobKind.DELETION:
            checked = self._check_deletion(parameters, document)
        else:
            checked = normalize_parameters(kind, parameters, document, self.clock.now())
        return self._queue(self._describe(self.make_job_id(), kind, checked), document)

    def request_once(self, name: str, kind: JobKind) -> Job:
        """Have a job without parameters done once, however often and by whichever process it is asked for.

        :param name: what makes it another job than others of its kind, such as the run of a schedule.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was queued.
        :raises DatabaseError: if the job can't be kept, or another process keeps it at the same moment.
        """
        job_id = f"j-{hashlib.sha256(f'{self.organization_id}/{name}'.encode()).hexdigest()[:_NAMED_ID_LENGTH]}"
        try:
            return self.jobs.get(job_id)
        except NotFoundError:
            return self._queue(self._describe(job_id, kind, normalize_parameters(kind, {}, None, self.clock.now())))

    def cancel(self, job_id: str) -> Job:
        """End a job for good; one that runs finishes what is in progress, and begins nothing more.

        :raises InputError: if there is no such job.
        :raises JobConflictError: if it is over.
        :raises LedgerUnavailableError: if the ledger can't be written; it goes on.
        """
        job = self.jobs.get(job_id)
        require_not_over(job)
        self.ledger.append_fact(Action.JOB_CANCEL, parameters={"job_id": job_id, "kind": job.kind.value})
        cancelled = self.jobs.cancel(job_id, f"Cancelled by {self.actor.name}.")
        try:
            self.engine.cancel(job_id)
        except DatabaseError as error:
            _log.warning("Job %s is cancelled; the engine finds out when it begins: %s", job_id, error.message)
        return cancelled

    def resume(self, job_id: str, *, retry_failed: bool = False) -> Job:
        """Have an interrupted job go on; what it has done isn't done again.

        :param retry_failed: except for what failed, or is unknown.
        :raises InputError: if there is no such job, or a command line began it.
        :raises JobConflictError: if it runs or is over, or what it does has expired.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was queued.
        """
        job = self.jobs.get(job_id)
        self._require_continuable(job)
        parameters = {**job.parameters, RETRY_FAILED: True} if retry_failed else dict(job.parameters)
        described: dict[str, JsonValue] = {"job_id": job_id, "kind": job.kind.value, "resumes": True}
        self.ledger.append_fact(Action.JOB_REQUEST, parameters=described | {RETRY_FAILED: retry_failed})
        queued = self.jobs.requeue(job_id, parameters)
        self._enqueue(job_id)
        return queued

    def _require_continuable(self, job: Job) -> None:
        require_resumable(job)
        if not job.is_of_server:
            raise InputError(
                f"Job {job.job_id} was begun by a command line of {job.created_by}, not by a server.",
                hint=f"Go on with it there: rootkeeper jobs resume {job.job_id}",
            )
        if job.state is JobState.QUEUED:
            raise JobConflictError(f"Job {job.job_id} is queued already.", hint="A worker takes it up.")
        if job.has_expired(self.clock.now()):
            raise JobConflictError(
                f"The plan of job {job.job_id} has expired.", hint=f"End it: rootkeeper jobs cancel {job.job_id}"
            )

    def _check_deletion(self, parameters: Mapping[str, JsonValue], document: str | None) -> dict[str, JsonValue]:
        if document is None:
            raise InputError("A deletion needs a plan.", hint="Have one made: rootkeeper plan SELECTION --out FILE")
        plan, rules = parse_plan(document), parse_wave_rules(parameters)
        require_valid_here(plan, organization_id=self.organization_id, endpoint=self.endpoint, now=self.clock.now())
        if not plan.targets:
            raise InputError(f"Plan {plan.plan_id} has nothing to delete.")
        job = find_unfinished(self.jobs, JobKind.DELETION, "plan_id", plan.plan_id)
        if job is not None:
            raise JobConflictError(
                f"Plan {plan.plan_id} was begun by job {job.job_id}, which is {job.state.value}.",
                hint=f"Go on with it: rootkeeper jobs resume {job.job_id}",
            )
        return describe_job(plan, rules)

    def _describe(self, job_id: str, kind: JobKind, parameters: Mapping[str, JsonValue]) -> Job:
        now = self.clock.now()
        return Job(
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

    def _queue(self, job: Job, document: str | None = None) -> Job:
        self.ledger.append_fact(Action.JOB_REQUEST, parameters=_describe_for_ledger(job, document))
        self.jobs.add(job, document)
        self._enqueue(job.job_id)
        return job

    def _enqueue(self, job_id: str) -> None:
        try:
            self.engine.enqueue(job_id)
        except DatabaseError as error:
            _log.warning("Job %s is kept, and will be enqueued later: %s", job_id, error.message)


def _describe_for_ledger(job: Job, document: str | None) -> dict[str, JsonValue]:
    text = canonical_json(job.parameters)
    described: dict[str, JsonValue] = {
        "job_id": job.job_id,
        "kind": job.kind.value,
        "parameters_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "document_sha256": None if document is None else hashlib.sha256(document.encode()).hexdigest(),
    }
    if len(text) <= _LONGEST_IN_LEDGER:
        described["parameters"] = job.parameters
    return described
