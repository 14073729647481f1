"""Drills: a person's word, kept in the ledger, judged by its age and outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.errors import InputError
from rootkeeper.failsafe.rules import (
    AlarmObservation,
    CheckVerdict,
    Drill,
    DrillOutcome,
    SignInDevice,
    check_drills,
    describe_drill,
    find_drills,
    require_drill,
)
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Phase, Result, require_no_secrets
from rootkeeper.organization.accounts import AccountId
from tests.fakes.clock import START

FAILSAFE, OTHER = AccountId("222233334444"), AccountId("333344445555")


def drill(days_ago: float = 10, outcome: DrillOutcome = DrillOutcome.PASSED, **changes: Any) -> Drill:
    held_at = START - timedelta(days=days_ago)
    reported: dict[str, Any] = {"account_id": FAILSAFE, "recorded_by": "alice@desk", "recorded_at": START} | changes
    return Drill(held_at=held_at, held_by="Ana", outcome=outcome, **reported)


def entry(parameters: Mapping[str, Any], **changes: Any) -> LedgerEntry:
    reported: dict[str, Any] = {
        "sequence": 1,
        "at": START,
        "organization_id": "o-exampleorgid",
        "endpoint": "AWS",
        "actor": Actor("alice@desk", ActorKind.SELF_ASSERTED),
        "action": Action.FAILSAFE_DRILL,
        "account_id": FAILSAFE,
        "phase": Phase.OUTCOME,
        "owner_id": "owner",
        "intent_sequence": None,
        "result": Result.DONE,
        "previous_hash": "",
        "entry_hash": "",
    } | changes
    return LedgerEntry(parameters=parameters, **reported)


@pytest.mark.parametrize(
    ("drills", "verdict"),
    [
        ([], CheckVerdict.FAIL),
        ([drill(89)], CheckVerdict.PASS),
        ([drill(91)], CheckVerdict.FAIL),
        ([drill(10, DrillOutcome.FAILED)], CheckVerdict.FAIL),
        ([drill(20), drill(10, DrillOutcome.FAILED)], CheckVerdict.FAIL),
        ([drill(10, DrillOutcome.FAILED), drill(5)], CheckVerdict.PASS),
        ([drill(10, account_id=OTHER)], CheckVerdict.FAIL),
    ],
    ids=["none", "recent", "old", "failed", "failed after passing", "passed after failing", "of another account"],
)
def test_the_last_drill_of_the_account_counts(drills: list[Drill], verdict: CheckVerdict) -> None:
    assert check_drills(drills, START, FAILSAFE).verdict is verdict


def test_any_accounts_drill_counts_where_none_is_named() -> None:
    assert check_drills([drill(10, account_id=OTHER)], START).verdict is CheckVerdict.PASS


def test_the_evidence_says_whose_word_it_is() -> None:
    assert "self-asserted by alice@desk" in check_drills([drill()], START, FAILSAFE).evidence


def test_what_is_recorded_is_read_back() -> None:
    reported = drill(3, alarm=AlarmObservation.SEEN, device=SignInDevice.HARDWARE)
    parameters = describe_drill(reported)
    require_no_secrets(parameters)
    assert find_drills([entry(parameters)], "o-exampleorgid", in_sandbox=False) == (reported,)


def test_the_latest_held_comes_first() -> None:
    entries = [entry(describe_drill(drill(days))) for days in (30, 5, 60)]
    found = find_drills(entries, "o-exampleorgid", in_sandbox=False)
    assert [START - one.held_at for one in found] == [timedelta(days=days) for days in (5, 30, 60)]


def test_of_one_moment_what_was_recorded_later_comes_first() -> None:
    parameters = describe_drill(drill(5))
    entries = [entry(parameters, at=START + timedelta(hours=hours)) for hours in (1, 3, 2)]
    found = find_drills(entries, "o-exampleorgid", in_sandbox=False)
    assert [one.recorded_at - START for one in found] == [timedelta(hours=hours) for hours in (3, 2, 1)]


@pytest.mark.parametrize(
    "changes",
    [
        {"organization_id": "o-otherorgidxx"},
        {"endpoint": "SANDBOX 127.0.0.1:4599"},
        {"action": Action.EXCEPTION_ADD},
        {"account_id": None},
        {"parameters": {"held_by": "Ana"}},
        {"parameters": {**describe_drill(drill()), "outcome": "splendid"}},
        {"parameters": {**describe_drill(drill()), "held_at": "2026-01-01T00:00:00"}},
    ],
    ids=["organization", "sandbox", "action", "no account", "incomplete", "strange outcome", "no zone"],
)
def test_what_is_no_drill_of_this_organization_never_counts(changes: dict[str, Any]) -> None:
    parameters = changes.pop("parameters", describe_drill(drill()))
    assert find_drills([entry(parameters, **changes)], "o-exampleorgid", in_sandbox=False) == ()


@pytest.mark.parametrize("bad", [drill(-1), replace(drill(), held_by="")], ids=["not held yet", "held by no one"])
def test_a_drill_needs_a_person_and_a_past(bad: Drill) -> None:
    with pytest.raises(InputError):
        require_drill(bad, START)
