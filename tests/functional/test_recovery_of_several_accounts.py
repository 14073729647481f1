"""``rootkeeper recover`` for several accounts: one question, a window each, refused as a whole before any opens."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.functional.background import in_background
from tests.functional.conversation import converse
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program, Run
from tests.sandbox_process import SandboxProcess

TEST, PROD, ARCHIVE = "400050006000", "777788889999", "333344445555"
"""Accounts without root user credentials."""
NAMES = (TEST, "Shop Prod", ARCHIVE)
MANAGEMENT, FAILSAFE, BLOCKED = "111122223333", "222233334444", "454567678989"
WITH_PASSWORD = "555566667777"
NOWHERE = "postgresql+psycopg://rootkeeper@127.0.0.1:1/rootkeeper"


def list_open(sandbox: SandboxProcess) -> set[str]:
    accounts = sandbox.accounts()
    return {account_id for account_id in (TEST, PROD, ARCHIVE) if accounts[account_id]["root_user"]["recovery_allowed"]}


def wait_until_open(sandbox: SandboxProcess, wanted: set[str]) -> None:
    end = time.monotonic() + 60
    while list_open(sandbox) != wanted:
        assert time.monotonic() < end, list_open(sandbox)
        time.sleep(0.2)


def list_states(run: Run) -> list[tuple[str, str]]:
    require_fits(run.json, "recoveries")
    return [(window["account_id"], window["state"]) for window in run.json["windows"]]


def list_failed(run: Run) -> list[str]:
    return [failure["account_id"] for failure in run.json["failures"]]


def count_actions(program: Program, account_id: str) -> Counter[tuple[str, str]]:
    entries: Sequence[dict[str, Any]] = program.run("ledger", "list", "--account", account_id, "-o", "json").json[
        "entries"
    ]
    return Counter((entry["action"], entry["phase"]) for entry in entries)


def test_each_account_gets_a_window_of_its_own_as_it_gets_alone(enabled: Program, sandbox: SandboxProcess) -> None:
    run = enabled.run(
        "recover", TEST, "Shop Prod", "--reason", "Close", "--ticket", "OPS-1", "--for", "10s", "--yes", "-o", "json"
    )
    assert run.status == 0, run.shown
    assert list_states(run) == [(TEST, "CLOSED_VERIFIED"), (PROD, "CLOSED_VERIFIED")]
    assert run.json["failures"] == []
    assert {(window["reason"], window["ticket"]) for window in run.json["windows"]} == {("Close", "OPS-1")}
    assert len({window["window_id"] for window in run.json["windows"]}) == 2
    for account_id in (TEST, PROD):
        assert f"Closed: a re-read shows no root user credentials in {account_id}." in run.stderr
    assert list_open(sandbox) == set()

    alone = enabled.run("recover", ARCHIVE, "--reason", "Close", "--for", "10s", "--yes", "-o", "json")
    require_fits(alone.json, "window")
    expected = count_actions(enabled, ARCHIVE)
    assert {expected[action, "outcome"] for action in ("window:request", "window:open")} == {1}
    assert count_actions(enabled, TEST) == count_actions(enabled, PROD) == expected


def test_if_one_account_cannot_be_recovered_nothing_opens_and_each_cause_is_named(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    held = enabled.run("recover", "Audit", "--reason", "x", "--for", "1h", "--leave-open", "--yes")
    assert held.status == 0, held.shown
    suspended = next(key for key, account in sandbox.accounts().items() if account["state"] == "SUSPENDED")
    causes = {
        "No Such Name": "No account is named",
        "909090909090": "isn't in the organization",
        MANAGEMENT: "is the management account",
        FAILSAFE: "is a failsafe",
        suspended: "only ACTIVE accounts can be recovered",
        WITH_PASSWORD: "has a root password already",
        BLOCKED: "A policy blocks",
        "444455556666": "has recovery window",
        "Shop Test": "Account 400050006000 is named twice",
    }
    before = sandbox.last_request()
    run = enabled.run("recover", TEST, *causes, PROD, "--reason", "x", "--leave-open", "--yes", "-o", "json")
    assert run.status == 3, run.shown
    assert "9 accounts of 11 can't be recovered now, so nothing was requested or opened." in run.stderr
    for name, cause in causes.items():
        (line,) = [line for line in run.stderr.splitlines() if line.startswith(f"{name}: ")]
        assert cause in line
    fix = run.stderr.partition("hint: Change the policy first:\n")[2].splitlines()
    assert '+          "aws:AssumedRoot": "true"' in fix
    assert (run.stdout, sandbox.operations(before, mutating=True), list_open(sandbox)) == ("", [], set())
    windows = enabled.run("windows", "list", "-o", "json").json["windows"]
    assert [window["account_id"] for window in windows] == ["444455556666"]


def test_a_refusal_that_is_about_no_account_is_shown_once(program: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.last_request()
    run = program.run("recover", TEST, PROD, "--reason", "x", "--yes")
    assert run.status == 3, run.shown
    assert run.stderr.count("so password recovery can't be allowed") == 1
    assert sandbox.operations(before, mutating=True) == []


def test_a_dry_run_checks_every_account_and_opens_nothing(enabled: Program, sandbox: SandboxProcess) -> None:
    truth, before = sandbox.organization(), sandbox.last_request()
    run = enabled.run("recover", *NAMES, "--reason", "Practise", "--for", "2h", "--drill", "--dry-run")
    assert run.status == 0, run.shown
    assert "Allow password recovery for the root users of 3 accounts for 2h, until about" in run.stderr
    assert "as a drill: Practise" in run.stderr
    assert f"{PROD}  Shop Prod    aws+" in run.stderr
    assert run.stderr.count("No one approves this window") == 1
    assert (sandbox.organization(), sandbox.operations(before, mutating=True)) == (truth, [])
    assert enabled.run("recover", TEST, MANAGEMENT, "--reason", "x", "--dry-run").status == 2
    assert enabled.run("windows", "list", "-o", "json").json["windows"] == []


def test_a_person_answers_once_and_ctrl_c_closes_every_window(enabled: Program, sandbox: SandboxProcess) -> None:
    with converse(enabled, "recover", TEST, PROD, "--reason", "x", "--for", "1h") as conversation:
        conversation.wait_for("Continue? [y/N]")
        assert list_open(sandbox) == set()
        conversation.type("y")
        conversation.wait_for("2 windows are open. The first closes in")
        assert list_open(sandbox) == {TEST, PROD}
        conversation.process.send_signal(signal.SIGINT)
        assert conversation.end() == 0, conversation.text
    assert conversation.text.count("Continue?") == 1
    assert conversation.text.count("CLOSED_VERIFIED") == 2
    assert list_open(sandbox) == set()


def test_ctrl_c_while_windows_are_opened_opens_no_more_and_closes_those_that_are_open(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    sandbox.faults(service="iam", operation="CreateLoginProfile", account_id=PROD, latency_ms=6_000, times=1)
    arguments = ("recover", *NAMES, "--reason", "x", "--for", "1h", "--yes", "-o", "json")
    with in_background(enabled, *arguments) as waiting:
        waiting.wait_for(f"Account {PROD} (Shop Prod):")
        waiting.ask_to_stop()
        run = waiting.end()
    assert run.status == 4, run.shown
    assert list_states(run) == [(TEST, "CLOSED_VERIFIED"), (PROD, "CLOSED_VERIFIED")]
    assert list_failed(run) == [ARCHIVE]
    assert list_open(sandbox) == set()


def test_left_open_each_window_is_named_with_the_command_that_closes_it(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    run = enabled.run("recover", TEST, PROD, "--reason", "x", "--drill", "--leave-open", "--yes", "-o", "jsonl")
    assert run.status == 0, run.shown
    assert len(run.stdout.splitlines()) == 2
    assert list_open(sandbox) == {TEST, PROD}
    for window in enabled.run("windows", "list", "-o", "json").json["windows"]:
        assert (window["state"], window["is_drill"]) == ("OPEN", True)
        assert f"rootkeeper windows close {window['window_id']}" in run.stderr


def test_an_opening_that_fails_is_named_and_does_not_hide_the_others(enabled: Program, sandbox: SandboxProcess) -> None:
    refusal = {"code": "ServiceFailure", "status": 500, "message": "broken"}
    sandbox.faults(service="iam", operation="CreateLoginProfile", account_id=PROD, error=refusal)
    run = enabled.run("recover", *NAMES, "--reason", "x", "--for", "15s", "--yes", "-o", "json")
    assert run.status == 4, run.shown
    assert list_states(run) == [(TEST, "CLOSED_VERIFIED"), (PROD, "CANCELLED"), (ARCHIVE, "CLOSED_VERIFIED")]
    assert list_failed(run) == [PROD]
    assert f"Opening or closing failed, or isn't proven, in 1 account of 3: {PROD}." in run.stderr
    assert list_open(sandbox) == set()


def test_a_closing_that_fails_does_not_delay_the_others(enabled: Program, sandbox: SandboxProcess) -> None:
    arguments = ("recover", TEST, PROD, "--reason", "x", "--for", "15s", "--yes", "-o", "json")
    with in_background(enabled, *arguments) as waiting:
        wait_until_open(sandbox, {TEST, PROD})
        refusal = {"code": "ServiceFailure", "status": 500, "message": "broken"}
        sandbox.faults(service="iam", operation="DeleteLoginProfile", account_id=TEST, error=refusal)
        wait_until_open(sandbox, {TEST})
        waiting.wait_for("isn't closed")
        waiting.ask_to_stop()
        time.sleep(1)
        waiting.ask_to_stop()
        run = waiting.end()
    assert run.status == 4, run.shown
    assert list_states(run) == [(TEST, "CLOSE_FAILED"), (PROD, "CLOSED_VERIFIED")]
    assert list_failed(run) == [TEST]
    sandbox.clear_faults()
    assert enabled.run("windows", "close", TEST, "--yes").status == 0
    assert list_open(sandbox) == set()


def test_p11_a_slow_opening_does_not_delay_the_end_of_an_earlier_window(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    sandbox.faults(service="iam", operation="CreateLoginProfile", account_id=PROD, latency_ms=20_000, times=1)
    run = enabled.run("recover", TEST, PROD, "--reason", "x", "--for", "10s", "--yes", "-o", "json")
    assert list_states(run)[0] == (TEST, "CLOSED_VERIFIED"), run.shown
    first = run.json["windows"][0]
    late = datetime.fromisoformat(first["closed_at"]) - datetime.fromisoformat(first["expires_at"])
    assert late <= timedelta(seconds=10)


@pytest.mark.parametrize("database", [None, NOWHERE])
def test_in_an_emergency_each_window_owes_a_review_and_one_file_has_them_all(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path, database: str | None
) -> None:
    changes = {"ROOTKEEPER_WINDOWS_EMERGENCY": "true", "XDG_DATA_HOME": str(tmp_path / "data")}
    if database is not None:
        changes["ROOTKEEPER_DATABASE_URL"] = database
    run = enabled.run(
        "recover",
        TEST,
        PROD,
        "--emergency",
        "--reason",
        "All is down",
        "--for",
        "10s",
        "--yes",
        "-o",
        "json",
        **changes,
    )
    assert run.status == 0, run.shown
    assert run.stderr.count("EMERGENCY: the windows open without approval.") == 1
    assert list_states(run) == [(TEST, "CLOSED_VERIFIED"), (PROD, "CLOSED_VERIFIED")]
    assert all(window["is_emergency"] and window["review_due_at"] for window in run.json["windows"])
    files = list((tmp_path / "data" / "rootkeeper").glob("emergency-*.db"))
    assert len(files) == (0 if database is None else 1)
