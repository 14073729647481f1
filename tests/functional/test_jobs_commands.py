"""``rootkeeper jobs`` as a user runs it, on a deletion and an audit that a user stopped."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.functional.background import in_background
from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.promises.stage import read_rows
from tests.functional.running import SECONDS, Program, Run
from tests.sandbox_process import SandboxProcess

UNIT = {"700080009000", "800090001000", "900010002000"}
EVERYTHING = "800090001000"
"""One of them, which has credentials of every kind."""
WAVES = ("--canary", "1", "--pause", "1h")
READABLE = 23
"""Of the 26 accounts: without the management account and those that aren't ACTIVE."""


def stop_between_waves(program: Program) -> str:
    """A deletion that a user stops in the pause after its one canary; its job's id."""
    with in_background(program, "delete", "--ou", "AnyCompany", *WAVES, "--yes") as run:
        run.wait_for("Wave 1 of 2 is done")
        run.ask_to_stop()
        ended = run.end()
    assert ended.status == 130, ended.shown
    job_id = str(find_only_job(program)["job_id"])
    assert f"rootkeeper jobs resume {job_id}" in ended.stderr
    return job_id


def find_only_job(program: Program, kind: str = "deletion") -> dict[str, Any]:
    jobs = program.run("jobs", "list", "-o", "json").json["jobs"]
    (job,) = [job for job in jobs if job["kind"] == kind]
    return dict(job)


def expect_deletions(sandbox: SandboxProcess, account_ids: set[str]) -> Counter[str]:
    """The changing calls that it takes to empty these accounts, each credential once."""
    users = [sandbox.root_user(account_id) for account_id in account_ids]
    return +Counter(
        {
            "DeleteAccessKey": sum(len(user["access_keys"]) for user in users),
            "DeleteSigningCertificate": sum(len(user["signing_certificates"]) for user in users),
            "DeleteLoginProfile": sum(user["password"] or user["recovery_allowed"] for user in users),
            "DeactivateMFADevice": sum(len(user["mfa_devices"]) for user in users),
        }
    )


def list_deletions(sandbox: SandboxProcess, since: int) -> Counter[str]:
    return Counter(name for name, _ in sandbox.operations(since, mutating=True))


def count(requests: Iterable[dict[str, Any]], operation: str) -> Counter[str]:
    """How often each account met it."""
    return Counter(request["account_id"] for request in requests if request["operation"] == operation)


def list_kept(database: Path) -> set[str]:
    """Accounts whose status is on disk."""
    return {row["account_id"] for row in read_rows(database, "SELECT account_id FROM account_statuses")}


def stop_audit_at_once(program: Program, sandbox: SandboxProcess, *arguments: str) -> tuple[Run, str]:
    """An audit, two accounts at a time, that a user stops once a few are read; and its job's id."""
    sandbox.faults(operation="GetAccountSummary", latency_ms=1000)
    since = sandbox.last_request()
    with in_background(program, "audit", *arguments, ROOTKEEPER_AWS_CONCURRENCY="2") as run:
        run.wait_until(lambda: count(sandbox.requests(since), "GetAccountSummary").total() >= 5)
        run.ask_to_stop()
        ended = run.end()
    sandbox.clear_faults()
    return ended, find_only_job(program, "audit")["job_id"]


def test_ctrl_c_once_finishes_what_is_in_progress_and_names_the_job(enabled: Program, sandbox: SandboxProcess) -> None:
    begun, let = threading.Event(), threading.Event()

    def hold(request: Request) -> Answer | None:
        if request.operation == "DeleteLoginProfile":
            begun.set()
            let.wait(SECONDS)
        return None

    with InterposedProxy(sandbox.base_url) as proxy:
        proxy.before = hold
        delete = ("delete", EVERYTHING, "--yes", "-o", "json")
        with in_background(enabled, *delete, AWS_ENDPOINT_URL=proxy.url) as run:
            run.wait_until(begun.is_set)
            run.ask_to_stop()
            run.wait_for("Interrupt again to stop now.")
            let.set()
            ended = run.end()
    assert ended.status == 0, ended.shown  # the only account was in progress, and came to its end
    assert {kind["outcome"] for kind in ended.json["accounts"][0]["kinds"].values()} == {"deleted"}
    assert find_only_job(enabled)["state"] == "done"


def test_a_deletion_stopped_between_waves_resumes_and_its_answer_is_of_everything(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    since, expected = sandbox.last_request(), expect_deletions(sandbox, UNIT)
    job_id = stop_between_waves(enabled)
    at_stop = sandbox.last_request()
    job = find_only_job(enabled)
    assert (job["state"], job["progress"]["done"], job["progress"]["total"]) == ("interrupted", 1, 3)
    done = {account["account_id"] for account in enabled.run("jobs", "show", job_id, "-o", "json").json["accounts"]}
    assert len(done) == 1

    resumed = enabled.run("jobs", "resume", job_id, "--yes", "-o", "json")
    assert resumed.status == 0, resumed.shown
    assert {account["account_id"] for account in resumed.json["accounts"]} == UNIT
    assert resumed.json["summary"]["deleted"] == 3
    assert not {account_id for _, account_id in sandbox.operations(at_stop)} & done, "read or changed again"
    assert list_deletions(sandbox, since) == expected
    assert find_only_job(enabled)["state"] == "done"


def test_ctrl_c_twice_stops_now_and_what_was_in_progress_is_settled_later(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    enabled.run("plan", EVERYTHING, "--out", plan)
    sandbox.faults(operation="GetAccountSummary", latency_ms=600_000)
    since, expected = sandbox.last_request(), expect_deletions(sandbox, {EVERYTHING})
    with in_background(enabled, "apply", plan, "--yes", "-o", "json") as run:
        run.wait_until(lambda: bool(count(sandbox.requests(since), "DeactivateMFADevice")))
        run.ask_to_stop()
        run.wait_for("Interrupt again to stop now.")
        run.ask_to_stop()
        ended = run.end()
    assert ended.status == 130, ended.shown
    assert {kind["outcome"] for kind in ended.json["accounts"][0]["kinds"].values()} == {"failed"}
    assert "the next command that changes something settles it" in ended.stdout

    sandbox.clear_faults()
    resumed = enabled.run("jobs", "resume", find_only_job(enabled)["job_id"], "--yes", "-o", "json")
    assert resumed.status == 0, resumed.shown
    assert "Settled entry" in resumed.stderr
    assert resumed.json["summary"]["deleted"] == 1
    assert list_deletions(sandbox, since) == expected
    assert enabled.run("ledger", "verify").status == 0


def test_jobs_are_listed_and_shown_and_what_was_interrupted_says_how_to_resume_it(enabled: Program) -> None:
    enabled.run("audit", "Shop Test")
    job_id = stop_between_waves(enabled)
    listed = enabled.run("jobs", "list")
    assert listed.status == 0
    assert f"Resume it: rootkeeper jobs resume {job_id}" in " ".join(listed.stdout.split())
    shown = enabled.run("jobs", "show", job_id)
    assert shown.status == 0
    facts = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines()[:8])
    assert (facts["Job"], facts["State"]) == (job_id, "interrupted")
    assert "1 of 3" in shown.stdout
    assert "Deleted" in shown.stdout
    rows = list(csv.DictReader(io.StringIO(enabled.run("jobs", "list", "-o", "csv").stdout)))
    assert [(row["kind"], row["state"]) for row in rows] == [("deletion", "interrupted"), ("audit", "done")]
    for only in ("--unfinished", "--limit=1"):
        lines = enabled.run("jobs", "list", only, "-o", "jsonl").stdout.splitlines()
        assert [json.loads(line)["job_id"] for line in lines] == [job_id]


def test_a_cancelled_job_cant_go_on_and_what_it_did_stays(enabled: Program, sandbox: SandboxProcess) -> None:
    job_id = stop_between_waves(enabled)
    truth = sandbox.organization()
    cancelled = enabled.run("jobs", "cancel", job_id, "-o", "json")
    assert (cancelled.status, cancelled.json["state"]) == (0, "cancelled")
    assert len(cancelled.json["accounts"]) == 1
    again, resumed = (enabled.run("jobs", verb, job_id) for verb in ("cancel", "resume"))
    assert again.status == resumed.status == 2
    assert "it is cancelled" in resumed.stderr
    assert sandbox.organization() == truth


def test_a_job_that_runs_elsewhere_stops_when_it_is_cancelled(enabled: Program, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    with in_background(enabled, "delete", "--ou", "AnyCompany", *WAVES, "--yes") as run:
        run.wait_for("Wave 1 of 2 is done")
        job = find_only_job(enabled)
        assert job["state"] == "running"
        refused = enabled.run("jobs", "resume", job["job_id"], "--yes")
        assert (refused.status, "is running" in refused.stderr) == (2, True)
        assert enabled.run("jobs", "cancel", job["job_id"]).status == 0
        ended = run.end()
    assert ended.status == 4, ended.shown
    assert "The job was cancelled." in ended.stderr
    assert "jobs resume" not in ended.stderr
    assert len({account_id for _, account_id in sandbox.operations(since, mutating=True)}) == 1


@pytest.mark.parametrize("verb", ["show", "cancel", "resume"])
def test_a_job_that_isnt_there_is_an_error_that_says_where_to_look(enabled: Program, verb: str) -> None:
    enabled.run("audit", "Shop Test")
    run = enabled.run("jobs", verb, "j-0000000000")
    assert run.status == 2, run.shown
    assert "There is no job 'j-0000000000'." in run.stderr
    assert "rootkeeper jobs list" in run.stderr


def test_a_limit_of_none_is_refused(enabled: Program) -> None:
    assert enabled.run("jobs", "list", "--limit", "0").status == 2


def test_resuming_a_deletion_asks_and_a_dry_run_shows_what_is_left(enabled: Program, sandbox: SandboxProcess) -> None:
    job_id = stop_between_waves(enabled)
    before = sandbox.last_request()
    unasked = enabled.run("jobs", "resume", job_id)
    assert unasked.status == 2, unasked.shown
    dry = enabled.run("jobs", "resume", job_id, "--dry-run", "-o", "json")
    assert dry.status == 0, dry.shown
    assert dry.json["summary"] == {"accounts": 2, "to_delete": 2}
    assert "Order: 2 accounts at once." in dry.stderr  # the canary is done
    another = enabled.run("delete", "Sandbox Ana", "--dry-run")
    assert f"Deletion {job_id} is interrupted after 1 of 3 accounts" in another.stderr
    assert sandbox.operations(before, mutating=True) == []
    assert find_only_job(enabled)["state"] == "interrupted"


def test_a_deletion_whose_process_died_after_its_last_account_ends_without_a_question(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    assert enabled.run("delete", "--ou", "AnyCompany", "--yes").status == 0
    job_id, since = find_only_job(enabled)["job_id"], sandbox.last_request()
    with closing(sqlite3.connect(tmp_path / "rootkeeper.db")) as connection, connection:
        connection.execute("UPDATE jobs SET state = 'running', ended_at = NULL")
    resumed = enabled.run("jobs", "resume", job_id, "--yes", "-o", "json")
    assert resumed.status == 0, resumed.shown
    assert resumed.json["summary"]["deleted"] == 3
    assert "Delete root user credentials in" not in resumed.stderr
    assert not count(sandbox.requests(since), "AssumeRoot")
    assert find_only_job(enabled)["state"] == "done"


def test_a_failed_canary_holds_the_rest_back_until_it_is_tried_again(enabled: Program, sandbox: SandboxProcess) -> None:
    refusal = {"code": "AccessDenied", "status": 403, "message": "no"}
    sandbox.faults(operation="DeleteAccessKey", error=refusal)
    sandbox.faults(operation="DeleteSigningCertificate", error=refusal)
    before = sandbox.accounts()
    run = enabled.run("delete", "--ou", "AnyCompany", "--canary", "1", "--yes", "-o", "json")
    assert run.status == 4, run.shown
    assert run.json["summary"]["not_begun"] == 2
    assert run.json["stopped_by"] == "1 of 1 canary accounts failed."
    sandbox.clear_faults()
    assert sum(sandbox.accounts()[account_id] != before[account_id] for account_id in UNIT) <= 1
    job_id = find_only_job(enabled)["job_id"]
    held = enabled.run("jobs", "resume", job_id, "--yes")
    assert held.status == 2, held.shown
    assert "--retry-failed" in held.stderr
    retried = enabled.run("jobs", "resume", job_id, "--retry-failed", "--yes", "-o", "json")
    assert retried.status == 0, retried.shown
    assert retried.json["summary"]["deleted"] == 3


def test_too_many_failures_hold_the_rest_back_until_a_user_resumes(enabled: Program, sandbox: SandboxProcess) -> None:
    for operation in ("DeleteAccessKey", "DeleteSigningCertificate"):
        sandbox.faults(operation=operation, error={"code": "AccessDenied", "status": 403, "message": "no"})
    rules = ("--wave", "1", "--stop-after-failures", "1")
    run = enabled.run("delete", "--ou", "AnyCompany", *rules, "--yes", "-o", "json")
    assert run.status == 4, run.shown
    assert (run.json["summary"]["failed"], run.json["summary"]["not_begun"]) == (1, 2)
    assert run.json["stopped_by"] == "1 account failed; the limit is 1."
    sandbox.clear_faults()
    resumed = enabled.run("jobs", "resume", find_only_job(enabled)["job_id"], "--yes", "-o", "json")
    assert resumed.status == 4, resumed.shown
    assert (resumed.json["summary"]["failed"], resumed.json["summary"]["deleted"]) == (1, 2)


def test_ctrl_c_during_an_audit_keeps_what_was_read_and_names_the_job(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    since = sandbox.last_request()
    ended, job_id = stop_audit_at_once(enabled, sandbox, "--fail-on", "none")
    assert ended.status == 130, ended.shown
    assert f"rootkeeper jobs resume {job_id}" in ended.stderr
    assert ended.stdout == ""
    job = find_only_job(enabled, "audit")
    assert job["state"] == "interrupted"
    assert 5 <= job["progress"]["done"] < 26

    dry = enabled.run("jobs", "resume", job_id, "--dry-run")
    assert (dry.status, "has no dry run" in dry.stderr) == (2, True), dry.shown
    resumed = enabled.run("jobs", "resume", job_id, "-o", "json")
    assert resumed.status == 0, resumed.shown  # nothing counts as a finding, as was said at first
    assert resumed.json["summary"]["accounts"] == 26
    assert resumed.json["summary"]["present"] == 14
    opened = count(sandbox.requests(since), "AssumeRoot")
    assert len(opened) == READABLE, "an account was forgotten"
    assert set(opened.values()) == {1}, f"accounts were read twice: {opened}"
    assert find_only_job(enabled, "audit")["state"] == "done"


def test_ctrl_c_twice_during_an_audit_stops_now(enabled: Program, sandbox: SandboxProcess, tmp_path: Path) -> None:
    sandbox.faults(operation="GetAccountSummary", account_id=EVERYTHING, latency_ms=600_000)
    since, others = sandbox.last_request(), sandbox.accounts().keys() - {EVERYTHING}
    with in_background(enabled, "audit") as run:
        run.wait_until(lambda: count(sandbox.requests(since), "GetAccountSummary").total() >= READABLE)
        run.wait_until(lambda: list_kept(tmp_path / "rootkeeper.db") == others)
        run.ask_to_stop()
        run.wait_for("Interrupt again to stop now.")
        run.ask_to_stop()
        ended = run.end()
    assert ended.status == 130, ended.shown
    sandbox.clear_faults()
    resumed = enabled.run("jobs", "resume", find_only_job(enabled, "audit")["job_id"], "-o", "json")
    assert resumed.status == 1, resumed.shown  # there are findings
    assert resumed.json["summary"]["accounts"] == 26
    assert resumed.json["summary"]["present"] == 14
    opened = count(sandbox.requests(since), "AssumeRoot")
    assert {account_id for account_id, number in opened.items() if number > 1} <= {EVERYTHING}
