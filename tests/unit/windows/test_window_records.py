"""A window as JSON: the promised names and order, and the way back."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.ledger.rules import ActorKind
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.records import current_window_to_record, window_from_record, window_to_record
from rootkeeper.windows.rules import Approval, ApprovalPurpose, RecoveryWindow, WindowState
from tests.unit.windows.test_windows import NOW, window_in

TIMES = st.datetimes(min_value=NOW.replace(tzinfo=None)).map(lambda at: at.replace(microsecond=0, tzinfo=NOW.tzinfo))
APPROVALS = st.builds(
    Approval,
    approver=st.text(),
    approver_kind=st.sampled_from(ActorKind),
    purpose=st.sampled_from(ApprovalPurpose),
    at=TIMES,
    account_id=st.just(AccountId("222233334444")),
    task=st.text(),
    duration_seconds=st.integers(0, 10**6),
    expires_at=TIMES,
    used_at=st.none() | TIMES,
)
WINDOWS = st.builds(
    RecoveryWindow,
    **{
        one.name: {
            "state": st.sampled_from(WindowState),
            "requested_by_kind": st.sampled_from(ActorKind),
            "approvals": st.lists(APPROVALS, max_size=3).map(tuple),
            "approved_by": st.lists(st.text(), max_size=3).map(tuple),
            "requested_at": TIMES,
        }.get(
            one.name,
            st.none() | TIMES
            if one.name.endswith("_at")
            else st.booleans()
            if one.name.startswith("is_")
            else st.integers(0, 10**6)
            if one.type == "Count"
            else st.text(),
        )
        for one in fields(RecoveryWindow)
    },
)


def test_a_window_begins_with_the_promised_names_in_their_order() -> None:
    window = window_in(WindowState.OPEN, ticket="OPS-1", expires_at=NOW + timedelta(hours=1))
    record = window_to_record(window)

    assert list(record.items())[:9] == [
        ("window_id", "w-1"),
        ("account_id", "222233334444"),
        ("state", "OPEN"),
        ("reason", "billing contact is gone"),
        ("ticket", "OPS-1"),
        ("requested_by", "alice"),
        ("approved_by", []),
        ("expires_at", "2026-01-15T10:00:00Z"),
        ("closed_at", None),
    ]


@given(WINDOWS)
def test_a_window_comes_back_from_its_record_as_it_was(window: RecoveryWindow) -> None:
    assert window_from_record(json.loads(json.dumps(window_to_record(window)))) == window


def test_the_record_shows_on_request_what_time_makes_of_it() -> None:
    owing = current_window_to_record(window_in(WindowState.OPEN, expires_at=NOW), NOW)
    waiting = current_window_to_record(window_in(WindowState.REQUESTED, lapses_at=NOW), NOW)

    assert (owing["is_overdue"], owing["has_lapsed"]) == (True, False)
    assert (waiting["is_overdue"], waiting["has_lapsed"]) == (False, True)
    assert "is_overdue" not in window_to_record(window_in(WindowState.OPEN))


@pytest.mark.parametrize(
    "change", [{"state": "AJAR"}, {"requested_at": "noon"}, {"approvals": [{}]}, {"account_id": 1}]
)
def test_what_is_no_window_is_refused(change: dict[str, object]) -> None:
    record = {**window_to_record(window_in(WindowState.OPEN)), **change}
    if "account_id" in change:
        del record["account_id"]

    with pytest.raises(ValueError, match=r".+"):
        window_from_record(record)
