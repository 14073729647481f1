"""The end of a recovery window: closing it, trying again, and reading its account again afterwards.

Pure steps from one window to the next, each taken in the transaction that reads the window. A closing that failed is
tried again within a minute, for ever, and becomes more urgent; a closed account is read again, since a live console
session may outlast its password.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rootkeeper.domain.notifications import Severity
from rootkeeper.domain.windows import RecoveryWindow, WindowState, advance
from rootkeeper.errors import WindowConflictError

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 20, 40, 60))
"""How long after the first, second, … failed closing in a row the next one is due."""

CRITICAL_FROM = 3
"""So many closings in a row that failed are critical."""

CRITICAL_OVERDUE = timedelta(minutes=5)
"""A window that is overdue by so much and isn't closed is critical, whatever the reason."""

REREAD_AGAIN = timedelta(seconds=60)
"""When an account is read again that couldn't be read; later and later as days pass."""

REREAD_AGAIN_AT_MOST = timedelta(hours=1)

REREAD_OWED_FOR = timedelta(days=7)
"""A re-read that nobody made for so long is given up: what it would find may long be somebody else's."""


def find_backoff(failed_closings: int) -> timedelta:
    """How long after that many failures in a row the next closing is due."""
    return BACKOFF[min(max(failed_closings, 1), len(BACKOFF)) - 1]


def begin_closing(window: RecoveryWindow, now: datetime, closed_by: str | None = None) -> RecoveryWindow:
    """The window CLOSING; one that was CLOSING is what a process that died left, and goes on from there.

    :raises WindowConflictError: if nothing can be closed from its state.
    """
    if window.state is WindowState.CLOSED_VERIFIED:
        raise WindowConflictError(f"Recovery window {window.window_id} is closed; only a re-read reopens it.")
    closing = window if window.state is WindowState.CLOSING else advance(window, WindowState.CLOSING, now)
    return replace(closing, closed_by=closed_by or closing.closed_by)


def record_closed(window: RecoveryWindow, now: datetime, rereads: Sequence[timedelta]) -> RecoveryWindow:
    """The window CLOSED_VERIFIED, its account to be read again.

    :raises WindowConflictError: if it isn't CLOSING.
    """
    closed = replace(
        advance(window, WindowState.CLOSED_VERIFIED, now), failed_closings=0, next_closing_at=None, rereads_done=0
    )
    return _schedule_reread(closed, rereads)


def record_failed(window: RecoveryWindow, now: datetime, failure: str) -> RecoveryWindow:
    """The window CLOSE_FAILED, to be closed again at most a minute later.

    :raises WindowConflictError: if it isn't CLOSING.
    """
    failed = window.failed_closings + 1
    return replace(
        advance(window, WindowState.CLOSE_FAILED, now, failure),
        failed_closings=failed,
        next_closing_at=now + find_backoff(failed),
    )


def classify_severity(window: RecoveryWindow, now: datetime) -> Severity:
    """How urgent it is at that moment that the window isn't closed; INFO while nothing has failed."""
    is_long_overdue = window.is_overdue(now - CRITICAL_OVERDUE)
    if window.failed_closings >= CRITICAL_FROM or (window.failed_closings and is_long_overdue):
        return Severity.CRITICAL
    return Severity.WARNING if window.failed_closings else Severity.INFO


def find_raised_severity(before: RecoveryWindow, failed: RecoveryWindow, now: datetime) -> Severity | None:
    """The severity of a closing that has just failed, if it is higher than when the one before failed.

    :param before: the same window CLOSING; when its last closing failed follows from when the next one was due.
    """
    severity = classify_severity(failed, now)
    earlier = Severity.INFO
    if before.failed_closings and before.next_closing_at is not None:
        earlier = classify_severity(before, before.next_closing_at - find_backoff(before.failed_closings))
    return severity if severity.rank > earlier.rank else None


def _schedule_reread(window: RecoveryWindow, rereads: Sequence[timedelta]) -> RecoveryWindow:
    if window.closed_at is None or window.rereads_done >= len(rereads):
        return replace(window, next_reread_at=None)
    return replace(window, next_reread_at=window.closed_at + rereads[window.rereads_done])


def require_reread_due(window: RecoveryWindow, now: datetime) -> None:
    """:raises WindowConflictError: if no re-read is due, such as since somebody else has made it."""
    is_due = window.next_reread_at is not None and window.next_reread_at <= now
    if window.state is not WindowState.CLOSED_VERIFIED or not is_due:
        raise WindowConflictError(f"No re-read of recovery window {window.window_id} is due.")


def record_clean_reread(window: RecoveryWindow, now: datetime, rereads: Sequence[timedelta]) -> RecoveryWindow:
    """The window with one more re-read done, which stands for every other that was due by now, too.

    :raises WindowConflictError: if none is due.
    """
    require_reread_due(window, now)
    passed = sum(window.closed_at is not None and window.closed_at + later <= now for later in rereads)
    return _schedule_reread(replace(window, rereads_done=max(window.rereads_done + 1, passed)), rereads)


def postpone_reread(window: RecoveryWindow, now: datetime) -> RecoveryWindow:
    """The window whose account couldn't be read: it is never counted as clean, and is read again soon.

    :raises WindowConflictError: if none is due.
    """
    require_reread_due(window, now)
    age = now - (window.closed_at or now)
    return replace(window, next_reread_at=now + max(REREAD_AGAIN, min(age / 20, REREAD_AGAIN_AT_MOST)))


def end_rereads(window: RecoveryWindow) -> RecoveryWindow:
    """The window whose account isn't read again any more: another window owes that, or it is too late.

    :raises WindowConflictError: if it isn't CLOSED_VERIFIED.
    """
    if window.state is not WindowState.CLOSED_VERIFIED:
        raise WindowConflictError(f"Recovery window {window.window_id} is {window.state}: it has no re-reads.")
    return replace(window, next_reread_at=None)


def is_reread_given_up(window: RecoveryWindow, now: datetime, rereads: Sequence[timedelta]) -> bool:
    """Whether the re-read is so late that what it finds may long be somebody else's."""
    last = rereads[-1] if rereads else timedelta()
    return window.closed_at is not None and now - window.closed_at > last + REREAD_OWED_FOR


def reopen(window: RecoveryWindow, now: datetime) -> RecoveryWindow:
    """The window CLOSING once more, since a re-read found root user credentials in its account.

    :raises WindowConflictError: if it isn't CLOSED_VERIFIED, or no re-read is due.
    """
    require_reread_due(window, now)
    return replace(
        advance(window, WindowState.CLOSING, now),
        closed_by=None,
        failed_closings=0,
        next_closing_at=None,
        rereads_done=0,
        next_reread_at=None,
    )
