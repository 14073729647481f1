"""The report of a window: people, times, and what a reader must not miss."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rootkeeper.evidence.windows import WindowReport, make_window_report, render_window_markdown, report_to_record
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from rootkeeper.windows.rules import Approval, ApprovalPurpose, RecoveryWindow, WindowState
from tests.unit.windows.test_windows import NOW, window_in

ACCOUNT = AccountId("222233334444")
APPROVAL = Approval(
    "bob", ActorKind.SIGNED_IN, ApprovalPurpose.OPENING, NOW, ACCOUNT, "recovery", 3600, NOW + timedelta(hours=8)
)
WINDOW = window_in(
    WindowState.CLOSED_VERIFIED,
    approved_by=("bob",),
    approvals=(replace(APPROVAL, at=NOW + timedelta(minutes=5)),),
    approvals_needed=1,
    activated_by="alice",
    opened_at=NOW + timedelta(minutes=10, seconds=2),
    expires_at=NOW + timedelta(minutes=70),
    closed_at=NOW + timedelta(minutes=70, seconds=3),
    watched_by="file:/events",
)


def entry(
    sequence: int,
    action: Action,
    at: datetime,
    *,
    phase: Phase = Phase.OUTCOME,
    result: Result | None = Result.DONE,
    intent: int | None = None,
    actor: str = "alice",
    **parameters: JsonValue,
) -> LedgerEntry:
    return LedgerEntry(
        sequence=sequence,
        at=at,
        organization_id="o-exampleorgid",
        endpoint="AWS",
        actor=Actor(actor, ActorKind.SIGNED_IN),
        action=action,
        account_id=ACCOUNT,
        parameters=parameters if intent else {"window_id": "w-1", **parameters},
        phase=phase,
        owner_id="owner",
        intent_sequence=intent,
        result=None if phase is Phase.INTENT else result,
        previous_hash="",
        entry_hash="",
    )


ENTRIES = (
    entry(1, Action.WINDOW_REQUEST, NOW, reason="billing"),
    entry(2, Action.WINDOW_APPROVE, NOW + timedelta(minutes=5), phase=Phase.INTENT, actor="bob"),
    entry(3, Action.WINDOW_APPROVE, NOW + timedelta(minutes=5), intent=2, actor="bob"),
    entry(4, Action.WINDOW_ACTIVATE, NOW + timedelta(minutes=10)),
    entry(5, Action.ROOT_SESSION_OPEN, NOW + timedelta(minutes=10), phase=Phase.INTENT),
    entry(6, Action.WINDOW_CLOSE, NOW + timedelta(minutes=70), phase=Phase.INTENT, actor="rootkeeper"),
    entry(
        7, Action.WINDOW_CLOSE, NOW + timedelta(minutes=70, seconds=1), intent=6, result=Result.FAILED, failure="SCP"
    ),
    entry(8, Action.WINDOW_CLOSE, NOW + timedelta(minutes=70, seconds=2), phase=Phase.INTENT, actor="rootkeeper"),
    entry(9, Action.WINDOW_CLOSE, NOW + timedelta(minutes=70, seconds=3), intent=8),
    entry(10, Action.WINDOW_REREAD, NOW + timedelta(minutes=85), found=["access keys"], actor="rootkeeper"),
    replace(entry(11, Action.WINDOW_REQUEST, NOW), parameters={"window_id": "w-2"}),
)
EVENTS = (
    WatchedEvent("e-1", ACCOUNT, NOW + timedelta(minutes=12), "PasswordUpdated", EventVerdict.EXPECTED, "Fine."),
    WatchedEvent("e-2", ACCOUNT, NOW + timedelta(minutes=13), "ConsoleLogin", EventVerdict.EXPECTED, "Fine."),
    WatchedEvent("e-3", ACCOUNT, NOW + timedelta(minutes=14), "CreateAccessKey", EventVerdict.SUSPICIOUS, "A key."),
)


def report_of(window: RecoveryWindow = WINDOW, events: tuple[WatchedEvent, ...] = EVENTS) -> WindowReport:
    return make_window_report(window, ENTRIES, events, "AWS")


def test_a_report_says_how_long_each_step_took() -> None:
    record = report_to_record(report_of())

    assert record["durations_seconds"] == {
        "to_approve": 300.0,
        "to_open": 2.0,
        "to_sign_in": 178.0,
        "open": 3601.0,
        "to_close": 3.0,
        "late": 3.0,
    }


def test_a_report_names_the_people() -> None:
    assert report_to_record(report_of())["people"] == {
        "requested_by": "alice",
        "approved_by": ["bob"],
        "activated_by": "alice",
        "closed_by": None,
        "reviewed_by": None,
    }


def test_each_step_bears_its_outcome_and_why_it_failed() -> None:
    steps = [(step.what, step.actor, step.result, step.detail) for step in report_of().steps]

    assert steps == [
        ("window:request", "alice", "done", "billing"),
        ("window:approve", "bob", "done", ""),
        ("window:activate", "alice", "done", ""),
        ("window:close", "rootkeeper", "failed", "SCP"),
        ("window:close", "rootkeeper", "done", ""),
        ("window:reread", "rootkeeper", "done", ""),
    ]


def test_an_intent_without_an_outcome_is_open() -> None:
    report = make_window_report(WINDOW, ENTRIES[:2], (), "AWS")

    assert report.steps[-1].result == "open"


def test_events_alerts_and_re_reads_are_listed() -> None:
    record = report_to_record(report_of())

    assert [one["event_id"] for one in record["events"]] == ["e-1", "e-2", "e-3"]
    assert [one["event_id"] for one in record["alerts"]] == ["e-3"]
    assert record["rereads"] == [{"at": "2026-01-15T10:25:00Z", "is_clean": False, "found": ["access keys"]}]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"approved_by": ()}, "It has no approval."),
        ({"is_emergency": True}, "not reviewed yet"),
        ({"is_emergency": True, "reviewed_by": "bob"}, "reviewed by bob"),
        ({"watched_by": None}, "Not watched"),
        ({}, "1 of the watched events raised an alert"),
        ({"state": WindowState.CLOSE_FAILED}, "Not closed: it is CLOSE_FAILED"),
        ({"state": WindowState.OPENING, "opened_at": None}, "Not closed: it is OPENING"),
        ({}, "1 closings failed"),
        ({}, "found root user credentials"),
        ({"next_reread_at": NOW + timedelta(days=1)}, "Read again 1 times so far"),
        ({"reread_owed_at": NOW}, "It couldn't be read again since 2026-01-15 09:00:00 UTC: audit it."),
        (
            {"state": WindowState.CLOSING, "closed_at": None, "reopened_at": NOW},
            "Reopened by someone else: credentials were found 2026-01-15 09:00:00 UTC.",
        ),
        ({"reopened_at": NOW}, "found 2026-01-15 09:00:00 UTC, and closed again 2026-01-15 10:10:03 UTC."),
    ],
)
def test_what_a_reader_must_not_miss_is_said(changes: dict[str, object], said: str) -> None:
    window = replace(WINDOW, **changes)  # type: ignore[arg-type]  # the values are the fields

    assert any(said in remark for remark in report_of(window).remarks)


def test_an_emergency_in_which_nothing_was_opened_asks_for_no_review() -> None:
    window = window_in(WindowState.LAPSED, is_emergency=True, review_due_at=NOW)

    assert make_window_report(window, (), (), "AWS").remarks == ()


def test_a_clean_drill_has_nothing_to_remark_and_is_called_one() -> None:
    report = make_window_report(replace(WINDOW, is_drill=True), ENTRIES[:4] + ENTRIES[7:9], EVENTS[:2], "AWS")

    assert render_window_markdown(report).startswith("# Drill ")
    assert report.remarks == ()


def test_what_is_not_known_is_unknown() -> None:
    report = make_window_report(window_in(WindowState.REQUESTED), (), (), "AWS")

    assert set(report.durations.values()) == {None}
    assert report_to_record(report)["times"]["signed_in_at"] is None


def test_a_reopened_window_keeps_the_time_of_its_first_closing_without_the_ledger() -> None:
    window = replace(WINDOW, first_closed_at=NOW, reopened_at=NOW + timedelta(hours=1))

    assert make_window_report(window, (), (), "AWS").closed_at == NOW


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "alice"),
        ({"activated_by": None, "requested_by": "root@desk"}, "root@desk"),
        ({"activated_by": None, "lapses_at": NOW}, None),
    ],
    ids=["on a server", "by a command line", "unknown"],
)
def test_who_activated_a_window_is_said_if_it_is_known(changes: dict[str, object], name: str | None) -> None:
    window = replace(WINDOW, **changes)  # type: ignore[arg-type]  # the values are the fields

    assert report_to_record(report_of(window))["people"]["activated_by"] == name
