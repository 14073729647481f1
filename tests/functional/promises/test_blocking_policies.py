"""P18: a policy that blocks is named, before and when it strikes, and distinguished from a missing permission."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request, hide_policy
from tests.functional.promises.stage import CLEAN, MANAGEMENT, Stage, assert_clean_ending

BLOCKED = "454567678989"
"""Payroll, whose unit denies root without an exemption."""
POLICY, SID = "DenyRootUser", "DenyRootUser"


def find_policy_id(stage: Stage) -> str:
    policies = stage.sandbox.organization()["policies"]
    return str(next(policy["policy_id"] for policy in policies if policy["name"] == POLICY))


def find_row(stage: Stage, account_id: str, task: str, **options: Any) -> dict[str, Any]:
    run = stage.run("preflight", account_id, "-o", "json", **options)
    assert_clean_ending(run, 0, 1)
    row: dict[str, Any] = next(row for row in json.loads(run.stdout)["rows"] if row["task"] == task)
    return row


def test_p18_the_preflight_names_policy_statement_and_place_and_the_audit_meets_them(stage: Stage) -> None:
    row = find_row(stage, BLOCKED, "IAMAuditRootUserCredentials")
    assert row["verdict"] == "blocked"
    (policy,) = row["policies"]
    assert (policy["policy_id"], policy["name"], policy["sid"]) == (find_policy_id(stage), POLICY, SID)
    run = stage.run("audit", BLOCKED, "-o", "json")
    (account,) = json.loads(run.stdout)["accounts"]
    assert (account["status"], account["reason"], run.status) == ("unknown", "blocked_by_policy", 1)
    assert policy["policy_id"] in account["detail"]


def test_p18_an_audit_names_the_policy_that_aws_doesnt_name(stage: Stage, proxy: InterposedProxy) -> None:
    proxy.after = hide_policy
    policy_id = find_policy_id(stage)
    run = stage.run("audit", "-o", "jsonl", through=proxy)
    assert_clean_ending(run, 1)
    details = {one["account_id"]: one for one in map(json.loads, run.stdout.splitlines())}
    account = details[BLOCKED]
    assert (account["status"], account["reason"]) == ("unknown", "blocked_by_policy")
    assert "explicit deny in a service control policy" in account["detail"]
    assert f"Blocked by {policy_id} ({POLICY}), {SID}, at ou-" in account["detail"]
    assert f"run a preflight of account {BLOCKED}." in account["detail"]
    assert Counter(proxy.operations)["ListPolicies"] == 1
    proxy.forget()
    assert_clean_ending(stage.run("audit", CLEAN, through=proxy), 0)
    assert not any("Polic" in operation for operation in proxy.operations)


def test_p18_many_blocked_accounts_are_named_without_listing_all_that_full_access_is_attached_to(
    stage: Stage, proxy: InterposedProxy
) -> None:
    deny = {"Sid": "All", "Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    content = {"Version": "2012-10-17", "Statement": [deny]}
    root_id = stage.sandbox.organization()["organization_root_id"]
    everywhere = stage.sandbox.create_policy({
        "name": "DenyIam",
        "type": "SERVICE_CONTROL_POLICY",
        "content": content,
        "targets": [root_id],
    })  # fmt: skip
    targets: set[str] = set()

    def look(request: Request, answer: Answer) -> Answer:
        if request.operation == "ListTargetsForPolicy":
            targets.update(target["TargetId"] for target in json.loads(answer.body)["Targets"])
        return hide_policy(request, answer)

    proxy.after = look
    run = stage.run("audit", "-o", "json", through=proxy)
    assert_clean_ending(run, 1)
    blocked = [one for one in json.loads(run.stdout)["accounts"] if one["reason"] == "blocked_by_policy"]
    assert len(blocked) > 20
    assert all(everywhere["policy_id"] in one["detail"] for one in blocked)
    assert root_id in targets
    assert MANAGEMENT not in targets  # FullAWSAccess alone is attached to it
    assert_clean_ending(stage.run("preflight", through=proxy), 1)
    assert MANAGEMENT in targets


def test_p18_an_audit_that_may_not_read_policies_is_unknown_without_a_name(
    stage: Stage, proxy: InterposedProxy
) -> None:
    proxy.after = hide_policy
    denied = {"code": "AccessDeniedException", "status": 400, "message": "no"}
    stage.sandbox.faults(service="organizations", operation="ListPolicies", error=denied)
    (account,) = json.loads(stage.run("audit", BLOCKED, "-o", "json", through=proxy).stdout)["accounts"]
    assert (account["status"], account["reason"]) == ("unknown", "blocked_by_policy")
    assert "Unknown: needs organizations:ListPolicies" in account["detail"]


def test_p18_a_plan_names_the_policy_too(stage: Stage, proxy: InterposedProxy) -> None:
    proxy.after = hide_policy
    since = stage.sandbox.last_request()
    run = stage.run("delete", BLOCKED, "--dry-run", "-o", "json", through=proxy)
    assert f"{find_policy_id(stage)} ({POLICY}), {SID}" in run.stdout, run.shown
    assert stage.sandbox.operations(since, mutating=True) == []


def test_p18_an_unlock_names_the_policy_too(stage: Stage, proxy: InterposedProxy) -> None:
    proxy.after = hide_policy
    run = stage.run("unlock", "s3", BLOCKED, through=proxy)
    assert_clean_ending(run, 3)
    assert f"{find_policy_id(stage)} ({POLICY}), {SID}" in run.stderr
    refused = stage.run("unlock", "sqs", BLOCKED, "--regions", "us-east-1", through=proxy)
    assert_clean_ending(refused, 3)
    assert f"{find_policy_id(stage)} ({POLICY}), {SID}" in refused.stderr


def test_p18_a_missing_permission_is_no_policy_that_blocks(stage: Stage) -> None:
    denied = {"code": "AccessDenied", "status": 403, "message": f"User: arn:aws:iam::{CLEAN}:root is not authorized"}
    stage.sandbox.faults(service="sts", operation="AssumeRoot", error=denied)
    (account,) = json.loads(stage.run("audit", CLEAN, "-o", "json").stdout)["accounts"]
    assert (account["status"], account["reason"]) == ("unknown", "access_denied")
    assert find_row(stage, CLEAN, "IAMAuditRootUserCredentials")["verdict"] == "allowed"


def test_p18_a_recovery_that_a_policy_would_spoil_is_refused_by_name_before_anything_is_opened(stage: Stage) -> None:
    since = stage.sandbox.last_request()
    run = stage.run("recover", BLOCKED, "--reason", "drill", "--for", "10s", "--leave-open", "--yes")
    assert_clean_ending(run, 3)
    assert f"{find_policy_id(stage)} ({POLICY}), {SID}" in run.stderr
    assert '"aws:AssumedRoot": "true"' in run.stderr
    assert stage.privileged(since) == []
    assert stage.windows(BLOCKED) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "isn't JSON"),
        (json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]}), "must be Allow or Deny"),
        (" " * 20_000, "AWS allows 10,240"),
    ],
)
def test_p18_a_document_that_isnt_understood_is_named_and_allows_nothing(
    content: str, problem: str, stage: Stage, proxy: InterposedProxy
) -> None:
    def spoil(request: Request, answer: Answer) -> Answer:
        if request.operation != "DescribePolicy" or POLICY.encode() not in answer.body:
            return answer
        described = json.loads(answer.body)
        described["Policy"]["Content"] = content
        return Answer(answer.status, [], json.dumps(described).encode())

    proxy.after = spoil
    row = find_row(stage, BLOCKED, "IAMAuditRootUserCredentials", through=proxy)
    assert row["verdict"] == "unknown"
    assert [policy["name"] for policy in row["policies"]] == [POLICY]
    assert any(f"({POLICY})" in condition and problem in condition for condition in row["conditions"])
    assert find_row(stage, CLEAN, "IAMAuditRootUserCredentials", through=proxy)["verdict"] == "allowed"
