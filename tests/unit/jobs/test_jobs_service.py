"""Keeping a job while it runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.errors import DatabaseError, JobConflictError
from rootkeeper.jobs.rules import JobKind, JobProgress, JobState
from rootkeeper.jobs.service import RunningJob, find_unfinished
from rootkeeper.organization.accounts import AccountId
from tests.fakes.desk import Desk
from tests.fakes.jobs import InMemoryJobs

ACCOUNT_ID, OTHER_ACCOUNT_ID = AccountId("111122223333"), AccountId("444455556666")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def begin(desk: Desk) -> RunningJob:
    return desk.job_service.begin(JobKind.DELETION, {"plan_id": "plan-1"}, total=12, document="the plan")


def test_a_new_job_says_whose_and_what_it_is(desk: Desk) -> None:
    job = desk.jobs.get(begin(desk).job_id)
    assert (job.kind, job.state, job.created_by) == (JobKind.DELETION, JobState.RUNNING, "operator")
    assert (job.organization_id, job.endpoint) == ("o-exampleorgid", desk.organization.endpoint.label)
    assert job.created_at == job.updated_at == desk.clock.now()
    assert job.progress == JobProgress(12)
    assert desk.jobs.find_document(job.job_id) == "the plan"


def test_progress_is_written_at_most_once_a_second_and_at_the_end(desk: Desk) -> None:
    job = begin(desk)
    for _ in range(50):
        job.advance(present=1)
    assert desk.jobs.get(job.job_id).progress.done == 0
    desk.clock.advance(1)
    job.advance(unknown=1)
    assert desk.jobs.get(job.job_id).progress == JobProgress(12, 51, 50, 1)
    job.advance(done=2)
    job.end(JobState.DONE)
    assert desk.jobs.get(job.job_id).progress.done == 53
    assert len(desk.jobs.recorded) == 1


def test_results_are_written_at_once(desk: Desk) -> None:
    job = begin(desk)
    job.record({ACCOUNT_ID: {"a": 1}, OTHER_ACCOUNT_ID: {"b": 2}}, present=1, unknown=1)
    assert desk.jobs.get(job.job_id).progress == JobProgress(12, 2, 1, 1)
    assert desk.jobs.list_results(job.job_id) == {ACCOUNT_ID: {"a": 1}, OTHER_ACCOUNT_ID: {"b": 2}}


def test_a_total_may_become_known_late_and_be_counted_again(desk: Desk) -> None:
    job = desk.job_service.begin(JobKind.AUDIT, {})
    job.advance(done=3)
    job.set_total(10)
    assert job.progress == JobProgress(10, 3)
    job.count(JobProgress(10, 1))
    job.end(JobState.INTERRUPTED, "Interrupted.")
    found = desk.jobs.get(job.job_id)
    assert (found.state, found.progress, found.remark) == (JobState.INTERRUPTED, JobProgress(10, 1), "Interrupted.")


def test_an_interrupted_job_continues_with_what_was_recorded(desk: Desk) -> None:
    job = begin(desk)
    job.record({ACCOUNT_ID: {"a": 1}})
    desk.jobs.die()
    later = replace(desk.job_service, store=InMemoryJobs(desk.jobs.shelf, "owner-2"))
    taken = later.take_over(job.job_id)
    assert later.store.list_results(job.job_id) == {ACCOUNT_ID: {"a": 1}}
    assert taken.progress == JobProgress(12, 1)
    with pytest.raises(JobConflictError):
        job.record({OTHER_ACCOUNT_ID: {}})
    with pytest.raises(JobConflictError):
        later.take_over(job.job_id)


def test_a_job_of_another_endpoint_is_left_alone(desk: Desk) -> None:
    job = begin(desk)
    job.end(JobState.INTERRUPTED)
    with pytest.raises(JobConflictError, match="SANDBOX elsewhere"):
        replace(desk.job_service, endpoint="SANDBOX elsewhere").take_over(job.job_id)
    assert desk.jobs.get(job.job_id).state is JobState.INTERRUPTED


def test_a_job_learns_with_its_next_write_that_it_is_cancelled(desk: Desk) -> None:
    job = begin(desk)
    cancelled = desk.job_service.cancel(job.job_id)
    assert cancelled.remark == "Cancelled by operator."
    desk.clock.advance(1)
    assert not job.is_cancelled
    job.advance(done=0)
    assert job.is_cancelled


def test_a_job_that_isnt_over_is_found_by_what_it_does(desk: Desk) -> None:
    job, keeping = begin(desk), desk.job_service
    found = find_unfinished(keeping.store, JobKind.DELETION, "plan_id", "plan-1")
    assert found is not None
    assert found.job_id == job.job_id
    assert find_unfinished(keeping.store, JobKind.DELETION, "plan_id", "plan-2") is None
    assert find_unfinished(keeping.store, JobKind.AUDIT, "plan_id", "plan-1") is None
    job.end(JobState.DONE)
    assert find_unfinished(keeping.store, JobKind.DELETION, "plan_id", "plan-1") is None


def test_what_cant_be_written_is_reported(desk: Desk) -> None:
    job = begin(desk)
    desk.jobs.shelf.is_broken = True
    with pytest.raises(DatabaseError):
        job.record({ACCOUNT_ID: {}})
    with pytest.raises(DatabaseError):
        begin(desk)
