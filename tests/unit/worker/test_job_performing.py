"""Performing jobs: one process does it, in its requester's name, and always records how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.aws.rules import AwsWork
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsUnreachableError,
    DatabaseError,
    InputError,
    JobConflictError,
    JobLostError,
    LedgerUnavailableError,
    RootkeeperError,
    RunStoppedError,
)
from rootkeeper.jobs.rules import MOST_ATTEMPTS, Job, JobKind, JobState
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.worker.performers import JobResult, JobTask
from rootkeeper.worker.service import JobRunner
from tests.fakes.job_desk import ANA, SCHEDULES, JobDesk
from tests.fakes.jobs import InMemoryJobs

Performer = Callable[[JobTask], JobResult]


@pytest.fixture
def desk() -> JobDesk:
    return JobDesk()


def performing(desk: JobDesk, performer: Performer, kind: JobKind = JobKind.PREFLIGHT) -> JobRunner:
    return replace(desk.performing, performers={kind: performer})


def do(desk: JobDesk, performer: Performer, job_id: str | None = None) -> Job:
    job_id = job_id or desk.request(JobKind.PREFLIGHT)
    performing(desk, performer).perform(job_id)
    return desk.desk.jobs.get(job_id)


def failing(error: BaseException) -> Performer:
    def perform(_: JobTask) -> JobResult:
        raise error

    return perform


def test_a_job_is_done_as_its_requester_with_the_credentials_of_its_work(desk: JobDesk) -> None:
    job = do(desk, lambda _: JobResult(JobState.DONE, "All is well."))
    assert (job.state, job.remark) == (JobState.DONE, "All is well.")
    assert desk.acted == [(ANA, AwsWork.AUDIT)]
    assert desk.notifier.notifications == []


def test_a_job_that_is_over_or_gone_or_of_another_endpoint_is_left_alone(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.PREFLIGHT)
    elsewhere = replace(desk.performing, endpoint="SANDBOX elsewhere")
    elsewhere.perform(job_id)
    assert desk.desk.jobs.get(job_id).state is JobState.QUEUED
    desk.requesting().cancel(job_id)
    assert do(desk, failing(AssertionError("begun")), job_id).state is JobState.CANCELLED
    performing(desk, failing(AssertionError("begun"))).perform("j-9")


def test_a_job_that_another_process_has_is_waited_for_and_taken_once_that_is_dead(desk: JobDesk) -> None:
    job_id, there = desk.request(JobKind.PREFLIGHT), InMemoryJobs(desk.desk.jobs.shelf, "there")
    there.take_over(job_id)
    assert do(desk, failing(AssertionError("begun")), job_id).state is JobState.RUNNING
    assert sum(desk.stop.waits) >= 20
    there.die()
    assert do(desk, lambda _: JobResult(JobState.DONE), job_id).state is JobState.DONE


def test_nothing_is_begun_while_the_process_ends(desk: JobDesk) -> None:
    desk.stop.asked = 1
    assert do(desk, failing(AssertionError("begun"))).state is JobState.QUEUED


@pytest.mark.parametrize(
    "error",
    [
        AwsAccessDeniedError("AWS refused."),
        JobConflictError("A canary failed."),
    ],
)
def test_what_would_fail_again_isnt_tried_again(desk: JobDesk, error: RootkeeperError) -> None:
    job = do(desk, failing(error))
    assert job.remark == error.message
    assert job.state is (JobState.INTERRUPTED if isinstance(error, JobConflictError) else JobState.FAILED)
    assert not job.is_due(desk.desk.clock.now() + timedelta(days=1))
    (reported,) = desk.notifier.notifications
    assert reported.event is NotificationEvent.JOB_FAILED
    assert error.message in reported.body
    assert f"job {job.job_id}" in reported.body


def test_a_mistake_in_a_request_is_no_failed_job_and_notifies_no_one(desk: JobDesk) -> None:
    job = do(desk, failing(InputError("There is no such account.")))
    assert (job.state, job.remark) == (JobState.CANCELLED, "There is no such account.")
    assert desk.notifier.notifications == []


def test_a_mistake_that_ends_a_scheduled_job_is_notified(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.AUDIT, {}, actor=SCHEDULES)
    performing(desk, failing(InputError("The endpoint can't be used.")), JobKind.AUDIT).perform(job_id)
    job = desk.desk.jobs.get(job_id)
    assert (job.state, job.remark) == (JobState.FAILED, "The endpoint can't be used.")
    (reported,) = desk.notifier.notifications
    assert reported.event is NotificationEvent.AUDIT_FAILED


def test_nothing_is_written_about_a_job_that_was_lost(desk: JobDesk) -> None:
    job = do(desk, failing(JobLostError("It was taken over.")))
    assert (job.state, job.remark) == (JobState.RUNNING, None)
    assert desk.notifier.notifications == []


@pytest.mark.parametrize("error", [AwsUnreachableError("No answer."), AwsCredentialsError("They have expired.")])
def test_what_may_pass_is_tried_again_with_growing_pauses_and_then_waits_for_a_person(
    desk: JobDesk, error: RootkeeperError
) -> None:
    job_id, pauses = desk.request(JobKind.PREFLIGHT), []
    for attempt in range(1, MOST_ATTEMPTS):
        job = do(desk, failing(error), job_id)
        assert (job.state, job.attempts, job.remark) == (JobState.INTERRUPTED, attempt, error.message)
        assert job.next_attempt_at is not None
        pauses.append((job.next_attempt_at - desk.desk.clock.now()).total_seconds())
        assert desk.notifier.notifications == []
        desk.desk.clock.advance(pauses[-1])
    assert pauses == [30, 60, 120, 240]
    job = do(desk, failing(error), job_id)
    assert job.state is JobState.INTERRUPTED
    assert job.remark == f"Tried 5 times: {error.message}"
    assert not job.is_due(desk.desk.clock.now() + timedelta(days=1))
    assert len(desk.notifier.notifications) == 1


def test_a_role_that_cant_be_assumed_puts_the_job_off(desk: JobDesk) -> None:
    desk.refusal = AwsUnreachableError("STS doesn't answer.")
    job = do(desk, failing(AssertionError("begun")))
    assert (job.state, job.remark, job.attempts) == (JobState.INTERRUPTED, "STS doesn't answer.", 1)


@pytest.mark.parametrize("error", [DatabaseError("It is away."), LedgerUnavailableError("It can't be written.")])
def test_a_database_that_was_away_is_soon_tried_again(desk: JobDesk, error: RootkeeperError) -> None:
    job = do(desk, failing(error))
    assert job.state is JobState.INTERRUPTED
    assert job.is_due(desk.desk.clock.now() + timedelta(seconds=2))


def test_how_it_ended_is_written_once_the_database_is_back(desk: JobDesk) -> None:
    shelf = desk.desk.jobs.shelf
    desk.stop.on_wait = {}

    def perform(_: JobTask) -> JobResult:
        shelf.is_broken = True
        return JobResult(JobState.DONE)

    class Back(list[float]):
        def append(self, seconds: float) -> None:
            super().append(seconds)
            shelf.is_broken = len(self) < 3

    desk.stop.waits = Back()
    assert do(desk, perform).state is JobState.DONE
    assert desk.stop.waits == [1.0, 1.0, 1.0]


def test_a_process_that_ends_meanwhile_leaves_its_job_to_the_next_one(desk: JobDesk) -> None:
    shelf = desk.desk.jobs.shelf
    desk.stop.on_wait = {1: 1}

    def perform(_: JobTask) -> JobResult:
        shelf.is_broken = True
        return JobResult(JobState.DONE)

    assert do(desk, perform).state is JobState.RUNNING
    shelf.is_broken = False
    desk.desk.jobs.die()
    assert desk.desk.jobs.get("j-1").is_due(desk.desk.clock.now())


def test_what_a_stop_ended_resumes_later_without_an_attempt(desk: JobDesk) -> None:
    def perform(_: JobTask) -> JobResult:
        desk.stop.asked = 1
        raise RunStoppedError("Stopped.")

    job = do(desk, perform)
    assert (job.state, job.attempts) == (JobState.INTERRUPTED, 0)
    assert job.is_due(desk.desk.clock.now())
    assert desk.notifier.notifications == []


def test_a_mistake_in_the_program_ends_the_job_and_nothing_else(
    desk: JobDesk, caplog: pytest.LogCaptureFixture
) -> None:
    job = do(desk, failing(ZeroDivisionError("of a secret")))
    assert job.state is JobState.FAILED
    assert "secret" not in (job.remark or "")
    assert "ZeroDivisionError" in caplog.text
    assert [reported.event for reported in desk.notifier.notifications] == [NotificationEvent.JOB_FAILED]


def test_a_job_that_was_taken_over_meanwhile_is_left_to_its_new_process(desk: JobDesk) -> None:
    there = InMemoryJobs(desk.desk.jobs.shelf, "there")

    def perform(task: JobTask) -> JobResult:
        desk.desk.jobs.shelf.dead.add(desk.desk.jobs.owner_id)
        there.take_over(task.kept.job_id)
        raise AwsUnreachableError("No answer.")

    job = do(desk, perform)
    assert (job.state, job.owner) == (JobState.RUNNING, "there")
    assert desk.notifier.notifications == []


def test_a_run_that_broke_off_waits_for_a_person_and_one_that_met_an_obstacle_for_its_time(desk: JobDesk) -> None:
    job = do(desk, lambda _: JobResult(JobState.INTERRUPTED, "3 accounts failed."))
    assert (job.state, job.attempts) == (JobState.INTERRUPTED, MOST_ATTEMPTS)
    job = do(desk, lambda _: JobResult(JobState.INTERRUPTED, "AWS is away.", is_temporary=True))
    assert (job.state, job.attempts) == (JobState.INTERRUPTED, 1)


def test_what_may_have_a_call_on_its_way_keeps_its_lease_for_a_while(desk: JobDesk) -> None:
    do(desk, lambda _: JobResult(JobState.DONE))
    do(desk, lambda _: JobResult(JobState.FAILED))
    do(desk, lambda _: JobResult())
    do(desk, lambda _: JobResult(JobState.INTERRUPTED, "AWS is away.", is_temporary=True))
    do(desk, failing(AwsUnreachableError("No answer.")))
    do(desk, failing(ZeroDivisionError()))
    assert desk.closed == ["now", "now", "now", "later", "later", "later"]


def test_findings_of_what_no_one_asked_for_are_reported(desk: JobDesk) -> None:
    def find(_: JobTask) -> JobResult:
        return JobResult(JobState.DONE, findings="Trusted access is off.")

    for actor in (ANA, SCHEDULES):
        job_id = desk.request(JobKind.DRIFT_CHECK, actor=actor)
        performing(desk, find, JobKind.DRIFT_CHECK).perform(job_id)
    assert [reported.event for reported in desk.notifier.notifications] == [NotificationEvent.SETUP_DRIFTED]


def test_a_scheduled_audit_that_fails_is_reported_as_such(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.AUDIT, actor=SCHEDULES)
    performing(desk, failing(AwsAccessDeniedError("AWS refused.")), JobKind.AUDIT).perform(job_id)
    assert [reported.event for reported in desk.notifier.notifications] == [NotificationEvent.AUDIT_FAILED]


def test_a_job_of_a_user_who_was_disabled_since_is_not_done_and_says_why(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.PREFLIGHT)
    desk.identities.disable("ana", desk.desk.clock.now())
    job = do(desk, lambda _: JobResult(JobState.DONE), job_id)
    assert job.state is JobState.FAILED
    assert job.remark is not None
    assert "The user ana was disabled. ana requested job j-1" in job.remark
    assert desk.acted == []
    outcome = desk.desk.jobs.find_outcome(job_id)
    assert outcome is not None
    assert "access.denied" in outcome


def test_a_job_of_a_user_whose_role_permits_it_no_more_is_not_done(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.PREFLIGHT)
    desk.identities.set_role("ana", ServerRole.VIEWER)
    job = do(desk, lambda _: JobResult(JobState.DONE), job_id)
    assert (job.state, desk.acted) == (JobState.FAILED, [])


def test_p29_a_job_that_runs_is_asked_to_stop_when_its_requester_is_disabled(desk: JobDesk) -> None:
    """What is left of it isn't done at its next turn either."""
    asked: list[bool] = []

    def work(task: JobTask) -> JobResult:
        asked.append(task.stop.asked_once())
        desk.identities.disable("ana", desk.desk.clock.now())
        asked.extend([task.stop.asked_once(), task.stop.wait(0), task.stop.asked_twice()])
        task.kept.end(JobState.INTERRUPTED, "The run was interrupted.")
        return JobResult()

    job = do(desk, work)
    assert asked == [False, True, True, False]
    assert job.is_due(desk.desk.clock.now())

    again = do(desk, work, job.job_id)
    assert (again.state, len(asked)) == (JobState.FAILED, 4)
    assert "was disabled" in (again.remark or "")


def test_what_a_server_does_by_itself_has_no_requester_to_judge(desk: JobDesk) -> None:
    asked: list[bool] = []

    def work(task: JobTask) -> JobResult:
        asked.append(task.stop.asked_once())
        return JobResult(JobState.DONE)

    do(desk, work, desk.request(JobKind.PREFLIGHT, actor=SCHEDULES))
    assert asked == [False]


def test_a_job_of_an_unknown_user_is_not_done(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.PREFLIGHT, actor=Actor("unknown", ActorKind.TOKEN))
    job = do(desk, lambda _: JobResult(JobState.DONE), job_id)
    assert (job.state, desk.acted) == (JobState.FAILED, [])
