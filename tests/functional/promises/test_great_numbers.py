"""P13, P14 and P15 with hundreds of accounts, AWS's rates and a bad day: nobody is lost, and the rates are kept.

`bench/audit.py` measures the same with up to 50,000 accounts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.administration import open_client
from tests.functional.promises.forked_runs import ForkingProgram
from tests.functional.promises.stage import Stage, assert_clean_ending
from tests.functional.running import Run
from tests.sandbox_process import SandboxProcess

ACCOUNTS = 500
UNITS = 12
DENIED = {"code": "AccessDenied", "status": 403, "message": "refused on purpose"}
KINDS = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
PAGES_BEFORE_THE_CHANGE = 8
SHARE = {"ROOTKEEPER_AWS_API_SHARE": "80"}
"""The default: with all of the rates, the jitter of a busy machine is a throttle now and then."""


@pytest.fixture(scope="module")
def throttling_sandbox() -> Iterator[SandboxProcess]:
    size = ("--accounts", str(ACCOUNTS), "--organizational-units", str(UNITS))
    with SandboxProcess.start(*size, "--features", "all", "--throttle", "aws") as sandbox:
        yield sandbox


@pytest.fixture
def great_stage(throttling_sandbox: SandboxProcess, tmp_path: Any, forking: ForkingProgram) -> Stage:
    """A database of its own for each test, so that every audit lists the organization.

    The test of the rates comes first: what another one drew from the sandbox's buckets would count against it.
    """
    throttling_sandbox.clear_faults()
    (tmp_path / "temporary").mkdir()
    return Stage(throttling_sandbox, tmp_path, forking)


def read_statuses(run: Run) -> dict[str, str]:
    """Statuses by account id; an account that is there twice is an error."""
    rows = run.json["accounts"]
    assert len({row["account_id"] for row in rows}) == len(rows)
    return {row["account_id"]: row["status"] for row in rows}


def true_statuses(sandbox: SandboxProcess) -> dict[str, str]:
    """Of the ACTIVE member accounts, as the sandbox knows them."""
    organization = sandbox.organization()
    return {
        account["account_id"]: "present" if any(account["root_user"][kind] for kind in KINDS) else "not_present"
        for account in organization["accounts"]
        if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
    }


def test_p13_p15_who_leaves_and_moves_while_accounts_are_listed_costs_nobody_else_and_the_rates_are_kept(
    great_stage: Stage,
) -> None:
    sandbox = great_stage.sandbox
    since = sandbox.last_request()
    begun = great_stage.begin("audit", "-o", "json", "--fail-on", "none", changes=SHARE)
    wait_for_pages(sandbox, since, PAGES_BEFORE_THE_CHANGE)
    listed = list(true_statuses(sandbox))
    left, moved = (listed[40], listed[-40]), listed[-60]
    change(sandbox, left, moved)
    run = begun.wait()
    assert_clean_ending(run, 0)
    statuses = read_statuses(run)
    truth = true_statuses(sandbox)
    assert {key: statuses.get(key) for key in truth} == truth
    assert left[1] not in statuses
    throttled = [one["operation"] for one in sandbox.requests(since) if one["status"] == 400]
    assert throttled == []


def test_p13_p14_p15_on_a_bad_day_no_account_of_hundreds_is_lost(great_stage: Stage) -> None:
    truth = true_statuses(great_stage.sandbox)
    failing = sorted(truth)[len(truth) // 2]
    great_stage.sandbox.faults(operation="GetAccountSummary", account_id=failing, error=DENIED)
    great_stage.sandbox.faults(throttle=True, probability=0.02)
    great_stage.sandbox.faults(drop=True, probability=0.005)
    great_stage.sandbox.faults(service="organizations", empty_page=True, probability=0.2)
    run = great_stage.run("audit", "-o", "json", "--fail-on", "unknown")
    assert_clean_ending(run, 1)
    statuses = read_statuses(run)
    assert statuses.keys() == great_stage.sandbox.accounts().keys()
    assert statuses[failing] == "unknown"
    wrong = {key: statuses[key] for key, status in truth.items() if statuses[key] != status}
    assert wrong == {failing: "unknown"}


def wait_for_pages(sandbox: SandboxProcess, since: int, pages: int) -> None:
    deadline = time.monotonic() + 30
    while [operation for operation, _ in sandbox.operations(since)].count("ListAccounts") < pages:
        assert time.monotonic() < deadline, "the audit doesn't list accounts"
        time.sleep(0.05)


def change(sandbox: SandboxProcess, left: tuple[str, ...], moved: str) -> None:
    """Take accounts out of the organization, and move one to its root."""
    organizations = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
    for account_id in left:
        organizations.remove_account_from_organization(AccountId=account_id)
    source = organizations.list_parents(ChildId=moved)["Parents"][0]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    if source != root:
        organizations.move_account(AccountId=moved, SourceParentId=source, DestinationParentId=root)
