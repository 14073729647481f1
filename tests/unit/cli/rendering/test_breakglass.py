"""Who could open root, and the way in, as people and programs see them."""

from __future__ import annotations

import json

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.failsafes import show_breakglass
from rootkeeper.cli.terminal import Terminal
from rootkeeper.failsafe.breakglass_rules import AccessPath, PermissionResult, RootSessionCaller, RootSessionCallerKind
from rootkeeper.failsafe.breakglass_service import BreakGlassReport
from rootkeeper.failsafe.rules import Check, CheckVerdict, passed, unread
from rootkeeper.organization.accounts import AccountId, Inventory
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.unit.cli.rendering.samples import CALLER, ENDPOINT, NOW, ORGANIZATION

ACCOUNT = AccountId("222233334444")
TASKS = dict.fromkeys(TaskPolicy, PermissionResult(AccessVerdict.BLOCKED)) | {
    TaskPolicy.AUDIT: PermissionResult(AccessVerdict.ALLOWED),
    TaskPolicy.DELETE: PermissionResult(AccessVerdict.DEPENDS, ("aws:SourceIp",)),
    TaskPolicy.CREATE_PASSWORD: PermissionResult(AccessVerdict.UNKNOWN, ("the policy Extras",)),
}
OPENER = RootSessionCaller(
    ACCOUNT,
    RootSessionCallerKind.PERMISSION_SET,
    "RootTasks",
    "arn:aws:sso:::permissionSet/x",
    TASKS,
    ("Security (mary.major)", "group g-1 (members not read)"),
    is_complete=False,
)
WAY = AccessPath(ACCOUNT, "root user", CheckVerdict.PASS, "can sign in with MFA and make an IAM user that may")
CHECKS = (passed("way_in", "There is one."), unread("iam_identities", "an identity of account 222233334444"))


def show(output: OutputFormat, *root_session_callers: RootSessionCaller, checks: tuple[Check, ...] = CHECKS) -> None:
    inventory = Inventory(ORGANIZATION, (), (), NOW)
    report = BreakGlassReport(inventory, CALLER, ENDPOINT, NOW, checks, root_session_callers, (WAY,))
    show_breakglass(report, output, Terminal({"COLUMNS": "200"}))


def test_a_table_has_a_sign_for_each_task_and_explains_them(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.TABLE, OPENER)
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if "RootTasks" in line)
    assert row.split("RootTasks")[1].split()[:5] == ["✓", "?", "if", "-", "-"]
    for said in ("(not complete)", "aws:SourceIp", "the policy Extras", "✓ can, if: depends on a condition"):
        assert said in shown
    assert "2 checks: 1 pass, 1 unknown." in shown


def test_no_reader_is_shown_as_no_one(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.TABLE)
    assert "None that could be read." in capsys.readouterr().out


def test_json_has_checks_openers_and_ways_in(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.JSON, OPENER)
    document = json.loads(capsys.readouterr().out)
    (root_session_caller,) = document["openers"]
    assert root_session_caller["tasks"] == {
        "IAMAuditRootUserCredentials": "allowed",
        "IAMCreateRootUserPassword": "unknown",
        "IAMDeleteRootUserCredentials": "depends",
        "S3UnlockBucketPolicy": "blocked",
        "SQSUnlockQueuePolicy": "blocked",
    }
    assert (root_session_caller["kind"], root_session_caller["people_complete"]) == ("permission_set", False)
    assert [way["verdict"] for way in document["ways_in"]] == ["pass"]
    assert document["checks"][1]["evidence"] == "needs an identity of account 222233334444"
    assert document["summary"] == {"checks": 2, "fail": 0, "pass": 1, "unknown": 1, "not_applicable": 0}


@pytest.mark.parametrize("output", [OutputFormat.JSONL, OutputFormat.CSV])
def test_lines_and_csv_hold_the_checks_alone(capsys: pytest.CaptureFixture[str], output: OutputFormat) -> None:
    show(output, OPENER)
    shown = capsys.readouterr().out
    assert "iam_identities" in shown
    assert "RootTasks" not in shown
