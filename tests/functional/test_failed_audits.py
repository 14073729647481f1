"""Audits that can't read what they should: what was read before stays, in every answer, and no gate turns green."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.functional.administration import open_client
from tests.functional.running import Program, Run
from tests.sandbox_process import SandboxProcess

FAILSAFE = "222233334444"
PRESENT = 14
STOP_AFTER = 20
UNREAD = 5
"""The exit status of a gate whose audit didn't read all that it should."""
DENIED = {
    "code": "AccessDenied",
    "status": 403,
    "message": "User is not authorized to perform: sts:AssumeRoot because no identity-based policy allows it",
}


@pytest.fixture
def audited(enabled: Program) -> Program:
    """With one good audit in its database."""
    run = enabled.run("audit", "-o", "json")
    assert run.status == 1, run.shown
    assert run.json["summary"]["present"] == PRESENT
    return enabled


def become(sandbox: SandboxProcess, principal: str) -> Mapping[str, str | None]:
    """Variables with the credentials of another person."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    found = sandbox.environment(principal)
    return {name: found.get(name) for name in names}


@pytest.fixture
def weak(sandbox: SandboxProcess) -> Mapping[str, str | None]:
    """The credentials of a user who may list the organization but open no root session."""
    iam = open_client("iam", sandbox.base_url, sandbox.principals()["management-admin"])
    iam.create_user(UserName="weak")
    statement = {"Effect": "Allow", "Action": ["organizations:*", "iam:Get*", "iam:List*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="weak", PolicyName="reading", PolicyDocument=document)
    key = iam.create_access_key(UserName="weak")["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_SESSION_TOKEN": None,
    }


def report(program: Program, *arguments: str, **changes: str | None) -> Run:
    return program.run("report", "--from", "1d", "--format", "json", *arguments, **changes)


def list_accounts(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {account["account_id"]: account for account in answer["accounts"]}


def count_root_sessions(sandbox: SandboxProcess, since: int) -> int:
    return sum(operation == "AssumeRoot" for operation, _ in sandbox.operations(since))


def test_p06_an_audit_whose_root_sessions_are_all_denied_turns_no_gate_green(
    audited: Program, sandbox: SandboxProcess, weak: Mapping[str, str | None]
) -> None:
    before = report(audited, "--fail-on", "present")
    assert before.status == 1, before.shown
    requests = sandbox.last_request()
    run = audited.run("audit", "-o", "json", **weak)
    assert run.status == 3, run.shown
    assert "AWS denied sts:AssumeRoot in each of the first 20 accounts" in run.stderr
    assert "sts:AssumeRoot" in run.stderr.partition("hint:")[2]
    assert count_root_sessions(sandbox, requests) == STOP_AFTER
    after = report(audited, "--fail-on", "present")
    assert after.status == 1, after.shown
    left = after.json["root_logins_left_to_secure"]
    assert (left["known"], left["unknown"], left["unread"]) == (
        before.json["root_logins_left_to_secure"]["known"],
        before.json["root_logins_left_to_secure"]["unknown"],
        STOP_AFTER,
    )
    assert after.json["verdicts"]["no_root_credentials"] == before.json["verdicts"]["no_root_credentials"]
    was = list_accounts(before.json)
    for account_id, account in list_accounts(after.json).items():
        if was[account_id]["status"] == "unknown":
            assert account["status"] == "unknown"
            continue
        attempt = account.pop("failed_attempt")
        assert account == {name: value for name, value in was[account_id].items() if name != "failed_attempt"}
        if attempt is not None:
            assert attempt["by"].endswith("user/weak")
            assert attempt["reason"] == "access_denied"


def test_the_evidence_of_before_is_in_every_format_after_a_failed_audit(
    audited: Program, weak: Mapping[str, str | None]
) -> None:
    assert audited.run("audit", **weak).status == 3
    for form in ("html", "csv", "markdown", "oscal", "sarif", "ocsf", "asff", "junit"):
        run = audited.run("report", "--from", "1d", "--format", form, "--fail-on", "present")
        assert run.status == 1, f"{form}: {run.shown[-2000:]}"
    run = audited.run("report", "--from", "1d", "--format", "markdown")
    assert "Root logins left to secure: 15 known, 2 unknown, 20 unread" in run.stdout
    assert "The last attempt to read it failed" in run.stdout
    rows = audited.run("report", "--from", "1d", "--format", "csv").stdout
    assert rows.count("The last attempt to read it failed") > 10


def test_a_caller_of_an_account_that_aws_does_not_allow_opens_no_root_session(
    audited: Program, sandbox: SandboxProcess
) -> None:
    requests = sandbox.last_request()
    run = audited.run("audit", **become(sandbox, "member-admin"))
    assert run.status == 3, run.shown
    assert count_root_sessions(sandbox, requests) == 0
    assert "is in account" in run.stderr
    assert report(audited, "--fail-on", "present").status == 1


def test_half_of_the_accounts_denied_leaves_their_readings_and_fails_the_gate(
    audited: Program, sandbox: SandboxProcess
) -> None:
    before = report(audited).json
    members = [
        account["account_id"] for account in before["accounts"] if account["status"] in ("present", "not_present")
    ]
    denied = members[::2]
    for account_id in denied:
        sandbox.faults(operation="AssumeRoot", account_id=account_id, error=DENIED)
    run = audited.run("audit", "-o", "json", "--fail-on", "present")
    assert run.status == 1, run.shown
    assert run.json["summary"]["present"] == PRESENT
    assert run.json["root_logins_left_to_secure"]["unread"] == len(denied) + 2
    assert f"14 present, 2 unknown, {len(denied) + 2} unread" in run.stderr
    accounts = list_accounts(run.json)
    for account_id in denied:
        assert accounts[account_id]["status"] in ("present", "not_present")
        assert accounts[account_id]["failed_attempt"]["reason"] == "access_denied"
    after = report(audited).json
    assert after["summary"] == before["summary"]
    assert after["root_logins_left_to_secure"]["known"] == before["root_logins_left_to_secure"]["known"]
    sandbox.clear_faults()
    again = audited.run("audit", "-o", "json")
    assert all(account["failed_attempt"] is None for account in again.json["accounts"])


def test_a_gate_without_findings_ends_with_its_own_status_if_accounts_were_not_read(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    """Only an account without credentials is audited, so that nothing is present."""
    clean = "666677778888"
    good = enabled.run("audit", clean)
    assert good.status == 0, good.shown
    sandbox.faults(operation="AssumeRoot", account_id=clean, error=DENIED)
    run = enabled.run("audit", clean, "-o", "json")
    assert run.status == UNREAD, run.shown
    assert (run.json["accounts"][0]["status"], run.json["summary"]["not_present"]) == ("not_present", 1)
    for words in ("present", "unknown", "unread"):
        assert enabled.run("audit", clean, "--fail-on", words).status == UNREAD
    assert enabled.run("audit", clean, "--fail-on", "none").status == 0
    shown = enabled.run("audit", clean)
    assert "Not present, not read now" in shown.stdout
    assert "Root logins left to secure: 0 known, 0 unknown, 1 unread" in shown.stdout


def test_an_account_that_was_never_read_is_unknown_after_a_denial(enabled: Program, sandbox: SandboxProcess) -> None:
    clean = "666677778888"
    sandbox.faults(operation="AssumeRoot", account_id=clean, error=DENIED)
    run = enabled.run("audit", clean, "-o", "json")
    assert (run.status, run.json["accounts"][0]["status"]) == (1, "unknown")
    assert enabled.run("audit", clean, "--fail-on", "present").status == UNREAD


def test_a_stale_reading_counts_as_unknown_after_a_failed_audit(audited: Program, sandbox: SandboxProcess) -> None:
    sandbox.faults(operation="AssumeRoot", error=DENIED)
    changes = {"ROOTKEEPER_AWS_STOP_AFTER_DENIED": "1000"}
    fresh = audited.run("audit", "-o", "json", **changes)
    assert fresh.json["summary"]["present"] == PRESENT
    later = report(audited, "--to", "2100-01-01", "--stale-after", "3650d", "--fail-on", "present")
    assert later.json["summary"]["unknown"] > PRESENT  # in 2100 each reading is stale
    assert later.status == UNREAD
    assert later.json["summary"]["pass"] == 0


@pytest.mark.long
def test_an_audit_that_is_killed_in_the_middle_leaves_the_evidence_of_before(
    audited: Program, sandbox: SandboxProcess
) -> None:
    before = report(audited).json
    sandbox.faults(operation="AssumeRoot", error=DENIED, latency_ms=200)
    requests = sandbox.last_request()
    slow = {"ROOTKEEPER_AWS_STOP_AFTER_DENIED": "1000", "ROOTKEEPER_AWS_CONCURRENCY": "1"}
    with replace(audited, environment={**audited.environment, **slow}).start("audit") as process:
        end = time.monotonic() + 60
        while count_root_sessions(sandbox, requests) < 5:
            assert time.monotonic() < end, "no account was tried"
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    after = report(audited).json
    assert after["summary"] == before["summary"]
    assert after["root_logins_left_to_secure"]["known"] == before["root_logins_left_to_secure"]["known"]
    assert report(audited, "--fail-on", "present").status == 1


def test_a_diff_shows_what_the_failed_audit_itself_read(audited: Program, sandbox: SandboxProcess) -> None:
    account_id = "888899990000"
    sandbox.faults(operation="AssumeRoot", account_id=account_id, error=DENIED)
    audited.run("audit")
    run = audited.run("diff", "-o", "json", "--fail-on", "unknown")
    assert run.status == 1, run.shown
    (changed,) = [account for account in run.json["accounts"] if account["account_id"] == account_id]
    assert changed["after"]["status"] == "unknown"
    assert {kind["change"] for kind in changed["credentials"]} == {"unread"}


def test_a_plan_never_rests_on_the_reading_beside_a_failed_attempt(audited: Program, sandbox: SandboxProcess) -> None:
    account_id = "888899990000"
    assert audited.run("audit", account_id, "--details").status == 1
    sandbox.faults(operation="AssumeRoot", account_id=account_id, error=DENIED)
    run = audited.run("delete", account_id, "--dry-run", "-o", "json")
    (account,) = run.json["accounts"]
    assert account["reason"] == "unknown", run.shown
    assert not any(account["delete"].values())
    assert run.status == 1
