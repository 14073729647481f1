"""A preflight's report in every format."""

from __future__ import annotations

import csv
import io
import json

import pytest

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.preflights import show_preflight
from rootkeeper.cli.terminal import Terminal
from rootkeeper.guardrails.rules import BlockingPolicy, PreflightRow
from rootkeeper.guardrails.service import PreflightReport
from rootkeeper.guardrails.tasks import Task
from rootkeeper.organization.accounts import Account, Inventory
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.unit.cli.rendering import samples

EVIL = "\x1b[2J[bold red]\N{RIGHT-TO-LEFT OVERRIDE}x"
SHOP, CLEAN = samples.account(), samples.account("555566667777", "Clean")
FIX = '--- a/p-1\n+++ b/p-1\n@@ -1 +1 @@\n+  "aws:PrincipalAccount": "444455556666"'


def row(
    task: Task,
    verdict: AccessVerdict,
    account: Account = SHOP,
    fix: str | None = None,
    conditions: tuple[str, ...] = (),
) -> PreflightRow:
    policies = () if verdict is AccessVerdict.ALLOWED else (BlockingPolicy("p-1", "Guard", "Sid", "ou-1"),)
    return PreflightRow(account, task, verdict, policies, conditions, fix)


ROWS = (
    row(Task.AUDIT, AccessVerdict.BLOCKED, fix=FIX),
    row(Task.DELETE, AccessVerdict.BLOCKED, fix=FIX),
    row(Task.UNLOCK_QUEUE, AccessVerdict.DEPENDS, conditions=("aws:SourceIp",)),
    row(Task.AUDIT, AccessVerdict.BLOCKED, CLEAN, FIX.replace("444455556666", "555566667777")),
    row(Task.DELETE, AccessVerdict.UNKNOWN, CLEAN, conditions=("needs organizations:ListPolicies",)),
    row(Task.UNLOCK_QUEUE, AccessVerdict.ALLOWED, CLEAN),
)


def show(capsys: pytest.CaptureFixture[str], output: OutputFormat, rows: tuple[PreflightRow, ...] = ROWS) -> str:
    accounts = tuple(dict.fromkeys(found.account for found in rows))
    inventory = Inventory(samples.ORGANIZATION, accounts, (samples.ROOT, samples.PROD), samples.NOW)
    report = PreflightReport(
        inventory, samples.CALLER, samples.ENDPOINT, samples.NOW, accounts, (samples.account("111122223333"),), rows, 2
    )
    show_preflight(report, output, Terminal({}))
    return capsys.readouterr().out


def test_json_has_the_promised_shape(capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(show(capsys, OutputFormat.JSON))
    assert (answer["schema_version"], answer["organization_id"]) == (1, "o-exampleorgid")
    assert answer["rows"][0] == {
        "account_id": "444455556666",
        "task": "IAMAuditRootUserCredentials",
        "verdict": "blocked",
        "intended": False,
        "policies": [{"policy_id": "p-1", "name": "Guard", "sid": "Sid", "attached_to": "ou-1"}],
        "conditions": [],
        "fix": FIX,
    }
    assert answer["rows"][2]["conditions"] == ["aws:SourceIp"]
    assert answer["summary"] == {
        "accounts": 2,
        "skipped": 1,
        "allowed": 1,
        "blocked": 3,
        "depends": 1,
        "unknown": 1,
        "denied": 0,
    }


def test_json_lines_and_csv_have_a_line_for_each_account_and_task(capsys: pytest.CaptureFixture[str]) -> None:
    lines = show(capsys, OutputFormat.JSONL).splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == [found.verdict.value for found in ROWS]
    rows = list(csv.DictReader(io.StringIO(show(capsys, OutputFormat.CSV))))
    assert [found["task"] for found in rows] == [found.task.value for found in ROWS]
    assert rows[0]["policies"].startswith('[{"policy_id": "p-1"')


def test_the_matrix_has_a_word_in_each_cell(capsys: pytest.CaptureFixture[str]) -> None:
    lines = show(capsys, OutputFormat.TABLE).splitlines()
    (shop,) = [line for line in lines if line.startswith("444455556666")]
    assert shop.split()[-6:] == ["✗", "blocked", "✗", "blocked", "~", "depends"]
    (clean,) = [line for line in lines if line.startswith("555566667777")]
    assert clean.split()[-6:] == ["✗", "blocked", "?", "unknown", "✓", "allowed"]


def test_each_cause_is_shown_once_with_its_accounts_and_its_fix(capsys: pytest.CaptureFixture[str]) -> None:
    shown = show(capsys, OutputFormat.TABLE)
    assert shown.count("Blocked by p-1 (Guard), Sid, at ou-1.") == 1
    assert "IAMAuditRootUserCredentials, IAMDeleteRootUserCredentials in 444455556666, 555566667777" in shown
    assert '+  "aws:PrincipalAccount": "444455556666"' in shown
    assert "# For 444455556666; use the id of each account." in shown
    assert "Depends on aws:SourceIp" in shown
    assert "needs organizations:ListPolicies" in shown
    assert shown.splitlines()[-1] == "2 accounts: 2 blocked. 1 account not checked: management account, or not ACTIVE."


def test_a_fix_for_one_account_needs_no_word_about_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert "each account" not in show(capsys, OutputFormat.TABLE, ROWS[:3])
    alike = (
        row(Task.AUDIT, AccessVerdict.BLOCKED, fix="--- a/p-1"),
        row(Task.AUDIT, AccessVerdict.BLOCKED, CLEAN, "--- a/p-1"),
    )
    assert "each account" not in show(capsys, OutputFormat.TABLE, alike)


def test_places_are_said_to_be_those_of_one_account_where_others_differ(capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = PreflightRow(
        CLEAN, Task.AUDIT, AccessVerdict.BLOCKED, (BlockingPolicy("p-1", "Guard", "Sid", "ou-2"),), (), "--- a/p-1"
    )
    shown = show(capsys, OutputFormat.TABLE, (row(Task.AUDIT, AccessVerdict.BLOCKED, fix="--- a/p-1"), elsewhere))
    assert shown.count("Blocked by p-1 (Guard), Sid, at ou-1.") == 1
    assert "# The policies that apply to 444455556666; other accounts have others." in shown
    assert "The policies that apply" not in show(capsys, OutputFormat.TABLE)


def test_the_tree_names_what_isnt_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = show(capsys, OutputFormat.TREE)
    assert "444455556666  Shop  ✗ blocked: Audit, Delete  ~ depends: Unlock SQS" in shown
    assert "555566667777  Clean  ✗ blocked: Audit  ? unknown: Delete" in shown
    everything = show(capsys, OutputFormat.TREE, (row(Task.AUDIT, AccessVerdict.ALLOWED),))
    assert "444455556666  Shop  ✓ allowed" in everything
    assert everything.splitlines()[-1].startswith("1 account: 1 allowed.")


@pytest.mark.parametrize("output", [OutputFormat.TABLE, OutputFormat.TREE])
def test_p26_foreign_words_cant_steer_the_terminal(output: OutputFormat, capsys: pytest.CaptureFixture[str]) -> None:
    policy = BlockingPolicy("p-1", EVIL, EVIL, "ou-1")
    evil = PreflightRow(
        samples.account(name=EVIL), Task.AUDIT, AccessVerdict.BLOCKED, (policy,), (), f"--- a/{EVIL}\n+++"
    )
    shown = show(capsys, output, (evil,))
    assert "\x1b[2J" not in shown
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown


def test_an_intended_denial_has_its_own_word_and_no_fix(capsys: pytest.CaptureFixture[str]) -> None:
    rows = (row(Task.ROOT_USER_SIGN_IN, AccessVerdict.BLOCKED, fix=FIX), row(Task.AUDIT, AccessVerdict.ALLOWED))
    shown = show(capsys, OutputFormat.TABLE, rows)
    assert "- denied" in shown
    assert "blocked" not in shown
    assert "AWS recommends to deny long-term root." in shown
    assert "aws:PrincipalAccount" not in shown
    assert "1 account: 1 allowed." in shown
    assert "denied: Signed-in root" in show(capsys, OutputFormat.TREE, rows)
