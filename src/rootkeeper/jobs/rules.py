"""Jobs, their states, and who may request them.

A job records the request and the progress of long work, such as an audit or a deletion, so that it can resume after an
interruption. It decides nothing about accounts: the ledger, the account locks and a re-read do, also after its process
was killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.errors import Hint, JobConflictError, PermissionDeniedError, RootkeeperError
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.shapes import Count, Endpoint, JobId, OrganizationId
from rootkeeper.values import JsonValue


class JobKind(StrEnum):
    """What a job does."""

    AUDIT = "audit"
    BREAKGLASS_CHECK = "breakglass_check"
    DELETION = "deletion"
    DRIFT_CHECK = "drift_check"
    FAILSAFE_CHECK = "failsafe_check"
    LEDGER_VERIFICATION = "ledger_verification"
    PLAN = "plan"
    PREFLIGHT = "preflight"
    REPORT_DELIVERY = "report_delivery"
    UNLOCK = "unlock"


class JobState(StrEnum):
    """The state of a job."""

    CANCELLED = "cancelled"
    """A person cancelled it, or its request was wrong; it can't resume."""
    DONE = "done"
    """It is complete, and everything succeeded."""
    FAILED = "failed"
    """It is complete, and something failed or is unknown; or it can't resume."""
    INTERRUPTED = "interrupted"
    """It stopped early, or its process died; it can resume."""
    QUEUED = "queued"
    """A server has accepted it, and no worker has begun it."""
    RUNNING = "running"


MOST_ATTEMPTS = 5
"""How often a server tries a job by itself. After that, an operator must resume it."""

RETRY_FAILED = "retry_failed"
"""The parameter of a job that resumes and tries failed accounts again."""

_FIRST_PAUSE = timedelta(seconds=30)
FINAL_STATES = frozenset({JobState.CANCELLED, JobState.DONE, JobState.FAILED})


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How many accounts a job has processed."""

    total: Count | None = None
    """``None`` while it isn't known."""
    done: Count = 0
    # How many of them still have root user credentials.
    present: Count = 0
    # How many of them are unknown.
    unknown: Count = 0
    # How many of them couldn't be read this time, whatever an earlier reading shows.
    unread: Count = 0
    # How many accounts of the organization are listed so far, for a job that lists them.
    listed: Count = 0

    def advanced(self, *, done: int = 1, present: int = 0, unknown: int = 0, unread: int = 0) -> JobProgress:
        return replace(
            self,
            done=self.done + done,
            present=self.present + present,
            unknown=self.unknown + unknown,
            unread=self.unread + unread,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job."""

    job_id: JobId
    kind: JobKind
    state: JobState
    """``queued``: no worker has started it yet. ``interrupted``: its process died."""
    organization_id: OrganizationId
    endpoint: Endpoint
    created_by: str
    created_at: datetime
    updated_at: datetime
    """The last sign of its process."""
    ended_at: datetime | None = None
    owner: str | None = None
    """The process that works or last worked on it."""
    progress: JobProgress = JobProgress()
    parameters: Mapping[str, JsonValue]
    """The request; its fields differ by kind."""
    remark: str | None = None
    """Why it stopped, or its result."""
    created_by_kind: ActorKind = ActorKind.SELF_ASSERTED
    # How often it was postponed; with ``MOST_ATTEMPTS`` only an operator can resume it.
    attempts: Count = 0
    # The earliest time at which a server resumes it by itself; ``None``: at once.
    next_attempt_at: datetime | None = None
    fencing_token: int = 0
    """How often it was taken over or queued again; a process with an older number can't write about it any more."""

    @property
    def is_over(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def can_be_resumed(self) -> bool:
        return self.state is JobState.INTERRUPTED

    @property
    def requested_parameters(self) -> Mapping[str, JsonValue]:
        """The parameters of the request, without those that say how the job resumes."""
        return {name: value for name, value in self.parameters.items() if name != RETRY_FAILED}

    @property
    def retries_failed(self) -> bool:
        """Whether failed and unknown accounts are tried again."""
        return self.parameters.get(RETRY_FAILED) is True

    @property
    def actor(self) -> Actor:
        """The requester; the ledger names it as the actor of the job's work."""
        return Actor(self.created_by, self.created_by_kind)

    @property
    def is_of_server(self) -> bool:
        """Whether it was requested from a server, so that servers and workers resume it."""
        return self.created_by_kind is not ActorKind.SELF_ASSERTED

    def is_due(self, now: datetime) -> bool:
        """Whether a server or worker must take it over now."""
        if not self.is_of_server or self.state not in {JobState.QUEUED, JobState.INTERRUPTED}:
            return False
        if self.attempts >= MOST_ATTEMPTS:
            return False
        return self.next_attempt_at is None or self.next_attempt_at <= now

    def has_expired(self, now: datetime) -> bool:
        """Whether its work isn't allowed any more, such as when a deletion's plan has expired."""
        not_after = self.parameters.get("not_after")
        return isinstance(not_after, str) and now >= datetime.fromisoformat(not_after)


def choose_pause(attempts: int) -> timedelta:
    """Return how long a job with that many attempts waits: twice as long each time, from 30 seconds to 8 minutes."""
    return _FIRST_PAUSE * (1 << min(attempts, MOST_ATTEMPTS - 1))


def require_not_over(job: Job) -> None:
    """:raises JobConflictError: if the job has ended, so that it can't be cancelled."""
    if job.is_over:
        raise JobConflictError(f"Job {job.job_id} is already {job.state.value}.", hint=make_show_hint(job.job_id))


def make_show_hint(job_id: str) -> Hint:
    return Hint(f"See job {job_id} for its progress and result.", "job.show", job_id=job_id)


RESUMABLE_KINDS = frozenset({JobKind.AUDIT, JobKind.DELETION})
"""Kinds that a command can resume; a command of another kind runs again."""


def require_resumable(job: Job) -> None:
    """:raises JobConflictError: if the job is running or has ended, so that it can't resume."""
    if job.state is JobState.RUNNING:
        raise JobConflictError(
            f"Job {job.job_id} is running in {job.owner or 'another process'}.",
            hint="Wait for it, or interrupt that process, then resume the job.",
        )
    if job.is_over:
        remark = f" {job.remark}" if job.remark else ""
        raise JobConflictError(
            f"Job {job.job_id} can't resume, because it is {job.state.value}.{remark}", hint=make_show_hint(job.job_id)
        )


REQUEST_PERMISSIONS: Mapping[JobKind, Permission] = MappingProxyType(
    {
        JobKind.AUDIT: Permission.ACCOUNTS_AUDIT,
        JobKind.BREAKGLASS_CHECK: Permission.FAILSAFE_CHECK,
        JobKind.DELETION: Permission.ROOT_CREDENTIALS_DELETE,
        JobKind.DRIFT_CHECK: Permission.ACCOUNTS_AUDIT,
        JobKind.FAILSAFE_CHECK: Permission.FAILSAFE_CHECK,
        JobKind.LEDGER_VERIFICATION: Permission.LEDGER_VERIFY,
        JobKind.PLAN: Permission.ROOT_CREDENTIALS_DELETE,
        JobKind.PREFLIGHT: Permission.PREFLIGHTS_RUN,
        JobKind.REPORT_DELIVERY: Permission.REPORTS_SEND,
        JobKind.UNLOCK: Permission.POLICIES_UNLOCK,
    }
)


def require_job_permission(identity: Identity, kind: JobKind) -> None:
    """:raises PermissionDeniedError: if the identity may not request a job of this kind."""
    identity.require_permission(REQUEST_PERMISSIONS[kind])


def require_still_permitted(identity: Identity, job: Job, now: datetime) -> None:
    """Check, when a job's turn comes and while it runs, that its requester still has the permission.

    :raises PermissionDeniedError: if the identity was disabled, has expired, or its role doesn't allow it any more.
    """
    try:
        identity.require_usable(now)
        require_job_permission(identity, job.kind)
    except PermissionDeniedError as error:
        raise PermissionDeniedError(
            f"{error.message} {identity.name} requested job {job.job_id}, so the job doesn't run.",
            hint="Request the job again with an identity that has the permission.",
        ) from error


def problem_to_record(error: RootkeeperError) -> dict[str, JsonValue]:
    """Return the outcome of a job that ended with an error, so that its requester gets the same error."""
    hint = error.hint
    code, facts = (hint.code, dict(hint.facts)) if isinstance(hint, Hint) else (None, {})
    problem = {"code": error.code, "detail": error.message, "hint": hint, "hint_code": code, "hint_facts": facts}
    return {"problem": problem}
