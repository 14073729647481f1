"""Jobs, and the errors of failed jobs, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from rootkeeper.jobs.rules import Job, JobProgress
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.shapes import Answer, JsonAnswer, JsonRecord, fill_record, parse_facts, record, record_of


@record_of(JobProgress)
class ProgressRecord(JsonRecord):
    """How many accounts are done, and what was found."""


@record_of(Job, without=("created_by_kind", "attempts", "next_attempt_at", "fencing_token"))
class ListedJobRecord(JsonRecord):
    """A job as the command line shows it."""


@record_of(Job, without=("fencing_token",))
class JobRecord(JsonRecord):
    """A job: work that runs in the background."""


class JobAnswer(JobRecord, JsonAnswer):
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
    return fill_record(JobRecord, job)


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
    progress = {"unread": 0, "listed": 0, **record["progress"]}  # a server of an earlier version has none
    return parse_facts(Job, {**_NOT_LISTED, **record, "progress": progress})
