"""An audit's report in every format."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.audits import show_audit
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status
from rootkeeper.setup.rules import compare_setup
from tests.fakes.evidence import accept, make_state
from tests.unit.cli.rendering import samples

EVIL = "=cmd|' /C calc'!A0\x1b[2J[bold red]\N{RIGHT-TO-LEFT OVERRIDE}x"


def show(
    capsys: pytest.CaptureFixture[str],
    output: OutputFormat,
    statuses: tuple[AccountStatus, ...] = samples.ALL,
    *,
    details: bool = False,
) -> str:
    show_audit(samples.report(statuses), output, Terminal({}), details=details)
    return capsys.readouterr().out


def evil_account() -> AccountStatus:
    return AccountStatus(samples.account(name=EVIL), AccountRole.MEMBER, Status.PRESENT, summary=samples.EVERYTHING)


def test_json_has_the_promised_shape(capsys: pytest.CaptureFixture[str]) -> None:
    answer: dict[str, Any] = json.loads(show(capsys, OutputFormat.JSON))
    assert answer["schema_version"] == 1
    assert answer["organization_id"] == "o-exampleorgid"
    assert answer["management_account_id"] == "111122223333"
    assert answer["endpoint"] == "SANDBOX 127.0.0.1:4599"
    assert answer["observed_at"] == "2026-11-25T12:00:00Z"
    assert answer["summary"] == {
        "accounts": 7,
        "present": 2,
        "not_present": 1,
        "recovery_open": 1,
        "unknown": 1,
        "not_applicable": 2,
    }
    unread = next(account for account in answer["accounts"] if account["account_id"] == "777788889999")
    assert unread["status"] == "unknown"
    assert unread["reason"] == "blocked_by_policy"
    assert set(unread["credentials"].values()) == {None}


def test_details_count_and_list_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    statuses = (samples.DETAILED, samples.CLEAN)
    found, clean = json.loads(show(capsys, OutputFormat.JSON, statuses, details=True))["accounts"]
    assert found["credentials"] == {"password": 1, "access_keys": 1, "signing_certificates": 1, "mfa_devices": 1}
    assert found["details"]["access_keys"][0]["last_used_service"] == "s3"
    assert set(clean["credentials"].values()) == {0}
    assert clean["details"] is None


@pytest.mark.parametrize("details", [False, True])
def test_credentials_are_counts_or_null_with_and_without_details(
    capsys: pytest.CaptureFixture[str], details: bool
) -> None:
    accounts = json.loads(show(capsys, OutputFormat.JSON, details=details))["accounts"]
    found = [value for account in accounts for value in account["credentials"].values()]
    assert {type(value) for value in found} == {int, type(None)}
    assert {0, 1} <= set(found)


def test_json_lines_are_the_same_accounts(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in show(capsys, OutputFormat.JSONL).splitlines()]
    assert lines == json.loads(show(capsys, OutputFormat.JSON))["accounts"]


def test_unknown_is_never_shown_as_good_in_any_format(capsys: pytest.CaptureFixture[str]) -> None:
    for output in OutputFormat:
        shown = show(capsys, output, (samples.UNREAD,))
        assert "unknown" in shown.lower()
        assert "✓" not in shown
        assert "not_present" not in shown.replace('"not_present": 0', "")


def test_the_tree_shows_units_by_name_even_with_a_slash_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = show(capsys, OutputFormat.TREE).splitlines()
    assert lines[0] == "Organization o-exampleorgid, SANDBOX 127.0.0.1:4599"
    assert "Root  7 accounts: 2 present, 1 recovery open, 1 unknown" in lines[1]
    assert "Prod/EU" in lines[2]
    assert lines[-1] == "Root logins left to secure: 3 known, 1 unknown, 1 unread"


def test_who_could_read_the_management_account_is_shown_below_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    why = "needs the management account."
    unread = replace(samples.MANAGEMENT, summary=None, observed_at=None, detail=why)
    assert f"Unknown: 111122223333: {why}" in show(capsys, OutputFormat.TREE, (unread,))
    assert "Unknown: " not in show(capsys, OutputFormat.TREE, (samples.MANAGEMENT,))


def test_why_an_account_is_unknown_is_shown_below_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Unknown: 777788889999: Account 777788889999 is blocked by p-examplescp." in show(capsys, OutputFormat.TREE)


@pytest.mark.parametrize("output", [OutputFormat.TREE, OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.CSV])
def test_a_hostile_name_can_neither_steer_the_terminal_nor_run_in_a_spreadsheet(
    capsys: pytest.CaptureFixture[str], output: OutputFormat
) -> None:
    shown = show(capsys, output, (evil_account(),))
    assert "\x1b" not in shown
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown
    assert "[bold red]" in shown
    if output is OutputFormat.CSV:
        (row,) = csv.DictReader(io.StringIO(shown))
        assert row["name"].startswith("'=cmd")


def test_details_add_the_last_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert "last used 3 days ago" in show(capsys, OutputFormat.TREE, (samples.DETAILED,), details=True)
    assert "3 days ago" in show(capsys, OutputFormat.TABLE, (samples.DETAILED,), details=True)


def test_json_shows_how_the_set_up_differs_from_the_accepted_one(capsys: pytest.CaptureFixture[str]) -> None:
    accepted = accept(make_state(guardrails=()))
    drift = compare_setup(accepted, make_state(features=frozenset(), guardrails=()))
    show_audit(samples.report(drift=drift), OutputFormat.JSON, Terminal({}), details=False)
    answer = json.loads(capsys.readouterr().out)
    assert [one["subject"] for one in answer["drift"]["differences"]] == ["RootCredentialsManagement", "RootSessions"]
    assert answer["drift"]["accepted"]["accepted_by"] == "mary@desk"


def test_the_inventory_is_named_with_its_age_and_whether_it_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(show(capsys, OutputFormat.JSON))
    assert answer["inventory"] == {"listed_at": "2026-11-25T12:00:00Z", "is_complete": True}
