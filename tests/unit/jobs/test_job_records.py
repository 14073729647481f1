"""A job as JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.errors import Hint, JobConflictError, PlanInvalidError
from rootkeeper.jobs.records import job_from_record, job_to_record
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState, problem_to_record
from rootkeeper.ledger.rules import ActorKind

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
QUEUED = Job(
    job_id="j-1",
    organization_id="o-exampleorgid",
    endpoint="AWS",
    kind=JobKind.PLAN,
    state=JobState.QUEUED,
    created_by="ana",
    created_at=NOW,
    updated_at=NOW,
    parameters={"selection": {"tags": []}},
)
ENDED = replace(
    QUEUED,
    state=JobState.FAILED,
    progress=JobProgress(12, 3, 2, 1),
    ended_at=NOW + timedelta(hours=1),
    remark="AWS refused.",
    created_by_kind=ActorKind.SIGNED_IN,
    owner="ana (process 7 on here)",
    attempts=2,
    next_attempt_at=NOW + timedelta(minutes=1),
)


@pytest.mark.parametrize("job", [QUEUED, ENDED])
def test_a_job_comes_back_as_it_was(job: Job) -> None:
    assert job_from_record(json.loads(json.dumps(job_to_record(job)))) == job


def test_times_are_shown_to_the_second_in_utc() -> None:
    assert job_to_record(replace(QUEUED, created_at=NOW.replace(microsecond=7)))["created_at"] == "2026-01-15T09:00:00Z"


def test_what_an_older_program_left_out_has_its_default() -> None:
    record = {
        name: value
        for name, value in job_to_record(QUEUED).items()
        if name not in {"created_by_kind", "attempts", "next_attempt_at"}
    }
    assert job_from_record(record) == QUEUED


def test_a_record_of_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="sleeping"):
        job_from_record({**job_to_record(QUEUED), "state": "sleeping"})
    with pytest.raises(KeyError):
        job_from_record({})


def test_a_problem_is_shown_with_its_code() -> None:
    problem = problem_to_record(PlanInvalidError("It expired.", hint="Make a new one."))["problem"]
    assert problem == {
        "code": "plan.invalid",
        "detail": "It expired.",
        "hint": "Make a new one.",
        "hint_code": None,
        "hint_facts": {},
    }


def test_a_problem_names_its_hint_so_that_each_client_words_it_itself() -> None:
    hint = Hint("Cancel the job.", "job.cancel", job_id="j-1")
    problem = problem_to_record(JobConflictError("It has expired.", hint=hint))["problem"]
    assert isinstance(problem, dict)
    assert (problem["hint"], problem["hint_code"], problem["hint_facts"]) == (
        "Cancel the job.",
        "job.cancel",
        {"job_id": "j-1"},
    )
