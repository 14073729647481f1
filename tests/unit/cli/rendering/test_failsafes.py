"""Failsafes as people and programs see them: checks, drills, and the runbook with names that aren't trusted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.failsafes import render_runbook, show_drills, show_failsafes, show_runbook, show_set_up
from rootkeeper.cli.terminal import Terminal
from rootkeeper.failsafe.rules import AlarmObservation, Check, Drill, DrillOutcome, failed, passed, unknown
from rootkeeper.failsafe.runbook import RunbookFacts, write_runbook
from rootkeeper.failsafe.service import FailsafeReport
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from tests.fakes.clock import FakeClock
from tests.fakes.hostile_texts import HOSTILE_TEXTS
from tests.unit.cli.rendering.samples import CALLER, ENDPOINT, NOW, ORGANIZATION, account

FAILSAFE = account("222233334444", "Security")
GOOD = passed("mailbox", "A group reads it.", account_id=FAILSAFE.account_id)
BAD = failed("drill", "No drill is recorded.", "Hold one.", account_id=FAILSAFE.account_id)
OPEN = unknown("alarm", "It can't be read.", account_id=FAILSAFE.account_id)
FACTS = RunbookFacts(ORGANIZATION.organization_id, ORGANIZATION.management_account_id, FAILSAFE, "aws", "eu-west-1")


def show(output: OutputFormat, *checks: Check) -> None:
    inventory = Inventory(ORGANIZATION, (FAILSAFE,), (), NOW)
    show_failsafes(FailsafeReport(inventory, CALLER, ENDPOINT, NOW, (), checks), output, Terminal({}))


def test_a_table_says_what_is_wrong_what_to_do_and_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.TABLE, GOOD, BAD, OPEN)
    shown = capsys.readouterr().out
    for said in ("✓ pass", "✗ fail", "? unknown", "No drill is recorded. Hold one.", "222233334444"):
        assert said in shown
    assert "3 checks: 1 pass, 1 fail, 1 unknown." in shown


def test_one_check_is_one_check(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.TABLE, BAD)
    assert "1 check: 1 fail." in capsys.readouterr().out


def test_json_says_of_which_organization_by_whom_and_through_what(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.JSON, GOOD, BAD)
    document = json.loads(capsys.readouterr().out)
    assert (document["organization_id"], document["endpoint"]) == ("o-exampleorgid", "SANDBOX 127.0.0.1:4599")
    assert document["caller_arn"] == CALLER.arn
    assert document["checks"][1] == {
        "account_id": "222233334444",
        "check": "drill",
        "verdict": "fail",
        "evidence": "No drill is recorded.",
        "hint": "Hold one.",
    }
    assert document["summary"] == {"checks": 2, "fail": 1, "pass": 1, "unknown": 0, "not_applicable": 0}


def test_what_came_of_a_set_up_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    missing = ("no MFA device is registered yet",)
    show_set_up("222233334444", "closed", missing, None, OutputFormat.JSON, Terminal({}), FakeClock())
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1,
        "account_id": "222233334444",
        "outcome": "closed",
        "missing": list(missing),
        "window": None,
    }


@pytest.mark.parametrize("alarm", [None, AlarmObservation.SEEN])
def test_a_drill_shows_what_was_recorded_of_it(
    capsys: pytest.CaptureFixture[str], alarm: AlarmObservation | None
) -> None:
    held_at = NOW - timedelta(days=3)
    drill = Drill(FAILSAFE.account_id, held_at, "Ana", DrillOutcome.PASSED, "ana@desk", NOW, alarm)
    show_drills([drill], OutputFormat.JSON, Terminal({}))
    (record,) = json.loads(capsys.readouterr().out)["drills"]
    assert (record["held_at"], record["alarm"], record["device"]) == (
        "2026-11-22T12:00:00Z",
        alarm.value if alarm else None,
        None,
    )
    show_drills([drill], OutputFormat.TABLE, Terminal({}))
    assert ("seen" if alarm else "not recorded") in capsys.readouterr().out


def test_the_runbook_has_every_step_and_its_commands_in_blocks_of_their_own() -> None:
    steps = write_runbook(FACTS)
    text = render_runbook(FACTS, steps)
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        f"## {number}. {step.title}" for number, step in enumerate(steps, 1)
    ]
    assert text.count("```bash") == sum(step.terminal is not None for step in steps)
    assert text.count("```") == 2 * text.count("```bash")
    assert all(command in text for step in steps for command in step.commands)


def test_the_runbook_as_data_says_where_each_step_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    steps = write_runbook(FACTS)
    show_runbook(FACTS, steps, OutputFormat.JSON, Terminal({}))
    document = json.loads(capsys.readouterr().out)
    assert document["failsafe_account_id"] == "222233334444"
    assert [step["step"] for step in document["steps"]] == list(range(1, len(steps) + 1))
    assert {step["terminal"] for step in document["steps"]} == {"cloudshell", "own", None}


@pytest.mark.parametrize("hostile", [*HOSTILE_TEXTS, "```\nrm -rf /", "<script>alert(1)</script>", "[x](http://x)"])
def test_a_name_or_an_address_can_neither_end_a_block_nor_steer_a_terminal(hostile: str) -> None:
    text = render_of(replace(FAILSAFE, name=hostile, email=hostile))
    plain = render_of(FAILSAFE)
    assert text.count("```") == plain.count("```")
    assert len(text.splitlines()) == len(plain.splitlines())
    assert not [character for character in text if ord(character) < 32 and character != "\n"]
    assert "<script>" not in text
    assert "](" not in text


def render_of(failsafe: Account) -> str:
    facts = RunbookFacts(ORGANIZATION.organization_id, AccountId("111122223333"), failsafe, "aws", "us-east-1")
    return render_runbook(facts, write_runbook(facts))
