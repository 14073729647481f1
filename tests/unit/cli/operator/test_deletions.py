"""Deletions through a server: what was agreed to is what is sent, and the report says what came of it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.changes.removal_rules import AccountDeletion, KindOutcome, KindResult, plan_deletion
from rootkeeper.deletion.records import deletion_to_record, describe_plan, render_plan
from rootkeeper.deletion.rules import DeletionPlan, PlannedAccount
from rootkeeper.errors import TargetRefusedError
from rootkeeper.jobs.rules import JobKind, JobProgress, JobState, problem_to_record
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.records import stored_account_to_record
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    CredentialKind,
    LoginProfile,
    RootCredentials,
    RootCredentialsSummary,
    Status,
)
from tests.fakes.remote_desk import ENDPOINT, JOB, NOW, RemoteDesk, job_record, pressing_ctrl_c
from tests.fakes.rootkeeper_server import Answer, problem

ONE, OTHER = AccountId("222233334444"), AccountId("333344445555")
FOUND = RootCredentials(
    account_id=ONE,
    login_profile=LoginProfile(NOW - timedelta(days=900), None),
    access_keys=(AccessKey("AKIAIOSFODNN7EXAMPLE", True, NOW - timedelta(days=900), None),),
    signing_certificates=(),
    mfa_devices=(),
    observed_at=NOW,
)


def planned(account_id: AccountId) -> PlannedAccount:
    found = replace(FOUND, account_id=account_id)
    return PlannedAccount(
        account_id, f"name-{account_id}", "Root", AccountState.ACTIVE, found, NOW, plan_deletion(found)
    )


def make_plan(*accounts: PlannedAccount) -> DeletionPlan:
    return DeletionPlan(
        plan_id="plan-70",
        organization_id="o-exampleorgid",
        endpoint=ENDPOINT,
        created_by="pipeline",
        caller_arn="arn:aws:sts::111122223333:assumed-role/audit/pipeline",
        created_at=NOW,
        not_before=NOW - timedelta(minutes=1),
        not_after=NOW + timedelta(hours=24),
        selection=" ".join(account.account_id for account in accounts),
        only=frozenset(CredentialKind),
        included_failsafes=frozenset(),
        accounts=accounts,
    )


PLAN = make_plan(planned(ONE), planned(OTHER))
PLAN_JOB = replace(JOB, job_id="j-70", kind=JobKind.PLAN)
DELETION_JOB = replace(JOB, job_id="job-d", kind=JobKind.DELETION, progress=JobProgress(2))
DELETED = AccountDeletion(
    ONE,
    f"name-{ONE}",
    "Root",
    tuple(KindResult(kind, KindOutcome.DELETED) for kind in CredentialKind),
    status=Status.NOT_PRESENT,
)


def result(account_id: AccountId) -> dict[str, Any]:
    return {"account_id": account_id, **deletion_to_record(DELETED)}


@pytest.fixture
def planning(desk: RemoteDesk) -> RemoteDesk:
    """A server that plans and deletes well."""
    desk.server.answer("POST plans", job_record(PLAN_JOB))
    desk.server.answer("GET jobs/j-70", job_record(replace(PLAN_JOB, state=JobState.DONE)))
    desk.server.answer("GET jobs/j-70/outcome", json.loads(json.dumps(describe_plan(PLAN))))
    desk.server.answer("POST deletions", job_record(DELETION_JOB))
    done = replace(DELETION_JOB, state=JobState.DONE, ended_at=NOW, progress=JobProgress(2, 2))
    desk.server.answer("GET jobs/job-d", job_record(done))
    desk.server.answer("GET jobs/job-d/results", {"results": [result(ONE), result(OTHER)], "next": None})
    desk.server.answer(
        "GET jobs/job-d/outcome", {"caller_arn": "arn:aws:sts::111122223333:assumed-role/delete/pipeline"}
    )
    return desk


def test_exactly_the_plan_that_was_agreed_to_is_sent(planning: RemoteDesk) -> None:
    run = planning.run("delete", ONE, OTHER, "--yes", "--canary", "1", "-o", "json")
    assert run.status == 0, run.shown
    (_, asked), (path, sent) = planning.posted
    assert [one["text"] for one in asked["selection"]["named"]] == [ONE, OTHER]
    assert "recent_seconds" not in asked
    assert path == "deletions"
    assert sent["plan_id"] == PLAN.plan_id
    assert sent["only"] == sorted(CredentialKind)
    assert sent["waves"] == {"canary": 1, "size": None, "pause_seconds": 0, "stop_after_failures": None}
    assert run.json["caller_arn"].endswith("assumed-role/delete/pipeline")
    assert [account["outcome"] for account in run.json["accounts"]] == ["deleted", "deleted"]


@pytest.mark.parametrize(
    ("is_confirmed", "mfa_devices", "fail_on", "status"),
    [
        (True, 1, "present", 0),
        (False, 1, "present", 1),
        (True, 0, "present", 1),
        (False, 1, "unknown", 0),
    ],
)
def test_a_failsafe_in_order_is_no_finding_of_a_plan(
    planning: RemoteDesk, tmp_path: Path, is_confirmed: bool, mfa_devices: int, fail_on: str, status: int
) -> None:
    found = RootCredentials(ONE, LoginProfile(NOW, None), (), (), (), NOW)
    account = replace(planned(ONE), found=found, calls=plan_deletion(found))
    plan = replace(make_plan(account), included_failsafes=frozenset({ONE}))
    planning.server.answer("GET jobs/j-70/outcome", json.loads(json.dumps(describe_plan(plan))))
    summary = RootCredentialsSummary(True, False, False, mfa_devices > 0)
    kept = AccountStatus(
        Account(ONE, "security", "security@example.com", AccountState.ACTIVE, (), "Root"),
        AccountRole.FAILSAFE,
        Status.PRESENT,
        summary=summary,
        is_confirmed=is_confirmed,
    )
    planning.server.answer(f"GET accounts/{ONE}", stored_account_to_record(kept, details=False))
    file = tmp_path / "plan.json"
    run = planning.run("plan", ONE, "--include-failsafe", ONE, "--fail-on", fail_on, "--out", str(file))
    assert run.status == status, run.shown


def test_a_dry_run_plans_and_stops_there(planning: RemoteDesk) -> None:
    run = planning.run("delete", ONE, OTHER, "--dry-run")
    assert run.status == 0, run.shown
    assert [path for path, _ in planning.posted] == ["plans"]


def test_an_account_without_a_result_was_not_begun(planning: RemoteDesk) -> None:
    stopped = replace(DELETION_JOB, state=JobState.INTERRUPTED, remark="The ledger can't be written.")
    done = replace(stopped, state=JobState.CANCELLED, ended_at=NOW)
    planning.server.answer("GET jobs/job-d", job_record(done))
    planning.server.answer("GET jobs/job-d/results", {"results": [result(ONE)], "next": None})
    run = planning.run("delete", ONE, OTHER, "--yes", "-o", "json")
    assert run.status == 130, run.shown
    assert run.json["summary"]["not_begun"] == 1
    assert run.json["stopped_by"] == "The ledger can't be written."


@pytest.mark.parametrize(("owner", "waits"), [("process 7 on host-1", True), (None, False)])
def test_ctrl_c_waits_for_the_end_of_a_deletion_that_began_after_the_last_look(
    planning: RemoteDesk, owner: str | None, waits: bool
) -> None:
    cancelled = replace(DELETION_JOB, state=JobState.CANCELLED, ended_at=NOW, owner=owner)
    planning.server.answer("GET jobs/job-d", job_record(DELETION_JOB))
    planning.server.answer("POST jobs/job-d/cancel", job_record(cancelled))
    nothing_yet = problem(404, "input.not_found", "There is no outcome.")
    ended = {"ended_at": NOW.isoformat(), "caller_arn": "arn:aws:sts::111122223333:assumed-role/delete/pipeline"}
    planning.server.answer("GET jobs/job-d/outcome", nothing_yet, ended)
    planning.server.answer("GET jobs/job-d/results", {"results": [], "next": None})
    with pressing_ctrl_c(lambda: "GET jobs/job-d" in planning.server.lines):
        run = planning.run("delete", ONE, OTHER, "--yes", "-o", "json")
    assert run.status == 130, run.shown
    after = planning.server.lines[planning.server.lines.index("POST jobs/job-d/cancel") :]
    assert (after.count("GET jobs/job-d/outcome") > 1) is waits


def test_ctrl_c_before_the_answer_cancels_the_deletion_that_the_server_has_taken(planning: RemoteDesk) -> None:
    pressed = threading.Event()
    planning.server.answer("POST deletions", Answer(job_record(DELETION_JOB), after=pressed))
    planning.server.answer("GET jobs/job-d", job_record(DELETION_JOB))
    cancelled = replace(DELETION_JOB, state=JobState.CANCELLED, ended_at=NOW)
    planning.server.answer("POST jobs/job-d/cancel", job_record(cancelled))
    with pressing_ctrl_c(lambda: "POST deletions" in planning.server.lines, pressed):
        run = planning.run("delete", ONE, OTHER, "--yes")
    assert [path for path, _ in planning.posted] == ["plans", "deletions", "jobs/job-d/cancel"], run.shown
    assert "Stopping: accounts in progress are finished" in run.stderr


@pytest.mark.parametrize(
    ("command", "request_path"),
    [
        (("plan", ONE), "plans"),
        (("delete", ONE, "--yes"), "plans"),
        (("preflight", ONE), "preflights"),
        (("failsafe", "check"), "failsafe-checks"),
    ],
)
def test_ctrl_c_before_the_answer_says_that_the_server_may_do_the_work(
    planning: RemoteDesk, command: tuple[str, ...], request_path: str
) -> None:
    ended = threading.Event()
    planning.server.answer(f"POST {request_path}", Answer(job_record(PLAN_JOB), after=ended))
    try:
        with pressing_ctrl_c(lambda: f"POST {request_path}" in planning.server.lines):
            run = planning.run(*command)
    finally:
        ended.set()
    assert run.status == 130, run.shown
    said = f"Interrupted. {planning.server.url} hadn't answered yet, so it may do what was requested."
    assert said in run.stderr
    assert "rootkeeper jobs list" in run.stderr
    assert [path for path, _ in planning.posted] == [request_path]


def test_what_a_job_was_refused_for_is_met_as_that_error(planning: RemoteDesk) -> None:
    failed = replace(PLAN_JOB, state=JobState.FAILED, ended_at=NOW, remark="Refused.")
    planning.server.answer("GET jobs/j-70", job_record(failed))
    error = TargetRefusedError("Refused, nothing was done.", hint="Leave it out.")
    planning.server.answer("GET jobs/j-70/outcome", problem_to_record(error))
    run = planning.run("delete", ONE, "--yes")
    assert run.status == 2
    assert "error: Refused, nothing was done." in run.stderr
    assert "hint: Leave it out." in run.stderr


def test_a_plan_that_lost_a_part_on_its_way_is_refused(planning: RemoteDesk) -> None:
    altered = json.loads(json.dumps(describe_plan(PLAN)))
    altered["accounts"] = altered["accounts"][:1]
    planning.server.answer("GET jobs/j-70/outcome", altered)
    run = planning.run("delete", ONE, OTHER, "--yes")
    assert run.status == 2
    assert [path for path, _ in planning.posted] == ["plans"]


def test_a_plan_file_is_applied_as_the_server_made_it(planning: RemoteDesk, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(render_plan(PLAN))
    run = planning.run("apply", str(file), "--yes")
    assert run.status == 0, run.shown
    assert planning.posted[0][1]["plan_id"] == PLAN.plan_id


@pytest.mark.parametrize(
    ("edited", "says"),
    [
        (replace(PLAN, not_after=PLAN.not_after + timedelta(days=1)), "differs from the plan plan-70"),
        (replace(PLAN, plan_id="plan-71"), "The server didn't make plan plan-71"),
        (replace(PLAN, plan_id="plan-d"), "differs from the plan plan-d"),
    ],
)
def test_p12_a_file_that_the_server_didnt_make_is_refused_before_anything_is_asked_for(
    planning: RemoteDesk, tmp_path: Path, edited: DeletionPlan, says: str
) -> None:
    planning.server.answer("GET jobs/j-71/outcome", problem(404, "input.not_found", "There is no job j-71."))
    planning.server.answer("GET jobs/j-d/outcome", {"caller_arn": "arn:aws:iam::111122223333:role/x"})
    file = tmp_path / "plan.json"
    file.write_text(render_plan(edited))
    run = planning.run("apply", str(file), "--yes")
    assert run.status == 2, run.shown
    assert says in run.stderr
    assert "hint: Create a new plan on the server: rootkeeper --server URL plan" in run.stderr
    assert planning.posted == []


def test_continuing_with_a_deletion_asks_for_what_is_left(planning: RemoteDesk) -> None:
    interrupted = replace(DELETION_JOB, state=JobState.INTERRUPTED)
    done = replace(DELETION_JOB, state=JobState.DONE, ended_at=NOW)
    planning.server.answer("GET jobs/job-d", job_record(interrupted), job_record(done))
    planning.server.answer("GET jobs/job-d/document", json.loads(json.dumps(describe_plan(PLAN))))
    planning.server.answer(
        "GET jobs/job-d/results",
        {"results": [result(ONE)], "next": None},
        {"results": [result(ONE), result(OTHER)], "next": None},
    )
    planning.server.answer("POST jobs/job-d/resume", job_record(replace(DELETION_JOB, state=JobState.QUEUED)))
    run = planning.run("jobs", "resume", "job-d", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    assert "1 of 2 accounts done" in run.stderr
    assert planning.posted == [("jobs/job-d/resume", {"retry_failed": False})]
    assert len(run.json["accounts"]) == 2
