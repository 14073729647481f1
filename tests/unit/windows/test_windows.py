"""The steps of a recovery window, its times, and what ``advance`` sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rootkeeper.changes.rules import SENDING_LATENCY
from rootkeeper.errors import InputError, WindowConflictError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.rules import (
    CLOCK_SKEW,
    FINAL_STATES,
    OWING_STATES,
    STEPS,
    RecoveryWindow,
    WindowState,
    advance,
    fits_opening,
    require_duration,
)

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
LEGAL_STEPS = {
    ("REQUESTED", "APPROVED"),
    ("REQUESTED", "DENIED"),
    ("REQUESTED", "CANCELLED"),
    ("REQUESTED", "LAPSED"),
    ("APPROVED", "OPENING"),
    ("APPROVED", "DENIED"),
    ("APPROVED", "CANCELLED"),
    ("APPROVED", "LAPSED"),
    ("OPENING", "OPEN"),
    ("OPENING", "CANCELLED"),
    ("OPEN", "CLOSING"),
    ("OPEN", "KEPT"),
    ("CLOSING", "CLOSED_VERIFIED"),
    ("CLOSING", "CLOSE_FAILED"),
    ("CLOSE_FAILED", "CLOSING"),
    ("CLOSED_VERIFIED", "CLOSING"),
}
"""Written out once more, so that a slip in the table doesn't pass."""


def window_in(state: WindowState, **changes: object) -> RecoveryWindow:
    values: dict[str, object] = {
        "window_id": "w-1",
        "organization_id": "o-exampleorgid",
        "account_id": AccountId("222233334444"),
        "state": state,
        "reason": "billing contact is gone",
        "ticket": None,
        "requested_by": "alice",
        "requested_at": NOW,
        "duration_seconds": 3600,
        **changes,
    }
    return RecoveryWindow(**values)  # type: ignore[arg-type]  # the values are the fields, checked by the dataclass


@pytest.mark.parametrize(("start", "to"), list(product(WindowState, WindowState)))
def test_only_the_listed_steps_are_allowed(start: WindowState, to: WindowState) -> None:
    if (start.value, to.value) in LEGAL_STEPS:
        assert advance(window_in(start), to, NOW).state is to
        return
    with pytest.raises(WindowConflictError, match="w-1"):
        advance(window_in(start), to, NOW)


def test_a_final_state_has_no_step_but_back_to_closing_and_every_other_state_has_one() -> None:
    assert set(STEPS) == set(WindowState) - FINAL_STATES | {WindowState.CLOSED_VERIFIED}
    assert STEPS[WindowState.CLOSED_VERIFIED] == {WindowState.CLOSING}
    assert all(STEPS[state] for state in STEPS)


def test_from_an_owing_state_only_a_proof_leads_out() -> None:
    ways_out = {(state, to) for state in OWING_STATES for to in STEPS[state] if to not in OWING_STATES}

    assert ways_out == {
        (WindowState.OPENING, WindowState.CANCELLED),
        (WindowState.OPEN, WindowState.KEPT),
        (WindowState.CLOSING, WindowState.CLOSED_VERIFIED),
    }


def test_entering_opening_sets_the_end_before_anything_is_opened() -> None:
    opening = advance(window_in(WindowState.APPROVED), WindowState.OPENING, NOW)

    assert opening.expires_at == NOW + timedelta(hours=1)
    assert opening.opening_started_at == NOW


def test_a_closed_window_that_is_closed_again_has_no_time_of_closing_meanwhile() -> None:
    closed = advance(window_in(WindowState.CLOSING), WindowState.CLOSED_VERIFIED, NOW)

    assert advance(closed, WindowState.CLOSING, NOW).closed_at is None


def test_a_window_keeps_its_last_failure_until_the_next_step() -> None:
    failed = advance(window_in(WindowState.CLOSING), WindowState.CLOSE_FAILED, NOW, "denied")

    assert failed.failure == "denied"
    assert advance(failed, WindowState.CLOSING, NOW).failure is None


def test_only_a_verified_closing_has_a_time_of_closing() -> None:
    assert advance(window_in(WindowState.CLOSING), WindowState.CLOSED_VERIFIED, NOW).closed_at == NOW
    assert advance(window_in(WindowState.CLOSING), WindowState.CLOSE_FAILED, NOW).closed_at is None


@pytest.mark.parametrize("state", sorted(WindowState))
def test_a_window_is_overdue_only_while_it_owes_its_closing(state: WindowState) -> None:
    window = window_in(state, expires_at=NOW)

    assert window.is_overdue(NOW) is (state in OWING_STATES)
    assert not window.is_overdue(NOW - timedelta(seconds=1))


def test_a_closing_that_was_begun_is_due_before_the_end() -> None:
    early = NOW - timedelta(minutes=30)

    assert window_in(WindowState.CLOSE_FAILED, expires_at=NOW).is_due(early)
    assert window_in(WindowState.CLOSING, expires_at=NOW).is_due(early)
    assert not window_in(WindowState.OPEN, expires_at=NOW).is_due(early)


@pytest.mark.parametrize("seconds", [-1, 0, 9, 72 * 3600 + 1, 30 * 86400])
def test_a_duration_out_of_range_is_refused(seconds: int) -> None:
    with pytest.raises(InputError, match=str(seconds)) as caught:
        require_duration(seconds)
    assert caught.value.hint


@given(st.integers(10, 72 * 3600))
def test_a_duration_in_range_is_kept(seconds: int) -> None:
    assert require_duration(seconds) == seconds


@pytest.mark.parametrize(
    ("created_at", "fits"),
    [
        (NOW - CLOCK_SKEW - timedelta(seconds=1), False),
        (NOW - CLOCK_SKEW, True),
        (NOW, True),
        (NOW + SENDING_LATENCY + CLOCK_SKEW, True),
        (NOW + SENDING_LATENCY + CLOCK_SKEW + timedelta(seconds=1), False),
    ],
)
def test_a_login_profile_fits_an_opening_by_its_create_date(created_at: datetime, fits: bool) -> None:
    assert fits_opening(created_at, NOW) is fits


class WindowLife(RuleBasedStateMachine):
    """Any order of steps, legal or not, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.window = window_in(WindowState.REQUESTED)
        self.now = NOW
        self.was_opening = False

    @rule(to=st.sampled_from(sorted(WindowState)), seconds=st.integers(0, 10_000))
    def step(self, to: WindowState, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        before = self.window
        try:
            self.window = advance(before, to, self.now)
        except WindowConflictError:
            assert to not in STEPS.get(before.state, frozenset())
            return
        self.was_opening = self.was_opening or to is WindowState.OPENING

    @invariant()
    def a_window_that_may_be_open_has_an_end(self) -> None:
        if self.window.state in OWING_STATES:
            assert self.window.expires_at is not None
            assert self.window.is_overdue(self.window.expires_at)

    @invariant()
    def nothing_owes_a_closing_before_it_was_opening(self) -> None:
        assert self.was_opening or self.window.state not in OWING_STATES

    @invariant()
    def a_time_of_closing_means_verified(self) -> None:
        assert (self.window.closed_at is not None) == (self.window.state is WindowState.CLOSED_VERIFIED)


TestWindowLife = WindowLife.TestCase
