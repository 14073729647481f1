"""When a closing is due: by the wall clock or by the time that passed, whichever comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.windows.rules import ClockTimes, Deadlines, RecoveryWindow, WindowState
from tests.unit.windows.test_windows import NOW, window_in

OPEN = window_in(WindowState.OPEN, expires_at=NOW + timedelta(seconds=100))
START = ClockTimes(NOW, 1000.0)


def at(wall: float, monotonic: float | None = None) -> ClockTimes:
    """So many seconds later by each clock."""
    return ClockTimes(NOW + timedelta(seconds=wall), 1000.0 + (wall if monotonic is None else monotonic))


def seen(*windows: RecoveryWindow) -> Deadlines:
    deadlines = Deadlines()
    deadlines.learn(windows, START)
    return deadlines


def test_a_window_is_due_at_its_end() -> None:
    deadlines = seen(OPEN)

    assert not deadlines.is_due(OPEN, at(99))
    assert deadlines.is_due(OPEN, at(100))


def test_a_clock_that_was_set_back_delays_no_closing() -> None:
    deadlines = seen(OPEN)

    assert deadlines.is_due(OPEN, at(-86400, 100))
    assert not deadlines.is_due(OPEN, at(-86400, 99))


def test_a_clock_that_was_set_forward_brings_it_on() -> None:
    assert seen(OPEN).is_due(OPEN, at(86400, 1))


def test_an_extension_moves_both_deadlines_alike() -> None:
    deadlines = seen(OPEN)
    longer = replace(OPEN, expires_at=NOW + timedelta(seconds=160))
    deadlines.learn((longer,), at(-5000, 50))

    assert not deadlines.is_due(longer, at(-5000, 159))
    assert deadlines.is_due(longer, at(-5000, 160))


def test_a_window_that_was_prolonged_since_it_was_listed_is_not_due() -> None:
    deadlines = seen(OPEN)
    longer = replace(OPEN, expires_at=NOW + timedelta(seconds=160))

    assert deadlines.is_due(OPEN, at(100))
    assert not deadlines.is_due(longer, at(100))


def test_a_failed_closing_waits_for_its_pause_and_never_longer_than_a_minute() -> None:
    failed = window_in(WindowState.CLOSE_FAILED, expires_at=NOW, next_closing_at=NOW + timedelta(seconds=20))
    far = replace(failed, next_closing_at=NOW + timedelta(hours=5))
    deadlines = seen(failed)

    assert not deadlines.is_due(failed, at(19))
    assert deadlines.is_due(failed, at(20))
    assert deadlines.is_due(failed, at(-5000, 20))
    assert seen(far).is_due(far, at(60, 60))
    assert not seen(far).is_due(far, at(59, 59))


def test_each_failure_has_a_pause_of_its_own() -> None:
    deadlines = seen(window_in(WindowState.CLOSE_FAILED, next_closing_at=NOW + timedelta(seconds=5)))
    again = window_in(WindowState.CLOSE_FAILED, next_closing_at=NOW + timedelta(seconds=16))
    deadlines.learn((again,), at(6))

    assert not deadlines.is_due(again, at(15))
    assert deadlines.is_due(again, at(16))


def test_a_closing_that_was_begun_is_always_due_and_what_is_not_open_never() -> None:
    for state in WindowState:
        window = window_in(state, expires_at=NOW - timedelta(hours=1), next_closing_at=NOW - timedelta(hours=1))
        is_due = seen(window).is_due(window, START)
        assert is_due is (state in {WindowState.CLOSING, WindowState.OPEN, WindowState.CLOSE_FAILED})


def test_what_is_not_listed_any_more_is_forgotten() -> None:
    deadlines = seen(OPEN)
    deadlines.learn((), at(10))
    deadlines.learn((OPEN,), at(-1000, 20))

    assert not deadlines.is_due(OPEN, at(-1000, 100))


def test_how_far_overdue_a_window_is_shows_by_either_clock() -> None:
    five = timedelta(minutes=5)
    deadlines = seen(OPEN)

    assert not deadlines.is_overdue_by(OPEN, five, at(399))
    assert deadlines.is_overdue_by(OPEN, five, at(400))
    assert deadlines.is_overdue_by(OPEN, five, at(-86400, 400))
    assert not deadlines.is_overdue_by(replace(OPEN, state=WindowState.REQUESTED), five, at(-86400, 100))
