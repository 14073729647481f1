"""Jobs through a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.jobs.rules import RESUMABLE_KINDS, JobKind, JobProgress, JobState
from rootkeeper.windows.rules import WindowState
from tests.fakes.remote_desk import JOB, NOW, WINDOW, RemoteDesk, job_record, window_record
from tests.fakes.rootkeeper_server import problem

RUNNING = replace(JOB, state=JobState.RUNNING, progress=JobProgress(10, 3, 1, 0), owner="process 7 on host")


def test_a_list_is_shown_as_that_of_a_database(desk: RemoteDesk) -> None:
    desk.server.answer("GET jobs", {"jobs": [job_record(RUNNING)], "next": None})
    run = desk.run("jobs", "list", "-o", "json")
    assert run.status == 0, run.shown
    (found,) = run.json["jobs"]
    assert (found["job_id"], found["state"], found["progress"]["done"]) == ("job-1", "running", 3)


def test_no_more_jobs_are_asked_for_than_are_shown(desk: RemoteDesk) -> None:
    jobs = [job_record(replace(RUNNING, job_id=f"job-{number}")) for number in (1, 2)]
    desk.server.answer("GET jobs", {"jobs": jobs, "next": "job-2"})
    assert len(desk.run("jobs", "list", "--limit", "2", "-o", "json").json["jobs"]) == 2
    assert desk.server.lines[-1] == "GET jobs?unfinished=false&limit=2"


def test_one_is_shown(desk: RemoteDesk) -> None:
    desk.server.answer("GET jobs/job-1", job_record(RUNNING))
    run = desk.run("jobs", "show", "job-1")
    assert run.status == 0, run.shown
    assert "3 of 10, 1 present" in run.stdout


def test_one_that_is_not_there_ends_with_2(desk: RemoteDesk) -> None:
    desk.server.answer("GET jobs/job-9", problem(404, "input.not_found", "There is no job job-9."))
    run = desk.run("jobs", "show", "job-9")
    assert run.status == 2
    assert "There is no job job-9." in run.stderr


def test_cancelling_is_asked_for_once(desk: RemoteDesk) -> None:
    desk.server.answer("POST jobs/job-1/cancel", job_record(replace(RUNNING, state=JobState.CANCELLED)))
    run = desk.run("jobs", "cancel", "job-1", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["state"] == "cancelled"
    assert [path for path, _ in desk.posted] == ["jobs/job-1/cancel"]


def test_one_that_runs_cannot_go_on(desk: RemoteDesk) -> None:
    desk.server.answer("GET jobs/job-1", job_record(RUNNING))
    run = desk.run("jobs", "resume", "job-1", "--yes")
    assert run.status == 2
    assert "is running" in run.stderr
    assert desk.posted == []


@pytest.mark.parametrize("kind", sorted(set(JobKind) - RESUMABLE_KINDS))
def test_a_kind_that_cannot_be_resumed_says_what_to_do(desk: RemoteDesk, kind: JobKind) -> None:
    interrupted = replace(JOB, kind=kind, state=JobState.INTERRUPTED)
    desk.server.answer("GET jobs/job-1", job_record(interrupted))
    run = desk.run("jobs", "resume", "job-1")
    assert run.status == 2
    assert "Run its command again." in run.stderr


@pytest.mark.parametrize("kind", sorted(RESUMABLE_KINDS))
def test_a_kind_that_can_be_resumed_is_not_refused_for_its_kind(desk: RemoteDesk, kind: JobKind) -> None:
    desk.server.answer("GET jobs/job-1", job_record(replace(JOB, kind=kind, state=JobState.INTERRUPTED)))
    desk.server.answer("GET jobs/job-1/document", problem(404, "input.not_found", "There is no plan."))
    assert "Run its command again." not in desk.run("jobs", "resume", "job-1", "--dry-run").stderr


@pytest.mark.parametrize("arguments", [("audit",), ("jobs", "resume", "job-1"), ("preflight",)])
def test_the_share_of_quotas_is_the_servers_own(desk: RemoteDesk, arguments: tuple[str, ...]) -> None:
    run = desk.run(*arguments, "--api-share", "50")
    assert run.status == 2
    assert "aws.api_share" in run.stderr
    assert desk.server.asked == []


def test_a_window_past_its_end_is_named_by_other_commands_too(desk: RemoteDesk) -> None:
    late = replace(WINDOW, state=WindowState.CLOSING, expires_at=NOW - timedelta(hours=1), failure="AWS is down.")
    desk.server.answer("GET windows", {"windows": [window_record(late)], "next": None})
    desk.server.answer("GET jobs", {"jobs": [], "next": None})
    run = desk.run("jobs", "list")
    assert run.status == 0, run.shown
    assert "ALERT: recovery window w-1" in run.stderr


def test_windows_that_cannot_be_listed_do_not_keep_jobs_from_being_listed(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows", problem(422, "input.invalid", "No."))
    desk.server.answer("GET jobs", {"jobs": [], "next": None})
    run = desk.run("jobs", "list")
    assert run.status == 0, run.shown
    assert "can't be listed" in run.stderr
