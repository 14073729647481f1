"""``rootkeeper recover`` and ``windows`` as a user runs them."""

from __future__ import annotations

import json
import re
import signal
import time

import pytest

from rootkeeper.shipped_policies.rules import RoleTargets, ShippedRole, make_role
from rootkeeper.shipped_policies.trust import RoleTrust, parse_principal
from tests.functional.administration import open_client
from tests.functional.conversation import converse
from tests.functional.running import SECONDS, Program
from tests.sandbox_process import SandboxProcess

CLEAN = "400050006000"
MANAGEMENT = "111122223333"
EMAIL = "aws+shop-test@example.com"


def may_recover(sandbox: SandboxProcess) -> bool:
    return bool(sandbox.root_user(CLEAN)["recovery_allowed"])


def leave_open(program: Program) -> str:
    """A window of four hours that nothing closes; returns its id."""
    run = program.run("recover", CLEAN, "--reason", "Close it", "--for", "4h", "--leave-open", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    window_id: str = run.json["window_id"]
    return window_id


def test_the_window_closes_at_its_end_and_a_re_read_shows_it(enabled: Program, sandbox: SandboxProcess) -> None:
    run = enabled.run(
        "recover", CLEAN, "--reason", "Close it", "--ticket", "OPS-1", "--for", "10s", "--yes", "-o", "json"
    )
    assert run.status == 0, run.shown
    assert run.json["state"] == "CLOSED_VERIFIED"
    assert run.json["ticket"] == "OPS-1"
    assert run.json["approved_by"] == []
    assert not may_recover(sandbox)
    for said in (EMAIL, "forgot-password", "unapproved"):
        assert said in run.stderr


def test_a_drill_is_called_one_before_and_after_it(enabled: Program) -> None:
    drill = ("recover", CLEAN, "--reason", "Practise", "--for", "10s", "--drill")
    planned = enabled.run(*drill, "--dry-run")
    assert "for 10s, as a drill." in planned.stderr, planned.shown
    assert "This command waits until the end of the window, or until Ctrl-C" in " ".join(planned.stderr.split())
    run = enabled.run(*drill, "--yes", "-o", "json")
    assert (run.status, run.json["state"]) == (0, "CLOSED_VERIFIED"), run.shown
    assert "This command waits and closes the window at" in run.stderr
    report = enabled.run("windows", "report", run.json["window_id"])
    assert report.stdout.startswith("# Drill "), report.shown


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, marks=pytest.mark.long),
    ],
)
def test_a_signal_closes_the_window_at_once(enabled: Program, sandbox: SandboxProcess, number: signal.Signals) -> None:
    with enabled.start("recover", CLEAN, "--reason", "x", "--for", "1h", "--yes") as process:
        end = time.monotonic() + SECONDS
        while not may_recover(sandbox) and time.monotonic() < end:
            time.sleep(0.1)
        assert may_recover(sandbox)
        process.send_signal(number)
        shown, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, shown + said
    assert "CLOSED_VERIFIED" in shown
    assert not may_recover(sandbox)


def test_a_person_sees_how_long_it_lasts_and_ends_it_with_ctrl_c(enabled: Program, sandbox: SandboxProcess) -> None:
    with converse(enabled, "recover", CLEAN, "--reason", "x", "--for", "1h") as conversation:
        conversation.wait_for("Continue? [y/N]")
        conversation.type("y")
        conversation.wait_for("Ctrl-C closes it now.")
        conversation.process.send_signal(signal.SIGINT)
        assert conversation.end() == 0, conversation.text
    assert "Closed" in conversation.text
    assert not may_recover(sandbox)


def test_a_window_left_open_says_that_nothing_will_close_it_and_when_it_is_due(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    run = enabled.run("recover", CLEAN, "--reason", "x", "--for", "2h", "--leave-open", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["state"] == "OPEN"
    assert "Nothing closes this window" in run.stderr
    assert run.json["expires_at"][:10] in run.stderr
    assert may_recover(sandbox)


def test_a_dry_run_opens_nothing(enabled: Program, sandbox: SandboxProcess) -> None:
    truth, before = sandbox.organization(), sandbox.last_request()
    run = enabled.run("recover", CLEAN, "--reason", "x", "--dry-run")
    assert run.status == 0, run.shown
    assert sandbox.organization() == truth
    assert sandbox.operations(before, mutating=True) == []
    assert enabled.run("windows", "list", "-o", "json").json["windows"] == []


def assume_role(sandbox: SandboxProcess) -> dict[str, str]:
    """Session keys of the recover role as an access portal shows them: without their end."""
    iam, sts = (
        open_client(name, sandbox.base_url, sandbox.principals()["management-admin"]) for name in ("iam", "sts")
    )
    role = make_role(ShippedRole.RECOVER, RoleTargets("aws"), RoleTrust((parse_principal(MANAGEMENT, "aws", "It"),)))
    people = {"Effect": "Allow", "Principal": {"AWS": MANAGEMENT}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [people]})
    made = iam.create_role(
        RoleName=role.name, AssumeRolePolicyDocument=trust, MaxSessionDuration=role.max_session_seconds
    )
    iam.put_role_policy(RoleName=role.name, PolicyName="given", PolicyDocument=json.dumps(role.permission_policy))
    keys = sts.assume_role(
        RoleArn=made["Role"]["Arn"], RoleSessionName="ana", DurationSeconds=role.max_session_seconds
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
        "AWS_CREDENTIAL_EXPIRATION": keys["Expiration"].isoformat(),
    }


def test_a_session_of_the_recover_role_lasts_for_the_window_and_its_closing(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    keys = assume_role(sandbox)
    plan = ("recover", CLEAN, "--reason", "x", "--dry-run")
    run = enabled.run(*plan, **keys)
    assert run.status == 0, run.shown
    too_long = enabled.run(*plan, "--for", "12h", **keys)
    assert too_long.status == 3, too_long.shown
    longest = re.search(r"The longest window possible now is (\d+m)", too_long.stderr)
    assert longest is not None, too_long.shown
    assert f"--for {longest[1]}" in too_long.stderr
    assert enabled.run(*plan, "--for", f"{int(longest[1][:-1]) - 1}m", **keys).status == 0

    del keys["AWS_CREDENTIAL_EXPIRATION"]
    unknown = enabled.run(*plan, "--for", "1h", **keys)
    assert unknown.status == 3, unknown.shown
    assert "--credentials-end TIME" in unknown.stderr
    for statement in (("--credentials-end", "2h"), ("--credentials-outlive-window",)):
        stated = enabled.run(*plan, "--for", "1h", *statement, **keys)
        assert stated.status == 0, stated.shown
        assert "You state about the AWS credentials that" in stated.stderr
    both = enabled.run(*plan, "--credentials-end", "2h", "--credentials-outlive-window", **keys)
    assert both.status == 2, both.shown


def test_windows_are_listed_shown_and_closed(enabled: Program, sandbox: SandboxProcess) -> None:
    window_id = leave_open(enabled)
    (listed,) = enabled.run("windows", "list", "-o", "json").json["windows"]
    assert (listed["window_id"], listed["account_id"], listed["state"]) == (window_id, CLEAN, "OPEN")
    for named in (window_id, CLEAN, "Shop Test"):
        assert enabled.run("windows", "show", named, "-o", "json").json["window_id"] == window_id
    closed = enabled.run("windows", "close", CLEAN, "--yes", "-o", "json")
    assert closed.status == 0, closed.shown
    assert closed.json["state"] == "CLOSED_VERIFIED"
    assert not may_recover(sandbox)
    again = enabled.run("windows", "close", window_id, "--yes")
    assert again.status == 0, again.shown


def test_a_second_window_for_the_account_is_refused(enabled: Program) -> None:
    leave_open(enabled)
    run = enabled.run("recover", CLEAN, "--reason", "x", "--leave-open", "--yes")
    assert run.status == 2, run.shown
    assert "windows close" in run.stderr


def test_an_open_window_is_shown_by_audit_and_keeps_delete_away(enabled: Program, sandbox: SandboxProcess) -> None:
    leave_open(enabled)
    audited = enabled.run("audit", CLEAN, "-o", "json")
    assert audited.json["accounts"][0]["status"] == "recovery_open"
    deleted = enabled.run("delete", CLEAN, "--yes")
    assert deleted.status == 2, deleted.shown
    assert may_recover(sandbox)


def test_an_overdue_window_is_named_by_reading_and_closed_first_by_changing_commands(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    window_id = leave_open(enabled)
    sandbox.clock(advance=5 * 3600)
    for arguments in (("status",), ("audit", CLEAN), ("windows", "list"), ("delete", "AnyCompany Data", "--dry-run")):
        named = enabled.run(*arguments)
        assert f"ALERT: recovery window {window_id}" in named.stderr, named.shown
    assert may_recover(sandbox)
    changing = enabled.run("delete", "AnyCompany Data", "--yes")
    assert changing.status == 0, changing.shown
    assert window_id in changing.stderr
    assert not may_recover(sandbox)
