"""Jobs: in which state one is, and who may request it.

Jobs: audits and deletions that take long enough to be interrupted, and that go on where they were.

A job remembers what was asked for and what is done. It decides nothing about accounts: the ledger, the account locks
and a re-read do, also when a job goes on after its process was killed.

What asking for a job of each kind takes, and whether whoever asked may still have it done.

A job as JSON values and back: what the command line, the API and its client show of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.errors import JobConflictError, PermissionDeniedError, RootkeeperError
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.values import JsonValue, json_time


class JobKind(StrEnum):
    """What a job does."""

    AUDIT = "audit"
    DELETION = "deletion"
    DRIFT_CHECK = "drift_check"
    LEDGER_VERIFICATION = "ledger_verification"
    PLAN = "plan"
    PREFLIGHT = "preflight"
    UNLOCK = "unlock"


class JobState(StrEnum):
    """How far a job is."""

    CANCELLED = "cancelled"
    """Somebody ended it before its end; it can't go on."""
    DONE = "done"
    """It came to its end, and everything went well."""
    FAILED = "failed"
    """It came to its end, and something failed or isn't known; or it can't go on."""
    INTERRUPTED = "interrupted"
    """It stopped before its end, or its process died; it can go on."""
    QUEUED = "queued"
    """A server has taken it in, and no worker has begun it."""
    RUNNING = "running"


MOST_ATTEMPTS = 5
"""So often a server tries a job by itself that it can't do for now; then a person has to look at it."""

RETRY_FAILED = "retry_failed"
"""The parameter that a job gets when it goes on and what failed is tried again."""

_FIRST_PAUSE = timedelta(seconds=30)
FINAL_STATES = frozenset({JobState.CANCELLED, JobState.DONE, JobState.FAILED})


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How many accounts a job has dealt with."""

    total: int | None = None
    """``None`` while it isn't known, such as while accounts are still being listed."""
    done: int = 0
    present: int = 0
    """Of those done, how many still have root user credentials."""
    unknown: int = 0
    """Of those done, how many aren't known."""

    def advanced(self, *, done: int = 1, present: int = 0, unknown: int = 0) -> JobProgress:
        """With so many more accounts done."""
        return replace(self, done=self.done + done, present=self.present + present, unknown=self.unknown + unknown)


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as it stands now."""

    job_id: str
    organization_id: str
    endpoint: str
    kind: JobKind
    state: JobState
    """A job whose process is dead is INTERRUPTED, whatever that process wrote last."""
    created_by: str
    created_at: datetime
    updated_at: datetime
    parameters: Mapping[str, JsonValue]
    """What was asked for, such as the selection, and how it goes on; no secret, and nothing large."""
    progress: JobProgress = JobProgress()
    ended_at: datetime | None = None
    remark: str | None = None
    """One sentence: why it stopped, or what came of it."""
    created_by_kind: ActorKind = ActorKind.SELF_ASSERTED
    owner: str | None = None
    """The process that works or last worked on it, in words; ``None`` if nobody knows it any more, or nobody began."""
    attempts: int = 0
    """How often it was put off; one with ``MOST_ATTEMPTS`` goes on only if a person says so."""
    next_attempt_at: datetime | None = None
    """Before that a server doesn't take it up again by itself; ``None``: at once."""
    fencing_token: int = 0
    """How often it was taken over or queued again: whoever holds an older number writes nothing more about it."""

    @property
    def is_over(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def can_be_resumed(self) -> bool:
        return self.state is JobState.INTERRUPTED

    @property
    def requested_parameters(self) -> Mapping[str, JsonValue]:
        """The parameters as they were asked for; how it goes on is beside them."""
        return {name: value for name, value in self.parameters.items() if name != RETRY_FAILED}

    @property
    def retries_failed(self) -> bool:
        """Whether what failed, or isn't known, is tried again."""
        return self.parameters.get(RETRY_FAILED) is True

    @property
    def actor(self) -> Actor:
        """Who asked for it, as the ledger names whoever works on it."""
        return Actor(self.created_by, self.created_by_kind)

    @property
    def is_of_server(self) -> bool:
        """Whether a server was asked for it, so that servers and workers see to it that it goes on."""
        return self.created_by_kind is not ActorKind.SELF_ASSERTED

    def is_due(self, now: datetime) -> bool:
        """Whether a server or worker has to take it up now."""
        if not self.is_of_server or self.state not in {JobState.QUEUED, JobState.INTERRUPTED}:
            return False
        if self.attempts >= MOST_ATTEMPTS:
            return False
        return self.next_attempt_at is None or self.next_attempt_at <= now

    def has_expired(self, now: datetime) -> bool:
        """Whether what it does may no longer be done, as when a deletion's plan has expired."""
        not_after = self.parameters.get("not_after")
        return isinstance(not_after, str) and now >= datetime.fromisoformat(not_after)


def choose_pause(attempts: int) -> timedelta:
    """How long a job that was put off so often waits now: twice as long each time, from half a minute to 8."""
    return _FIRST_PAUSE * (1 << min(attempts, MOST_ATTEMPTS - 1))


def require_not_over(job: Job) -> None:
    """Check that a job can be cancelled.

    :raises JobConflictError: if it is over.
    """
    if job.is_over:
        raise JobConflictError(
            f"Job {job.job_id} is over: {job.state.value}.", hint=f"See it: rootkeeper jobs show {job.job_id}"
        )


RESUMABLE_KINDS = frozenset({JobKind.AUDIT, JobKind.DELETION})
"""Kinds that a command resumes; of any other kind the command is run again."""


def require_resumable(job: Job) -> None:
    """Check that a job can go on.

    :raises JobConflictError: if it runs, or is over.
    """
    if job.state is JobState.RUNNING:
        raise JobConflictError(
            f"Job {job.job_id} is running: {job.owner or 'by another process'}.",
            hint="Wait for it, or end it with Ctrl-C where it runs, then resume it.",
        )
    if job.is_over:
        remark = f" {job.remark}" if job.remark else ""
        raise JobConflictError(
            f"Job {job.job_id} can't go on: it is {job.state.value}.{remark}",
            hint=f"See what it did: rootkeeper jobs show {job.job_id}",
        )


ASKING: Mapping[JobKind, Permission] = MappingProxyType(
    {
        JobKind.AUDIT: Permission.ACCOUNTS_AUDIT,
        JobKind.DELETION: Permission.ROOT_CREDENTIALS_DELETE,
        JobKind.DRIFT_CHECK: Permission.ACCOUNTS_AUDIT,
        JobKind.LEDGER_VERIFICATION: Permission.LEDGER_VERIFY,
        JobKind.PLAN: Permission.ROOT_CREDENTIALS_DELETE,
        JobKind.PREFLIGHT: Permission.PREFLIGHTS_RUN,
        JobKind.UNLOCK: Permission.POLICIES_UNLOCK,
    }
)


def require_job_permission(identity: Identity, kind: JobKind) -> None:
    """:raises PermissionDeniedError: if it doesn't have the permission."""
    permission = ASKING.get(kind)
    if permission is None:
        raise PermissionDeniedError(f"A job of kind {kind.value} isn't taken up by anybody's word.")
    identity.require_permission(permission)


def require_still_permitted(identity: Identity, job: Job, now: datetime) -> None:
    """Check that whoever asked for a job may still have it done when it is its turn.

    :raises PermissionDeniedError: if it was disabled, has expired, or its role permits it no more.
    """
    if not identity.is_usable(now):
        what = "was disabled" if identity.disabled_at is not None else "has expired"
        raise PermissionDeniedError(
            f"{identity.name}, who asked for job {job.job_id}, {what}; nothing was done in that name.",
            hint="Ask for it anew, as somebody who may.",
        )
    require_job_permission(identity, job.kind)


def job_to_record(job: Job) -> dict[str, JsonValue]:
    """The job as every interface shows it; ``docs/reference/jobs.schema.json``."""
    return {
        "job_id": job.job_id,
        "kind": job.kind.value,
        "state": job.state.value,
        "organization_id": job.organization_id,
        "endpoint": job.endpoint,
        "created_by": job.created_by,
        "created_by_kind": job.created_by_kind.value,
        "created_at": json_time(job.created_at),
        "updated_at": json_time(job.updated_at),
        "ended_at": json_time(job.ended_at),
        "owner": job.owner,
        "progress": asdict(job.progress),
        "parameters": dict(job.parameters),
        "remark": job.remark,
        "attempts": job.attempts,
        "next_attempt_at": json_time(job.next_attempt_at),
    }


def job_from_record(record: Mapping[str, Any]) -> Job:
    """The job that ``job_to_record`` wrote; what an older program left out has its default.

    :raises ValueError: if a value is none that a job has.
    :raises KeyError: if something is missing.
    """
    return Job(
        job_id=record["job_id"],
        organization_id=record["organization_id"],
        endpoint=record["endpoint"],
        kind=JobKind(record["kind"]),
        state=JobState(record["state"]),
        created_by=record["created_by"],
        created_at=datetime.fromisoformat(record["created_at"]),
        updated_at=datetime.fromisoformat(record["updated_at"]),
        parameters=dict(record["parameters"]),
        progress=JobProgress(**record["progress"]),
        ended_at=_parse_time(record["ended_at"]),
        remark=record["remark"],
        created_by_kind=ActorKind(record.get("created_by_kind", ActorKind.SELF_ASSERTED.value)),
        owner=record["owner"],
        attempts=record.get("attempts", 0),
        next_attempt_at=_parse_time(record.get("next_attempt_at")),
    )


def problem_to_record(error: RootkeeperError) -> dict[str, JsonValue]:
    """The outcome of a job that an error kept from its work, so that who asked for it meets the same error."""
    return {"problem": {"code": error.code, "detail": error.message, "hint": error.hint}}


def _parse_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
