"""Jobs, and the errors of failed jobs, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from rootkeeper.jobs.rules import Job, JobKind, JobState
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.shapes import Answer, Count, Endpoint, JobId, Moment, OrganizationId, fill_record, parse_facts, record


@record
class ProgressRecord(TypedDict):
    """How many accounts are done, and what was found."""

    total: Count | None
    """``null`` while it isn't known."""
    done: Count
    present: Count
    unknown: Count


@record
class ListedJobRecord(TypedDict):
    """A job as the command line shows it."""

    job_id: JobId
    kind: JobKind
    state: JobState
    """``queued``: no worker has started it yet. ``interrupted``: its process died."""
    organization_id: OrganizationId
    endpoint: Endpoint
    created_by: str
    created_at: Moment
    updated_at: Moment
    """The last sign of its process."""
    ended_at: Moment | None
    owner: str | None
    """The process that works or last worked on it."""
    progress: ProgressRecord
    parameters: dict[str, Any]
    """The request; its fields differ by kind."""
    remark: str | None
    """Why it stopped, or its result."""


@record
class JobRecord(ListedJobRecord):
    """A job: work that runs in the background."""

    created_by_kind: ActorKind
    attempts: Count
    next_attempt_at: Moment | None


@record
class JobAnswer(JobRecord, Answer):
    """One job."""


@record
class JobProblem(TypedDict):
    """The error that stopped a job."""

    code: str
    detail: str
    hint: str | None
    hint_code: str | None
    """Identifies the hint, for clients that word it themselves; ``null`` of a hint that needs no other words."""
    hint_facts: dict[str, str]
    """Identifiers that the hint is about."""


@record
class FailedOutcome(TypedDict):
    """Of a failed job of any kind."""

    problem: JobProblem


@record
class JobsDocument(Answer):
    """Jobs."""

    jobs: list[ListedJobRecord]


def job_to_record(job: Job) -> JobRecord:
    return fill_record(JobRecord, job, parameters=dict(job.parameters))


_NOT_LISTED = {
    "created_by_kind": ActorKind.SELF_ASSERTED,
    "attempts": 0,
    "next_attempt_at": None,
    "fencing_token": 0,
}
"""Fields that a record in a list leaves out, and the fencing token, which no record has."""


def job_from_record(record: Mapping[str, Any]) -> Job:
    """Parse the JSON of ``job_to_record``.

    :raises TypeError: and ValueError, if a value is invalid.
    :raises KeyError: if a field is missing.
    """
    return parse_facts(Job, {**_NOT_LISTED, **record})
