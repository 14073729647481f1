"""When a window's closing is due, by the wall clock or by the time that has passed, whichever comes first.

The wall clock may be set back; the time that passes in a process may not. So each process remembers, from its first
sight of a window, how long that may still last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rootkeeper.domain.window_closings import BACKOFF
from rootkeeper.domain.windows import RecoveryWindow, WindowState


@dataclass(frozen=True, slots=True)
class ClockTimes:
    """Now, by both clocks."""

    now: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class _Deadline:
    due_at: datetime
    due_monotonic: float
    is_end: bool
    """Whether it is the window's end, and not that of a pause after a failure."""


@dataclass(slots=True)
class Deadlines:
    """What one process knows of the windows that owe their closing."""

    _known: dict[str, _Deadline] = field(default_factory=dict)

    def learn(self, windows: Iterable[RecoveryWindow], moment: ClockTimes) -> None:
        """Note the windows that owe their closing now, and forget all others."""
        known = self._known
        self._known = {
            window.window_id: deadline
            for window in windows
            if (deadline := _find_deadline(window, moment, known.get(window.window_id))) is not None
        }

    def is_due(self, window: RecoveryWindow, moment: ClockTimes) -> bool:
        """Whether its closing should be tried now; one that was begun and isn't finished always should."""
        if window.state is WindowState.CLOSING:
            return True
        if window.state not in {WindowState.OPEN, WindowState.CLOSE_FAILED}:
            return False
        deadline = _find_deadline(window, moment, self._known.get(window.window_id))
        return deadline is None or deadline.due_at <= moment.now or deadline.due_monotonic <= moment.monotonic

    def is_overdue_by(self, window: RecoveryWindow, by: timedelta, moment: ClockTimes) -> bool:
        """Whether its end is past by so much."""
        deadline = self._known.get(window.window_id)
        if window.is_overdue(moment.now - by):
            return True
        if deadline is None or not deadline.is_end:
            return False
        return moment.monotonic - deadline.due_monotonic >= by.total_seconds()


def _find_deadline(window: RecoveryWindow, moment: ClockTimes, known: _Deadline | None) -> _Deadline | None:
    """``None`` for a window that is due at once."""
    is_end = window.state is not WindowState.CLOSE_FAILED
    due_at = window.expires_at if is_end else window.next_closing_at
    if due_at is None or window.state is WindowState.CLOSING:
        return None
    if known is not None and known.is_end is is_end:
        moved = (due_at - known.due_at).total_seconds()
        if is_end or not moved:
            return _Deadline(due_at, known.due_monotonic + moved, is_end)
    left = due_at - moment.now
    if not is_end:
        left = min(left, BACKOFF[-1])
    return _Deadline(due_at, moment.monotonic + left.total_seconds(), is_end)
