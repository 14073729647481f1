"""Jobs: what can go on, and what can't."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rootkeeper.errors import JobConflictError
from rootkeeper.jobs.rules import FINAL_STATES, Job, JobKind, JobProgress, JobState, require_resumable

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
JOB = Job(
    job_id="j-1",
    organization_id="o-exampleorgid",
    endpoint="AWS",
    kind=JobKind.DELETION,
    state=JobState.INTERRUPTED,
    created_by="ana",
    created_at=NOW,
    updated_at=NOW,
    parameters={},
    remark="Full.",
)


def test_only_an_interrupted_job_can_go_on_and_only_a_queued_one_can_begin() -> None:
    require_resumable(JOB)
    require_resumable(replace(JOB, state=JobState.QUEUED))
    assert not replace(JOB, state=JobState.QUEUED).is_over
    for state in set(JobState) - {JobState.INTERRUPTED, JobState.QUEUED}:
        job = replace(JOB, state=state)
        assert not job.can_be_resumed
        assert job.is_over is (state in FINAL_STATES)
        with pytest.raises(JobConflictError) as raised:
            require_resumable(job)
        assert raised.value.hint


def test_a_job_that_runs_is_shown_with_its_process() -> None:
    with pytest.raises(JobConflictError, match=r"ana \(process 7 on here\)"):
        require_resumable(replace(JOB, state=JobState.RUNNING, owner="ana (process 7 on here)"))


def test_a_job_that_is_over_says_why() -> None:
    with pytest.raises(JobConflictError, match=r"it is done\. Full\."):
        require_resumable(replace(JOB, state=JobState.DONE))


def test_progress_adds_up() -> None:
    progress = JobProgress(12).advanced().advanced(done=3, present=2, unknown=1)
    assert progress == JobProgress(12, 4, 2, 1)


@pytest.mark.parametrize(
    ("parameters", "has_expired"),
    [
        ({}, False),
        ({"not_after": "2026-01-15T09:00:00+00:00"}, True),
        ({"not_after": "2026-01-15T09:00:01+00:00"}, False),
    ],
)
def test_a_job_expires_when_what_it_does_may_no_longer_be_done(parameters: dict[str, str], has_expired: bool) -> None:
    assert replace(JOB, parameters=parameters).has_expired(NOW) is has_expired
