"""``rootkeeper plan``, ``apply`` and ``delete`` as a user runs them."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.functional.conversation import converse
from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

UNIT = {"700080009000", "800090001000", "900010002000"}
EVERYTHING = "800090001000"
CERTIFICATE = "900010002000"
USED_YESTERDAY = "999900001111"
FAILSAFE = "222233334444"
STS_BURST = 600
"""Of AWS's published rate."""


def is_bare(sandbox: SandboxProcess, account_id: str) -> bool:
    user = sandbox.root_user(account_id)
    kinds = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
    return not any(user[kind] for kind in kinds)


def test_a_unit_is_emptied_and_nothing_else_is_touched(enabled: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.accounts()
    run = enabled.run("delete", "--ou", "AnyCompany", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    after = sandbox.accounts()
    assert all(is_bare(sandbox, account_id) for account_id in UNIT)
    assert {key: before[key] for key in before.keys() - UNIT} == {key: after[key] for key in after.keys() - UNIT}
    outcomes = {account["account_id"]: account["kinds"] for account in run.json["accounts"]}
    assert {kind["outcome"] for kind in outcomes[EVERYTHING].values()} == {"deleted"}
    assert outcomes[CERTIFICATE]["password"]["outcome"] == "already_absent"


def test_a_dry_run_shows_everything_and_changes_nothing(enabled: Program, sandbox: SandboxProcess) -> None:
    truth, before = sandbox.organization(), sandbox.last_request()
    run = enabled.run("delete", "--ou", "AnyCompany", "--dry-run", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["summary"] == {"accounts": 3, "to_delete": 3}
    assert sandbox.organization() == truth
    assert sandbox.operations(before, mutating=True) == []
    assert {request["task_policy"] for request in sandbox.requests(before)} <= {
        None,
        "IAMAuditRootUserCredentials",
    }


def test_the_prompt_is_in_plain_words_and_names_where_it_takes_place(enabled: Program, sandbox: SandboxProcess) -> None:
    with converse(enabled, "delete", EVERYTHING) as conversation:
        conversation.wait_for("signing certificates. Delete 1 certificate too? [y/N]")
        conversation.type("y")
        conversation.wait_for("Continue? [y/N]")
        conversation.type("y")
        assert conversation.end() == 0, conversation.text
    for said in (
        "Delete root user credentials in 1 account of o-exampleorgid",
        "The accounts stay. Deleted keys, certificates and MFA devices can't be restored.",
        "user/management-admin",
        sandbox.endpoint_label,
        "ago)",
    ):
        assert said in conversation.text
    assert is_bare(sandbox, EVERYTHING)


def test_certificates_can_be_declined_on_their_own(enabled: Program, sandbox: SandboxProcess) -> None:
    with converse(enabled, "delete", EVERYTHING) as conversation:
        conversation.wait_for("certificate too? [y/N]")
        conversation.type("n")
        conversation.wait_for("Continue? [y/N]")
        conversation.type("yes")
        assert conversation.end() == 0, conversation.text
    user = sandbox.root_user(EVERYTHING)
    assert len(user["signing_certificates"]) == 1
    assert not any(user[kind] for kind in ("password", "access_keys", "mfa_devices"))


@pytest.mark.parametrize("answer", ["y", pytest.param("o-anotherorgid", marks=pytest.mark.long)])
def test_more_than_ten_accounts_need_the_organization_id(
    enabled: Program, sandbox: SandboxProcess, answer: str
) -> None:
    truth = sandbox.organization()
    with converse(
        enabled, "delete", "--all", "--allow-recently-used", USED_YESTERDAY, "--reason", "rotated"
    ) as conversation:
        conversation.wait_for("certificates too? [y/N]")
        conversation.type("y")
        conversation.wait_for("Type o-exampleorgid to continue:")
        conversation.type(answer)
        assert conversation.end() == 2
    assert sandbox.organization() == truth


def test_what_was_used_lately_is_held_back_unless_it_is_allowed_with_a_reason(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    held = enabled.run("delete", USED_YESTERDAY, "--yes", "-o", "json")
    assert held.status == 1, held.shown
    assert held.json["accounts"][0]["reason"] == "recently_used"
    assert len(sandbox.root_user(USED_YESTERDAY)["access_keys"]) == 1
    arguments = ("delete", USED_YESTERDAY, "--allow-recently-used", USED_YESTERDAY, "--reason", "rotated", "--yes")
    allowed = enabled.run(*arguments)
    assert allowed.status == 0, allowed.shown
    assert is_bare(sandbox, USED_YESTERDAY)


def test_accounts_caught_by_a_unit_that_may_not_be_touched_are_skipped_with_the_reason(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    run = enabled.run("delete", "--ou", "Security", "--ou", "Suspended", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    reasons = {account["name"]: account["reason"] for account in run.json["accounts"]}
    assert reasons["Security"] == "failsafe"
    assert reasons["Old Website"] == "not_active"


def test_an_excepted_account_is_skipped_by_a_unit_and_refused_by_name(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    add = ("exceptions", "add", EVERYTHING, "--owner", "Ana", "--reason", "contract", "--until", "30d", "--yes")
    assert enabled.run(*add).status == 0
    caught = enabled.run("delete", "--ou", "AnyCompany", "--yes", "-o", "json")
    assert caught.status == 0, caught.shown
    assert {account["account_id"]: account["reason"] for account in caught.json["accounts"]}[EVERYTHING] == "exception"
    named = enabled.run("delete", EVERYTHING, "--yes")
    assert named.status == 2
    assert "Ana" in named.stderr
    assert enabled.run("exceptions", "remove", EVERYTHING, "--yes").status == 0
    assert enabled.run("delete", EVERYTHING, "--yes").status == 0
    assert is_bare(sandbox, EVERYTHING)


def test_a_plan_is_a_private_file_that_apply_does_exactly(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    truth, before = sandbox.organization(), sandbox.last_request()
    planned = enabled.run("plan", "--ou", "AnyCompany", "--out", plan)
    assert planned.status == 0, planned.shown
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert sandbox.organization() == truth
    assert sandbox.operations(before, mutating=True) == []
    applied = enabled.run("apply", plan, "--yes")
    assert applied.status == 0, applied.shown
    assert "3 accounts: 3 deleted." in applied.stderr
    assert all(is_bare(sandbox, account_id) for account_id in UNIT)
    again = enabled.run("plan", "--ou", "AnyCompany", "--out", plan)
    assert (again.status, again.stdout) == (0, "")
    assert "Already absent: 3 accounts, not shown here." in again.stderr
    assert enabled.run("plan", CERTIFICATE, "--out", plan, "--fail-on", "unknown").status == 0


def test_apply_leaves_an_account_alone_that_has_changed_since_the_plan(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    enabled.run("plan", "--ou", "AnyCompany", "--out", plan)
    user = sandbox.root_user(CERTIFICATE)
    sandbox.put_root_user(CERTIFICATE, user | {"password": True})
    applied = enabled.run("apply", plan, "--yes", "-o", "json")
    assert applied.status == 4, applied.shown
    reasons = {account["account_id"]: account["reason"] for account in applied.json["accounts"]}
    assert reasons[CERTIFICATE] == "changed_since_plan"
    assert sandbox.root_user(CERTIFICATE)["password"] is True
    assert is_bare(sandbox, EVERYTHING)


def test_p12_a_plan_of_the_failsafe_is_applied_only_if_the_failsafe_is_named_again(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    included = ("--include-failsafe", FAILSAFE)
    assert enabled.run("plan", FAILSAFE, *included, "--out", plan, "--fail-on", "none").status == 0
    truth = sandbox.organization()
    run = enabled.run("apply", plan, "--yes")
    assert run.status == 2, run.shown
    assert f"The plan includes the failsafe {FAILSAFE}" in run.stderr
    assert sandbox.organization() == truth
    assert enabled.run("apply", plan, *included, "--dry-run").status == 0


def test_a_plan_that_is_not_valid_yet_waits(enabled: Program, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    enabled.run("plan", "--ou", "AnyCompany", "--out", plan, "--not-before", "1h")
    run = enabled.run("apply", plan, "--yes")
    assert run.status == 2
    assert "isn't valid before" in run.stderr


def test_only_some_kinds_can_be_chosen_but_no_password_loses_its_mfa(enabled: Program, sandbox: SandboxProcess) -> None:
    refused = enabled.run("delete", EVERYTHING, "--only", "mfa_devices", "--yes")
    assert refused.status == 2, refused.shown
    chosen = enabled.run("delete", EVERYTHING, "--only", "access_keys", "--yes")
    assert chosen.status == 0, chosen.shown
    user = sandbox.root_user(EVERYTHING)
    assert user["access_keys"] == []
    assert all(user[kind] for kind in ("password", "mfa_devices", "signing_certificates"))


def test_an_account_that_cannot_be_read_is_a_failure_and_stops_no_other(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    run = enabled.run("delete", "--ou", "AnyCompany", "--ou", "Regulated", "--yes")
    assert run.status == 4, run.shown
    assert all(is_bare(sandbox, account_id) for account_id in UNIT)
    assert "Unknown" in run.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("delete", EVERYTHING, "--dry-run"),
        ("plan", EVERYTHING, "--out", "plan-of-a-share.json"),
        ("apply", "/dev/null"),
        ("preflight", EVERYTHING),
        ("jobs", "resume", "j-0000000000"),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("share", ["0", "101", "much"])
def test_a_share_of_the_quotas_is_a_percentage(program: Program, command: tuple[str, ...], share: str) -> None:
    run = program.run(*command, "--api-share", share)
    assert run.status == 2, run.shown
    assert "--api-share" in run.stderr


def test_a_deletion_leaves_room_to_other_tools_when_set_to(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    run = enabled.run("delete", EVERYTHING, "--yes", "--api-share", "50")
    assert run.status == 0, run.shown
    assert is_bare(sandbox, EVERYTHING)
    with closing(sqlite3.connect(tmp_path / "rootkeeper.db")) as connection:
        rows = connection.execute("SELECT tokens FROM quota_states WHERE quota LIKE '%sts:*'").fetchall()
    assert [0 < tokens <= STS_BURST / 2 for (tokens,) in rows] == [True]


@pytest.mark.parametrize("ending", [("--dry-run",), ("--yes",)], ids=" ".join)
def test_remarks_on_blocked_accounts_name_the_policy_and_the_preflight(
    enabled: Program, sandbox: SandboxProcess, ending: tuple[str, ...]
) -> None:
    (policy,) = (one["policy_id"] for one in sandbox.organization()["policies"] if one["name"] == "DenyRootUser")
    run = enabled.run("delete", "--ou", "Regulated", *ending)
    assert run.status == (1 if ending == ("--dry-run",) else 4), run.shown
    assert run.stdout.count(f"Blocked by {policy}, see below.") == 2
    assert "rootkeeper preflight 565678789090 454567678989\n" in run.stderr
    assert policy in run.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(("unit", "status"), [("Regulated", 4), ("AnyCompany", 74)])
def test_a_failed_deletion_says_so_though_its_result_cannot_be_written(
    enabled: Program, unit: str, status: int
) -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "rootkeeper", "delete", "--ou", unit, "--yes"],
            env=enabled.surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == status, finished.stderr
    assert "error: The answer can't be written to stdout: No space left on device." in finished.stderr
