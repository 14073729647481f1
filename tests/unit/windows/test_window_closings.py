"""The end of a window: retries that never stop, urgency that rises, and re-reads that reopen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rootkeeper.errors import WindowConflictError
from rootkeeper.notifications.rules import Severity
from rootkeeper.windows.rules import (
    RecoveryWindow,
    WindowState,
    begin_closing,
    classify_severity,
    end_rereads,
    find_backoff,
    find_raised_severity,
    give_up_reread,
    is_reread_given_up,
    is_reread_owed,
    postpone_reread,
    record_clean_reread,
    record_closed,
    record_failed,
    reopen,
)
from tests.unit.windows.test_windows import NOW, window_in

REREADS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=12))
OPEN = window_in(WindowState.OPEN, expires_at=NOW)
CLOSED = record_closed(begin_closing(OPEN, NOW), NOW, REREADS)


def test_closing_remembers_who_asked_for_it_also_when_it_continues() -> None:
    closing = begin_closing(OPEN, NOW, "bob")

    assert (closing.state, closing.closed_by) == (WindowState.CLOSING, "bob")
    assert begin_closing(closing, NOW).closed_by == "bob"
    assert begin_closing(OPEN, NOW).closed_by is None
    with pytest.raises(WindowConflictError):
        begin_closing(CLOSED, NOW)


@pytest.mark.parametrize(
    ("failed", "seconds"), [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (1000, 60)]
)
def test_a_failed_closing_is_tried_again_within_a_minute_for_ever(failed: int, seconds: int) -> None:
    assert find_backoff(failed) == timedelta(seconds=seconds)


def test_failures_are_counted_in_a_row_and_forgotten_by_success() -> None:
    first = record_failed(begin_closing(OPEN, NOW), NOW, "denied")
    second = record_failed(begin_closing(first, NOW), NOW, "denied")
    closed = record_closed(begin_closing(second, NOW), NOW, ())

    assert (first.failed_closings, first.next_closing_at) == (1, NOW + timedelta(seconds=5))
    assert (second.failed_closings, second.next_closing_at) == (2, NOW + timedelta(seconds=10))
    assert (closed.failed_closings, closed.next_closing_at, closed.next_reread_at) == (0, None, None)


def test_only_what_is_closing_ends() -> None:
    with pytest.raises(WindowConflictError):
        record_closed(OPEN, NOW, ())
    with pytest.raises(WindowConflictError):
        record_failed(OPEN, NOW, "denied")


def fail_again(window: RecoveryWindow, seconds: int) -> tuple[RecoveryWindow, Severity | None]:
    """A closing that fails so long after the window's end."""
    now = NOW + timedelta(seconds=seconds)
    closing = begin_closing(window, now)
    failed = record_failed(closing, now, "denied")
    return failed, find_raised_severity(closing, failed, now)


def raised_at(*seconds: int) -> list[Severity | None]:
    window, reported = OPEN, []
    for moment in seconds:
        window, severity = fail_again(window, moment)
        reported.append(severity)
    return reported


W, C = Severity.WARNING, Severity.CRITICAL


@pytest.mark.parametrize(
    ("seconds", "reported"),
    [
        ((0, 5, 15, 35, 75, 135), [W, None, C, None, None, None]),
        ((0, 300), [W, C]),
        ((299, 300, 301), [W, C, None]),
        ((400, 405, 415), [C, None, None]),
        ((-900, -890, -880, 400), [W, None, C, None]),
    ],
)
def test_people_are_notified_each_time_that_it_becomes_more_urgent(
    seconds: tuple[int, ...], reported: list[Severity | None]
) -> None:
    assert raised_at(*seconds) == reported


def test_a_window_that_did_not_fail_is_no_alert() -> None:
    assert classify_severity(OPEN, NOW + timedelta(days=1)) is Severity.INFO


def test_a_closed_window_is_re_read_after_each_of_the_times() -> None:
    assert CLOSED.next_reread_at == NOW + REREADS[0]

    window = CLOSED
    for number, later in enumerate(REREADS[1:], start=1):
        window = record_clean_reread(window, window.next_reread_at or NOW, REREADS)
        assert (window.rereads_done, window.next_reread_at) == (number, NOW + later)
    last = record_clean_reread(window, window.next_reread_at or NOW, REREADS)
    assert (last.rereads_done, last.next_reread_at) == (3, None)
    assert last.state is WindowState.CLOSED_VERIFIED


def test_one_re_read_counts_for_all_that_were_due_by_then() -> None:
    window = record_clean_reread(CLOSED, NOW + timedelta(hours=2), REREADS)

    assert (window.rereads_done, window.next_reread_at) == (2, NOW + REREADS[2])


def test_a_re_read_that_is_not_due_is_refused() -> None:
    early = NOW + REREADS[0] - timedelta(seconds=1)

    steps: list[Callable[[], RecoveryWindow]] = [
        lambda: record_clean_reread(CLOSED, early, REREADS),
        lambda: postpone_reread(CLOSED, early),
    ]
    for step in steps:
        with pytest.raises(WindowConflictError):
            step()


def test_what_could_not_be_read_is_read_again_in_a_minute_and_stays_owed() -> None:
    now = NOW + REREADS[0]
    window = postpone_reread(CLOSED, now)

    assert window.rereads_done == 0
    assert window.next_reread_at == now + timedelta(seconds=60)
    much_later = NOW + timedelta(days=3)
    again = postpone_reread(window, much_later)
    assert again.next_reread_at == much_later + timedelta(hours=1)
    assert window.reread_due_at == again.reread_due_at == now
    assert record_clean_reread(again, much_later, REREADS).reread_due_at is None


def test_a_re_read_that_was_given_up_stays_owed_until_a_reading_makes_it() -> None:
    given_up = give_up_reread(CLOSED)

    assert (given_up.next_reread_at, given_up.reread_due_at) == (None, NOW + REREADS[0])
    much_later = NOW + timedelta(days=30)
    assert is_reread_owed(given_up, much_later)
    made = record_clean_reread(given_up, much_later, REREADS)
    assert (made.next_reread_at, made.reread_due_at, made.rereads_done) == (None, None, 3)


def test_what_is_found_after_the_closing_closes_the_window_once_more() -> None:
    found_at = NOW + timedelta(minutes=20)
    owing = replace(CLOSED, rereads_done=0, closed_by="bob", reread_owed_at=NOW + REREADS[0])
    window = reopen(owing, NOW, found_at, "A password was found.")

    assert window.state is WindowState.CLOSING
    assert window.is_due(NOW)
    assert window.is_reopened
    assert not window.allows_recovery
    assert (window.closed_at, window.closed_by, window.next_reread_at, window.reread_due_at) == (None, None, None, None)
    assert (window.first_closed_at, window.reopened_at, window.failure) == (NOW, found_at, "A password was found.")
    again = record_closed(window, NOW + timedelta(hours=1), REREADS)
    assert again.next_reread_at == NOW + timedelta(hours=1) + REREADS[0]
    assert not again.is_reopened
    twice = reopen(again, again.closed_at, NOW + timedelta(hours=2), "A key was found.")
    assert (twice.first_closed_at, twice.reopened_at) == (NOW, found_at)


@pytest.mark.parametrize(
    ("changes", "closed_at"),
    [
        ({"state": WindowState.CLOSING, "closed_at": None}, NOW),
        ({"state": WindowState.KEPT}, NOW),
        ({"closed_at": NOW + timedelta(minutes=1)}, NOW),
    ],
    ids=["being closed", "kept", "closed once more since the reading began"],
)
def test_only_the_closing_from_before_the_reading_is_reopened(changes: dict[str, Any], closed_at: datetime) -> None:
    with pytest.raises(WindowConflictError):
        reopen(replace(CLOSED, **changes), closed_at, NOW + REREADS[0], "found")


def test_a_window_that_was_never_closed_allows_recovery_until_its_end() -> None:
    assert OPEN.allows_recovery
    assert begin_closing(OPEN, NOW).allows_recovery
    assert not CLOSED.allows_recovery


def test_re_reads_end_only_of_a_closed_window() -> None:
    assert end_rereads(CLOSED).next_reread_at is None
    with pytest.raises(WindowConflictError):
        end_rereads(OPEN)


def test_a_re_read_is_given_up_a_week_after_the_last_was_due() -> None:
    last = NOW + REREADS[-1] + timedelta(days=7)

    assert not is_reread_given_up(CLOSED, last, REREADS)
    assert is_reread_given_up(CLOSED, last + timedelta(seconds=1), REREADS)
