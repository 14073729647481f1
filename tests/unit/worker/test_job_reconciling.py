"""Jobs that the engine doesn't know of are enqueued again; what another process works on is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.errors import DatabaseError
from rootkeeper.jobs.rules import MOST_ATTEMPTS, JobKind, JobProgress, JobState
from tests.fakes.job_desk import JobDesk
from tests.fakes.jobs import InMemoryJobs


@pytest.fixture
def desk() -> JobDesk:
    return JobDesk()


def request_unknown(desk: JobDesk, kind: JobKind = JobKind.AUDIT) -> str:
    """A job whose enqueuing was lost."""
    desk.engine.is_away = True
    job_id = desk.request(kind)
    desk.engine.is_away = False
    desk.desk.clock.advance(1)
    return job_id


def test_what_was_never_enqueued_is_now_the_oldest_first(desk: JobDesk) -> None:
    lost = [request_unknown(desk) for _ in range(3)]
    assert desk.reconciling.tick() == 3
    assert desk.engine.enqueued == lost
    assert desk.reconciling.tick() == 0


def test_what_the_engine_knows_is_left_to_it(desk: JobDesk) -> None:
    desk.request(JobKind.AUDIT)
    assert desk.reconciling.tick() == 0


def test_a_job_of_a_dead_process_is_enqueued_and_of_a_living_one_isnt(desk: JobDesk) -> None:
    job_id = request_unknown(desk)
    there = InMemoryJobs(desk.desk.jobs.shelf, "there")
    there.take_over(job_id)
    assert desk.reconciling.tick() == 0
    there.die()
    assert desk.reconciling.tick() == 1


def test_a_job_that_was_put_off_waits_for_its_time(desk: JobDesk) -> None:
    job_id, jobs, now = request_unknown(desk), desk.desk.jobs, desk.desk.clock.now()
    jobs.postpone(jobs.take_over(job_id), JobProgress(), "AWS is away.", now + timedelta(seconds=30))
    assert desk.reconciling.tick() == 0
    desk.desk.clock.advance(30)
    assert desk.reconciling.tick() == 1


def test_a_job_that_waits_for_a_person_isnt_enqueued(desk: JobDesk) -> None:
    job_id, jobs = request_unknown(desk), desk.desk.jobs
    jobs.postpone(jobs.take_over(job_id), JobProgress(), "Too many accounts failed.", None)
    assert jobs.get(job_id).attempts == MOST_ATTEMPTS
    desk.desk.clock.advance(timedelta(days=9).total_seconds())
    assert desk.reconciling.tick() == 0


def test_jobs_of_a_command_line_are_left_to_it(desk: JobDesk) -> None:
    desk.desk.job_service.begin(JobKind.AUDIT, {}).end(JobState.INTERRUPTED)
    assert desk.reconciling.tick() == 0


def test_a_claim_of_a_dead_process_is_put_back_at_the_second_look(desk: JobDesk) -> None:
    job_id, reconciling = desk.request(JobKind.AUDIT), desk.reconciling
    there = InMemoryJobs(desk.desk.jobs.shelf, "there")
    there.take_over(job_id)
    desk.engine.claimed = [job_id]
    for _ in range(3):
        assert reconciling.tick() == 0
    there.die()
    assert reconciling.tick() == 0, "its end may be between the row and the engine"
    assert reconciling.tick() == 1
    assert desk.engine.put_back_jobs == [job_id]
    assert reconciling.tick() == 0


def test_a_claim_that_no_process_followed_is_put_back(desk: JobDesk) -> None:
    """The connection was lost after the engine's database had committed the claim."""
    job_id, reconciling = desk.request(JobKind.AUDIT), desk.reconciling
    desk.engine.claimed = [job_id]
    assert [reconciling.tick() for _ in range(2)] == [0, 1]
    assert desk.engine.put_back_jobs == [job_id]


def test_a_claim_that_is_stalled_for_one_look_alone_is_left(desk: JobDesk) -> None:
    job_id, reconciling = desk.request(JobKind.AUDIT), desk.reconciling
    for claimed in ([job_id], [], [job_id], []):
        desk.engine.claimed = claimed
        assert reconciling.tick() == 0
    assert desk.engine.put_back_jobs == []


def test_a_claim_of_a_job_that_is_over_is_put_back_so_that_the_engine_ends_it(desk: JobDesk) -> None:
    job_id, jobs, reconciling = desk.request(JobKind.AUDIT), desk.desk.jobs, desk.reconciling
    jobs.end(jobs.take_over(job_id), JobState.DONE, JobProgress())
    desk.engine.claimed = [job_id]
    assert [reconciling.tick() for _ in range(2)] == [0, 1]


def test_a_claim_of_a_job_that_was_put_off_waits_for_its_time(desk: JobDesk) -> None:
    job_id, jobs, reconciling = desk.request(JobKind.AUDIT), desk.desk.jobs, desk.reconciling
    until = desk.desk.clock.now() + timedelta(seconds=30)
    jobs.postpone(jobs.take_over(job_id), JobProgress(), "AWS is away.", until)
    desk.engine.claimed = [job_id]
    for _ in range(3):
        assert reconciling.tick() == 0
    desk.desk.clock.advance(30)
    assert [reconciling.tick() for _ in range(2)] == [0, 1]


def test_a_database_that_is_away_is_reported(desk: JobDesk) -> None:
    request_unknown(desk)
    desk.engine.is_away = True
    with pytest.raises(DatabaseError):
        desk.reconciling.tick()
