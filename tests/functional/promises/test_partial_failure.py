"""P14 and P06: one account that fails stops no other, and shows in the summary, every format and the exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.promises.forked_runs import ForkingProgram
from tests.functional.promises.stage import EVERYTHING, MANAGEMENT, UNIT, Stage, assert_clean_ending, find_kinds
from tests.functional.running import Run
from tests.sandbox_process import SandboxProcess

ACCOUNTS = 500
DENIED = {"code": "AccessDenied", "status": 403, "message": "refused on purpose"}
BROKEN = {"code": "ServiceFailure", "status": 500, "message": "broken on purpose"}
BLOCKED = "565678789090"
"""Under an SCP that denies root."""


@pytest.fixture(scope="module")
def big_stage(tmp_path_factory: pytest.TempPathFactory, forking: ForkingProgram) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("big")
    (folder / "temporary").mkdir()
    with SandboxProcess.start("--accounts", str(ACCOUNTS), "--seed", "3", "--features", "all") as sandbox:
        yield Stage(sandbox, folder, forking)


def describe_truth(root_user: dict[str, Any]) -> str:
    kinds = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
    return "present" if any(root_user[kind] for kind in kinds) else "not_present"


@pytest.mark.timeout(900)
def test_p14_one_account_of_500_that_fails_stops_no_other(big_stage: Stage) -> None:
    accounts = big_stage.sandbox.accounts()
    active = [key for key, account in accounts.items() if account["state"] == "ACTIVE"]
    failing = active[len(active) // 2]
    big_stage.sandbox.faults(operation="GetAccountSummary", account_id=failing, error=DENIED)
    run = big_stage.run("audit", "-o", "json", "--fail-on", "unknown")
    assert_clean_ending(run, 1)
    audited = {account["account_id"]: account for account in run_json(run)["accounts"]}
    assert len(audited) == ACCOUNTS
    assert audited[failing]["status"] == "unknown"
    assert "refused on purpose" in audited[failing]["detail"]
    wrong = [
        key
        for key in active
        if audited[key]["role"] == "member"
        and key != failing
        and audited[key]["status"] != describe_truth(accounts[key]["root_user"])
    ]
    assert wrong == []
    assert run_json(run)["summary"]["unknown"] == 1
    big_stage.sandbox.clear_faults()
    assert big_stage.run("audit", failing, "--fail-on", "unknown").status == 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "operation",
    [
        *("AssumeRoot", "DeleteAccessKey"),
        pytest.param("ListAccessKeys", marks=pytest.mark.long),
        pytest.param("DeleteLoginProfile", marks=pytest.mark.long),
    ],
)
def test_p14_one_account_that_cannot_be_emptied_stops_no_other(stage: Stage, operation: str) -> None:
    stage.sandbox.faults(operation=operation, account_id=EVERYTHING, error=DENIED)
    run = stage.run("delete", "--ou", "AnyCompany", "--yes", "-o", "json")
    assert_clean_ending(run, 4)
    assert [account_id for account_id in UNIT if not stage.is_bare(account_id)] == [EVERYTHING]
    outcomes = {kind["outcome"] for kind in find_kinds(run, EVERYTHING).values()}
    assert outcomes & {"failed", "skipped"}, run.shown
    assert EVERYTHING in run.stdout


def test_p14_a_service_that_breaks_for_one_account_stops_no_other(stage: Stage) -> None:
    stage.sandbox.faults(operation="DeleteSigningCertificate", account_id=EVERYTHING, error=BROKEN)
    run = stage.run("delete", "--ou", "AnyCompany", "--yes", "-o", "json")
    assert_clean_ending(run, 4)
    assert [account_id for account_id in UNIT if not stage.is_bare(account_id)] == [EVERYTHING]
    assert find_kinds(run, EVERYTHING)["signing_certificates"]["outcome"] == "failed"
    assert find_kinds(run, EVERYTHING)["password"]["outcome"] == "deleted"


@pytest.mark.parametrize("output", ["tree", "table", "json", "jsonl", "csv"])
def test_p06_an_account_that_cannot_be_read_is_unknown_in_every_format(stage: Stage, output: str) -> None:
    run = stage.run("audit", BLOCKED, "-o", output)
    assert_clean_ending(run, 1)
    assert "unknown" in run.stdout.lower()
    shown = run.stdout.lower().replace("not present", "not_present").split("\n")
    lines = [line for line in shown if BLOCKED in line or '"status"' in line]
    assert lines
    assert not any("not_present" in line for line in lines)


def test_p06_a_root_login_of_the_management_account_that_cannot_be_read_is_unknown_in_the_headline(
    stage: Stage,
) -> None:
    def count(run: Run) -> tuple[int, int]:
        left = run_json(run)["root_logins_left_to_secure"]
        numbers = f"{left['known']} known, {left['unknown']} unknown, {left['unread']} unread"
        assert left["headline"] == f"Root logins left to secure: {numbers}"
        return left["known"], left["unknown"]

    management = stage.sandbox.root_user(MANAGEMENT)
    stage.sandbox.put_root_user(MANAGEMENT, management | {"access_keys": []})
    known, unknown = count(stage.run("audit", "-o", "json"))
    stage.sandbox.faults(operation="GetAccountSummary", account_id=MANAGEMENT, error=DENIED)
    assert count(stage.run("audit", "-o", "json")) == (known, unknown + 1)
    assert count(stage.run("status", "-o", "json")) == (known, unknown + 1)


def run_json(run: Run) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer
