"""The product on one side, the AWS SDK for JavaScript on the other: each believes what the other did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.foreign_clients import Answer, JavaScript
from tests.e2e.product import Rootkeeper, open_rootkeeper
from tests.e2e.refusals import AUDIT, CREATE, assume_root_input
from tests.e2e.stage import Stage, summarize

pytestmark = pytest.mark.long

NOTHING = {"password": 0, "access_keys": 0, "signing_certificates": 0, "mfa_devices": 0}


@pytest.fixture
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo") as stage:
        yield stage


@pytest.fixture
def rootkeeper(stage: Stage, tmp_path: Path) -> Rootkeeper:
    return open_rootkeeper(stage, tmp_path)


def call_in_session(stage: Stage, target: str, task: str, operation: str) -> Answer:
    """Open a root session by JavaScript and make one call in it."""
    opening = {
        "service": "sts",
        "operation": "AssumeRoot",
        "credentials": stage.keys("delegated-admin").as_javascript(),
        "input": assume_root_input(target, task),
        "keep": "root",
    }
    opened, answer = JavaScript(stage.url, stage.home).call(
        [opening, {"service": "iam", "operation": operation, "session": "root"}]
    )
    assert opened.ok, opened.message
    return answer


def read_summary_by_javascript(stage: Stage, target: str) -> dict[str, int]:
    answer = call_in_session(stage, target, AUDIT, "GetAccountSummary")
    assert answer.ok, answer.message
    summary = answer.output["SummaryMap"]
    return {
        "password": summary["AccountPasswordPresent"],
        "access_keys": summary["AccountAccessKeysPresent"],
        "signing_certificates": summary["AccountSigningCertificatesPresent"],
        "mfa_devices": summary["AccountMFAEnabled"],
    }


def enable(rootkeeper: Rootkeeper, stage: Stage) -> None:
    finished = rootkeeper.run("enable", "--delegated-administrator", stage.account_id("delegated-admin"), "--yes")
    assert finished.exit_status == 0, finished.stderr


def find_deletable_account(stage: Stage) -> str:
    """A member account with all that can be deleted, of which nothing was used lately."""
    barred = stage.list_blocked_accounts() | {stage.account_id("delegated-admin")}
    candidates = [account for account in stage.find_accounts() if account["account_id"] not in barred]
    unused = [account for account in candidates if not find_last_uses(account["root_user"])]
    fullest: str = max(unused, key=lambda account: sum(summarize(account["root_user"]).values()))["account_id"]
    return fullest


def find_last_uses(root_user: dict[str, Any]) -> list[str]:
    keys = [key["last_used_at"] for key in root_user["access_keys"]]
    return [used for used in [*keys, root_user["password_last_used_at"]] if used]


def test_what_the_product_enables_javascript_finds_on(stage: Stage, rootkeeper: Rootkeeper) -> None:
    enable(rootkeeper, stage)
    delegate = stage.keys("delegated-admin").as_javascript()
    calls = [
        {"service": "iam", "operation": "ListOrganizationsFeatures", "credentials": delegate},
        {
            "service": "organizations",
            "operation": "ListDelegatedAdministrators",
            "credentials": delegate,
            "input": {"ServicePrincipal": "iam.amazonaws.com"},
        },
    ]
    features, administrators = JavaScript(stage.url, stage.home).call(calls)
    assert set(features.output["EnabledFeatures"]) == {"RootCredentialsManagement", "RootSessions"}
    assert [entry["Id"] for entry in administrators.output["DelegatedAdministrators"]] == [
        stage.account_id("delegated-admin")
    ]


def test_what_javascript_enables_the_product_reports_as_set_up(stage: Stage, rootkeeper: Rootkeeper) -> None:
    assert rootkeeper.run("status").exit_status == 1
    JavaScript(stage.url, stage.home).tell(
        {
            "management": stage.keys("management-admin").as_javascript(),
            "delegate": stage.keys("delegated-admin").as_javascript(),
            "delegateAccountId": stage.account_id("delegated-admin"),
        }
    )
    finished = rootkeeper.run("status", "-o", "json")
    assert finished.exit_status == 1, "no rule watches for strangers"
    assert finished.document["complete"] is True
    assert finished.document["features"] == {"root_credentials_management": True, "root_sessions": True}


def test_the_product_s_audit_shows_the_truth(stage: Stage, rootkeeper: Rootkeeper) -> None:
    enable(rootkeeper, stage)
    finished = rootkeeper.run("audit", "-o", "json")
    assert finished.exit_status == 1, finished.stderr
    truth = stage.read_root_users()
    listed = {account["account_id"]: account for account in finished.document["accounts"]}
    assert set(listed) == set(truth)
    read = {
        account_id: {kind: int(found) for kind, found in account["credentials"].items()}
        for account_id, account in listed.items()
        if account["status"] in {"present", "not_present"}
    }
    assert read == {account_id: summarize(truth[account_id]) for account_id in read}
    unread = {account_id for account_id, account in listed.items() if account["status"] == "unknown"}
    assert unread == stage.list_blocked_accounts() & {account["account_id"] for account in stage.find_accounts()}


def test_what_the_product_deletes_javascript_finds_gone(stage: Stage, rootkeeper: Rootkeeper) -> None:
    enable(rootkeeper, stage)
    target = find_deletable_account(stage)
    assert read_summary_by_javascript(stage, target) != NOTHING
    before = stage.read_root_users()
    finished = rootkeeper.run("delete", target, "--yes", "-o", "json")
    assert finished.exit_status == 0, finished.stderr
    assert read_summary_by_javascript(stage, target) == NOTHING
    after = stage.read_root_users()
    assert {account_id for account_id in after if after[account_id] != before[account_id]} == {target}


def test_what_javascript_deletes_the_product_has_nothing_left_to_do(stage: Stage, rootkeeper: Rootkeeper) -> None:
    story = JavaScript(stage.url, stage.home).tell(
        {
            "management": stage.keys("management-admin").as_javascript(),
            "delegate": stage.keys("delegated-admin").as_javascript(),
            "delegateAccountId": stage.account_id("delegated-admin"),
        }
    )
    finished = rootkeeper.run("delete", *story["targets"], "--yes", "-o", "json")
    assert finished.exit_status == 0, finished.stderr
    assert {account["account_id"] for account in finished.document["accounts"]} == set(story["targets"])
    assert {account["outcome"] for account in finished.document["accounts"]} <= {"already_absent", "skipped"}


def test_a_window_that_the_product_opens_and_closes_is_seen_by_javascript(stage: Stage, rootkeeper: Rootkeeper) -> None:
    enable(rootkeeper, stage)
    target = find_deletable_account(stage)
    assert rootkeeper.run("delete", target, "--yes").exit_status == 0
    opened = rootkeeper.run("recover", target, "--reason", "A drill", "--for", "1h", "--leave-open", "--yes")
    assert opened.exit_status == 0, opened.stderr
    assert read_summary_by_javascript(stage, target) == NOTHING | {"password": 1}
    refused = call_in_session(stage, target, CREATE, "CreateLoginProfile")
    assert (refused.code, refused.status) == ("EntityAlreadyExists", 409)
    closed = rootkeeper.run("windows", "close", target, "--yes")
    assert closed.exit_status == 0, closed.stderr
    assert read_summary_by_javascript(stage, target) == NOTHING


def test_a_delegated_administrator_can_do_the_whole_job(stage: Stage, tmp_path: Path) -> None:
    enable(open_rootkeeper(stage, tmp_path), stage)
    folder = tmp_path / "delegate"
    folder.mkdir()
    delegate = open_rootkeeper(stage, folder, "delegated-admin")
    target = find_deletable_account(stage)
    assert delegate.run("audit").exit_status == 1
    finished = delegate.run("delete", target, "--yes")
    assert finished.exit_status == 0, finished.stderr
    assert read_summary_by_javascript(stage, target) == NOTHING
