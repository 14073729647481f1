"""Waiting in this process for the end of a recovery window, and closing it then, however often it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import chain, repeat

from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow
from rootkeeper.errors import DatabaseError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.closing import CloseOutcome, CloseResult, WindowCloser

STEP_SECONDS = 1.0
"""How long a sleep is at most, so that a stop or a due window is noticed soon."""

LOOK_EVERY_SECONDS = 10
"""How often the database is asked whether somebody else closed or prolonged the window."""

_ENDS = frozenset({CloseOutcome.CLOSED, CloseOutcome.CLOSED_UNRECORDED, CloseOutcome.UNNEEDED})


class WaitResult(StrEnum):
    """Why waiting ended."""

    DUE = "due"
    STOPPED = "stopped"
    """The person or the system asked to stop: close now."""
    OVER = "over"
    """Somebody else closed the window."""


@dataclass(frozen=True, slots=True)
class WindowWaiter:
    """Waits for a window's end in this process, then closes it."""

    closing: WindowCloser
    windows: RecoveryWindows
    clock: Clock
    progress: Progress
    remark_every_seconds: int = 300
    retry_seconds: int = 60
    """At most this long after a failed closing it is tried again."""

    def wait(
        self,
        window: RecoveryWindow,
        is_stopped: Callable[[], bool],
        show: Callable[[RecoveryWindow], None] = lambda _: None,
    ) -> WaitResult:
        """Sleep in steps of at most a second until the window is due, by wall or by monotonic time; polls
        ``is_stopped``, and looks at times, and at its end, whether somebody else closed or prolonged it.

        :param show: told the window as it stands, each time that it is looked at.
        """
        started = self.clock.monotonic()
        lasts = self._find_remaining(window)
        next_look, next_remark = float(LOOK_EVERY_SECONDS), 0
        while not is_stopped():
            passed = self.clock.monotonic() - started
            remaining = min(self._find_remaining(window), lasts - passed)
            if remaining <= 0 or passed >= next_look:
                next_look = passed + LOOK_EVERY_SECONDS
                latest = self._find_latest(window)
                if latest.state in FINAL_STATES:
                    return WaitResult.OVER
                prolonged = latest.duration_seconds - window.duration_seconds
                window, lasts, remaining = latest, lasts + prolonged, remaining + prolonged
                show(window)
            if remaining <= 0:
                return WaitResult.DUE
            if passed >= next_remark:
                next_remark += self.remark_every_seconds
                self.progress.remark(_describe_remaining(window, remaining))
            self.clock.sleep(min(STEP_SECONDS, remaining))
        return WaitResult.STOPPED

    def close(self, window: RecoveryWindow, is_stopped: Callable[[], bool] = lambda: False) -> CloseResult:
        """Close, and try again, at most ``retry_seconds`` later each time, until it is closed or ``is_stopped``.

        A closing that only couldn't be recorded isn't repeated: the next command that changes something records it.

        ``is_stopped`` is asked after each attempt, never before the first: a stop while waiting means to close now,
        so give a flag of its own, for the second Ctrl-C.
        """
        closing = self.closing.close(window)
        for pause in self._pauses():
            if closing.outcome in _ENDS or not self._sleep(pause, is_stopped):
                break
            self.progress.remark(f"Trying again to close recovery window {window.window_id}.")
            closing = self.closing.close(closing.window)
        return closing

    def _pauses(self) -> Iterator[float]:
        return (min(pause, self.retry_seconds) for pause in chain((5, 10, 20, 40), repeat(self.retry_seconds)))

    def _sleep(self, seconds: float, is_stopped: Callable[[], bool]) -> bool:
        """``False`` if it was stopped."""
        end = self.clock.monotonic() + seconds
        while not is_stopped():
            remaining = end - self.clock.monotonic()
            if remaining <= 0:
                return True
            self.clock.sleep(min(STEP_SECONDS, remaining))
        return False

    def _find_remaining(self, window: RecoveryWindow) -> float:
        end = window.expires_at or self.clock.now()
        return (end - self.clock.now()).total_seconds()

    def _find_latest(self, window: RecoveryWindow) -> RecoveryWindow:
        with suppress(DatabaseError):
            return self.windows.get(window.window_id)
        return window


def _describe_remaining(window: RecoveryWindow, seconds: float) -> str:
    left = timedelta(seconds=round(seconds))
    return f"Recovery window {window.window_id} of {window.account_id} closes in {left}; Ctrl-C closes it now."
