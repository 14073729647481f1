"""Jobs: audits and deletions that take long enough to be interrupted, and that go on where they were.

A job remembers what was asked for and what is done. It decides nothing about accounts: the ledger, the account locks
and a re-read do, also when a job goes on after its process was killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.domain.ledger import Actor, ActorKind, JsonValue
from rootkeeper.errors import JobConflictError


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
