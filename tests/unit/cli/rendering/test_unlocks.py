"""Policies of buckets and queues, and what came of their changes, as outputs show them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.unlocks import (
    show_listing_of_resources,
    show_outcome,
    show_resource_policy,
    show_unneeded,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import AwsAccessDeniedError
from rootkeeper.unlock.records import (
    listing_to_record,
    outcome_to_record,
    resource_policy_to_record,
    unneeded_to_record,
)
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.unlock.service import UnlockOutcome
from tests.fakes.unlock_desk import LOCKING, MEMBER, OPEN, UnlockDesk, deny, policy

ORGANIZATION = "o-exampleorgid"


@pytest.fixture
def desk() -> UnlockDesk:
    return UnlockDesk()


def read_json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def show_list(desk: UnlockDesk, output: OutputFormat) -> None:
    listing = desk.reading.list_all(desk.account, ResourceKind.BUCKET, (), desk.progress)
    show_listing_of_resources(listing_to_record(listing, ORGANIZATION), output, Terminal({}))


def show_one(desk: UnlockDesk, name: str, output: OutputFormat, kind: ResourceKind = ResourceKind.BUCKET) -> None:
    resource_state = desk.reading.find_one(desk.account, kind, name, (), desk.progress)
    show_resource_policy(resource_policy_to_record(resource_state, ORGANIZATION), output, Terminal({}))


def show_change(outcome: UnlockOutcome, output: OutputFormat) -> None:
    found = None if outcome.found is None else outcome.found.explanation
    show_outcome(outcome_to_record(outcome, ORGANIZATION), found, output, Terminal({}))


def test_a_list_has_the_promised_shape(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.add("locked")
    show_list(desk, OutputFormat.JSON)
    assert read_json(capsys) == {
        "schema_version": 1,
        "organization_id": ORGANIZATION,
        "account_id": MEMBER,
        "service": "s3",
        "buckets": [
            {
                "name": "locked",
                "region": "us-east-1",
                "verdict": "locked",
                "explanation": "Statement Everyone denies everyone in the account.",
                "locking_statements": ["Everyone"],
                "protected": False,
            }
        ],
        "unread_regions": [],
        "unknown": None,
    }


def test_a_table_says_which_statement_locks_out(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.add("locked")
    desk.add("bare", None)
    show_list(desk, OutputFormat.TABLE)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["Bucket", "bare", "locked"]
    assert "No policy" in lines[1]
    assert "Locks everyone out" in lines[2]
    assert "Statement Everyone denies everyone" in lines[2]


def test_an_account_without_buckets_is_reported(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    show_list(desk, OutputFormat.TABLE)
    assert "No buckets were found in account" in capsys.readouterr().err


def refuse_sessions(desk: UnlockDesk) -> None:
    denial = AwsAccessDeniedError("AssumeRoot was denied.")
    denial.needs = "the management account"
    desk.organization.fail("AssumeRoot", denial)


@pytest.mark.parametrize("output", [OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.CSV])
def test_p06_a_list_that_the_caller_cant_read_is_unknown_and_not_empty(
    desk: UnlockDesk, capsys: pytest.CaptureFixture[str], output: OutputFormat
) -> None:
    refuse_sessions(desk)
    show_list(desk, output)
    shown = capsys.readouterr()
    assert shown.err == "? Unknown: needs the management account: AssumeRoot was denied.\n"
    assert "were found" not in shown.out
    if output is OutputFormat.JSON:
        assert json.loads(shown.out)["unknown"] == "needs the management account: AssumeRoot was denied."


def test_p06_a_policy_that_the_caller_cant_read_isnt_shown_as_none(
    desk: UnlockDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_sessions(desk)
    resource_state = desk.reading.show_one(desk.account, ResourceKind.BUCKET, "locked", (), desk.progress)
    show_resource_policy(resource_policy_to_record(resource_state, ORGANIZATION), OutputFormat.TABLE, Terminal({}))
    shown = capsys.readouterr().out
    assert "Unknown. needs the management account" in shown
    assert "None." not in shown


def test_one_policy_is_shown_whole_with_its_correction(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.add("locked")
    show_one(desk, "locked", OutputFormat.JSON)
    document = read_json(capsys)
    assert document["policy"] == json.loads(LOCKING)
    assert [one["Sid"] for one in document["corrected_policy"]["Statement"]] == ["Reading"]
    assert document["locking_statements"] == [
        {
            "number": 2,
            "sid": "Everyone",
            "verdict": "locked",
            "explanation": "Statement Everyone denies everyone in the account.",
            "exceptions": [],
            "conditions": [],
        }
    ]


def test_what_others_wrote_into_a_policy_steers_no_terminal(
    desk: UnlockDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.add("locked", policy(deny("a\x1b[2J\u202e")))
    for output in (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL):
        show_one(desk, "locked", output)
        shown = capsys.readouterr()
        assert "\x1b" not in shown.out + shown.err
        assert "\u202e" not in shown.out + shown.err


def test_a_policy_that_is_no_json_is_shown_as_it_is(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.add("broken", "{broken")
    show_one(desk, "broken", OutputFormat.TABLE)
    assert "  {broken" in capsys.readouterr().out
    show_one(desk, "broken", OutputFormat.JSON)
    assert read_json(capsys)["policy"] == "{broken"


def test_what_to_do_next_names_the_queues_region(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.add("locked", kind=ResourceKind.QUEUE)
    show_one(desk, "locked", OutputFormat.TABLE, ResourceKind.QUEUE)
    expected = f"To correct it: rootkeeper unlock sqs {MEMBER} locked --regions us-east-1 --corrected"
    assert expected in capsys.readouterr().err


def test_what_is_protected_is_shown_as_such_and_no_change_is_offered(
    desk: UnlockDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.add("locked")
    desk.protect = ("lock*",)
    show_one(desk, "locked", OutputFormat.TABLE)
    shown = capsys.readouterr()
    assert "Protected  by unlock.protect in the settings" in shown.out
    assert "--corrected" not in shown.err


def test_a_change_has_the_promised_shape(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    show_change(desk.unlock(desk.add("locked")), OutputFormat.JSON)
    document = read_json(capsys)
    assert document.pop("saved")["path"] == "/policies/1.json"
    assert document == {
        "schema_version": 1,
        "organization_id": ORGANIZATION,
        "account_id": MEMBER,
        "service": "s3",
        "name": "locked",
        "region": "us-east-1",
        "change": "remove",
        "result": "done",
        "explanation": "A re-read shows that the change was made.",
        "verdict_before": "locked",
        "verdict_after": "no_policy",
    }


def test_where_there_is_no_policy_that_is_said_once(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.add("bare", None)
    show_one(desk, "bare", OutputFormat.TABLE)
    assert capsys.readouterr().out.splitlines()[3:] == ["Verdict    No policy."]


def test_the_way_back_can_be_pasted_regardless_of_the_folders_name(
    desk: UnlockDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = desk.unlock(desk.add("locked"))
    assert outcome.saved is not None
    kept = replace(outcome, saved=replace(outcome.saved, path="/Application Support/1.json"))
    show_change(kept, OutputFormat.TABLE)
    expected = f"To restore it: rootkeeper unlock s3 {MEMBER} locked --restore '/Application Support/1.json'"
    assert expected in capsys.readouterr().err


def test_a_change_that_failed_says_so_in_the_table_too(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.organization.lie("DeleteBucketPolicy")
    show_change(desk.unlock(desk.add("locked")), OutputFormat.TABLE)
    shown = capsys.readouterr()
    assert "Result     failed" in shown.out
    assert "Statement Everyone denies everyone" in shown.out
    assert "Not done" in shown.err
    assert "To restore it" not in shown.err


def test_nothing_to_do_is_said_plainly(desk: UnlockDesk, capsys: pytest.CaptureFixture[str]) -> None:
    plan = desk.plan(desk.add("open", OPEN), ChangeKind.CORRECTED)
    show_unneeded(unneeded_to_record(plan, ORGANIZATION), OutputFormat.TABLE, Terminal({}))
    assert "Nothing to correct." in capsys.readouterr().out
    show_unneeded(unneeded_to_record(plan, ORGANIZATION), OutputFormat.JSON, Terminal({}))
    assert (read_json(capsys) | {"saved": None})["result"] == "unchanged"
