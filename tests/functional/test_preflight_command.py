"""``rootkeeper preflight`` as a user runs it."""

from __future__ import annotations

import csv
import io
import json

from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

BLOCKED = {"565678789090", "454567678989"}
"""The accounts of the unit Regulated, whose policy denies root without an exemption."""


def test_it_names_the_policy_before_anything_is_tried(enabled: Program, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    run = enabled.run("preflight", "-o", "json")
    assert run.status == 1, run.shown
    assert run.json["organization_id"] == "o-exampleorgid"
    active = {one["account_id"] for one in sandbox.accounts().values() if one["state"] == "ACTIVE"} - {"111122223333"}
    rows = run.json["rows"]
    assert {row["account_id"] for row in rows} == active
    assert len(rows) == 7 * len(active)
    assert {row["account_id"] for row in rows if row["verdict"] == "blocked"} == BLOCKED
    named = {policy["name"] for row in rows for policy in row["policies"]}
    assert named == {"DenyRootUser"}
    called = sandbox.operations(since)
    assert not any(operation == "AssumeRoot" for operation, _ in called)
    assert sandbox.operations(since, mutating=True) == []
    assert not any(operation == "ListPoliciesForTarget" for operation, _ in called)
    described = [request for request in sandbox.requests(since) if request["operation"] == "DescribePolicy"]
    assert len(described) == len({policy["policy_id"] for policy in sandbox.organization()["policies"]})


def test_a_selection_without_blocked_accounts_ends_well(enabled: Program) -> None:
    run = enabled.run("preflight", "--ou", "Workloads", "--exclude", "Shop Prod")
    assert run.status == 0, run.shown
    assert "blocked" not in run.stdout
    refused = enabled.run("preflight", "--ou", "Regulated", "--status", "unknown")
    assert refused.status == 2
    assert "opens no root session" in refused.stderr


def test_lines_table_and_tree_show_the_same(enabled: Program) -> None:
    lines = [json.loads(line) for line in enabled.run("preflight", "Payroll", "-o", "jsonl").stdout.splitlines()]
    verdicts = {line["task"]: line["verdict"] for line in lines}
    assert verdicts["AssumeRoot"] == "allowed"
    assert set(verdicts.values()) == {"allowed", "blocked"}
    rows = list(csv.DictReader(io.StringIO(enabled.run("preflight", "Payroll", "-o", "csv").stdout)))
    assert {row["task"]: row["verdict"] for row in rows} == verdicts
    table, tree = enabled.run("preflight", "Payroll"), enabled.run("preflight", "Payroll", "-o", "tree")
    for run in (table, tree):
        assert '+          "aws:AssumedRoot": "true"' in run.stdout
        assert "DenyRootUser" in run.stdout


def test_p06_policies_that_may_not_be_read_make_their_accounts_unknown(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    sandbox.faults(
        service="organizations",
        operation="DescribePolicy",
        error={"code": "AccessDeniedException", "status": 400, "message": "no"},
    )
    run = enabled.run("preflight", "-o", "json")
    assert run.status == 1, run.shown
    for row in run.json["rows"]:
        assert row["verdict"] == "unknown"
        assert any("needs organizations:DescribePolicy" in condition for condition in row["conditions"])
    assert "needs organizations:DescribePolicy" in enabled.run("preflight").stdout


def test_who_may_read_nothing_is_refused_with_the_reason(enabled: Program, sandbox: SandboxProcess) -> None:
    environment = sandbox.environment("observer")
    run = enabled.run("preflight", **environment)
    assert run.status == 3, run.shown
    assert "Traceback" not in run.stderr


def test_a_delegated_administrator_can_run_it(enabled: Program, sandbox: SandboxProcess) -> None:
    run = enabled.run("preflight", "-o", "json", **sandbox.environment("delegated-admin"))
    assert run.status == 1, run.shown
    assert {row["account_id"] for row in run.json["rows"] if row["verdict"] == "blocked"} == BLOCKED


def test_the_policy_that_aws_recommends_is_no_problem_of_any_account(enabled: Program, sandbox: SandboxProcess) -> None:
    condition = {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:root"]}, "Null": {"aws:AssumedRoot": "true"}}
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    content = {"Version": "2012-10-17", "Statement": [statement]}
    organization = sandbox.organization()
    sandbox.create_policy(
        {
            "name": "DenyLongTermRoot",
            "type": "SERVICE_CONTROL_POLICY",
            "content": content,
            "targets": [organization["organization_root_id"]],
        }
    )
    run = enabled.run("preflight")
    assert run.status == 1, run.shown
    assert "23 accounts: 21 allowed, 2 blocked." in run.stdout
    assert "denied." not in run.stdout.splitlines()[-1]
    run = enabled.run("preflight", "--ou", "AnyCompany")
    assert run.status == 0, run.shown
    assert "3 accounts: 3 allowed." in run.stdout
    summary = enabled.run("preflight", "--ou", "AnyCompany", "-o", "json").json["summary"]
    assert (summary["blocked"], summary["denied"]) == (0, 3)
    audit = enabled.run("audit", "--ou", "AnyCompany")
    assert "unknown" not in audit.stdout.splitlines()[-2]
