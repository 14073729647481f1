"""Closing recovery windows at their end, in every server and worker: a plain loop over our own table.

It hangs on no engine, no schedule and no version of the application. Each tick lists the windows that aren't over,
claims those that are due under their account's lock, without waiting for it, and closes several at a time on threads of
their own; between two ticks those that are known become due. What a process that died left behind is settled as well,
so that a window which was just being opened comes to its end. While the database can't be read, it goes on with the
windows that it knows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from rootkeeper.domain.notifications import NotificationEvent, Severity
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.window_closings import CRITICAL_OVERDUE, find_backoff
from rootkeeper.domain.window_deadlines import ClockTimes, Deadlines
from rootkeeper.domain.windows import FINAL_STATES, OWING_STATES, RecoveryWindow, WindowState
from rootkeeper.errors import DatabaseError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.closing import CloseOutcome, CloseResult, WindowCloser
from rootkeeper.workflows.crews import KeyedExecutor
from rootkeeper.workflows.leftover_settling import OrphanSettler
from rootkeeper.workflows.window_notices import WindowNotices

BUSY_SECONDS = 1.0
"""How long a window is left alone, at least, that somebody else is closing; at most twice as long."""
LISTING_SECONDS = 1.0
"""How often the windows are listed anew; between two listings those that are known become due."""


@dataclass(slots=True)
class WindowCloseLoop:
    """Finds what is due, again and again. One for each process: it remembers what it has seen."""

    windows: RecoveryWindows
    closing: WindowCloser
    settling: OrphanSettler
    notices: WindowNotices
    clock: Clock
    progress: Progress
    executor: KeyedExecutor
    shuffle: Callable[[list[RecoveryWindow]], None]
    """Changes the order, so that several workers don't all begin with the same window."""
    jitter: Callable[[], float]
    """From 0 to 1."""
    most_offered: int = 64
    """So many windows at most wait for a thread or have one: those that were due first needn't wait for all others."""
    _deadlines: Deadlines = field(default_factory=Deadlines)
    _known: tuple[RecoveryWindow, ...] = ()
    """That aren't over, as they were listed last."""
    _listing_at: float = float("-inf")
    """When they are listed next, in monotonic seconds."""
    _is_database_down: bool = False
    _pauses: dict[str, float] = field(default_factory=dict)
    """By window: until when, in monotonic seconds, it is left alone."""
    _unrecorded: dict[str, int] = field(default_factory=dict)
    """By window: attempts in a row of which the database doesn't know."""
    _reported_overdue: set[str] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def turn(self) -> None:
        """What a server does several times each second: a tick, or, between two of them, a look at what is known."""
        now = self.clock.monotonic()
        if now < self._listing_at:
            self._offer([window for window in self._known if window.state in OWING_STATES])
            return
        self._listing_at = now + LISTING_SECONDS
        self.tick()

    def tick(self) -> None:
        """One turn: begin to close what is due, and to settle what was left; waits for neither."""
        unfinished = self._list_unfinished()
        owing = [window for window in unfinished if window.state in OWING_STATES]
        moment = self._read_clocks()
        with self._guard:
            self._deadlines.learn(owing, moment)
            self._forget_all_but(owing)
        self._offer(owing)
        for window in owing:
            self._notify_overdue(window, moment)
        if not self._is_database_down:
            self.settling.begin(unfinished, self.executor, {one.account_id for one in owing if self._is_due(one)})

    def stop(self, seconds: float) -> bool:
        """Begin nothing more, and wait for what is under way; ``False`` if that takes longer."""
        self.executor.stop()
        return self.executor.wait_idle(seconds)

    def _offer(self, owing: Sequence[RecoveryWindow]) -> None:
        due = [window for window in owing if self._is_due(window) and not self._is_paused(window)]
        held = self._list_held(due)
        self.shuffle(due)
        due.sort(key=_find_urgency)
        for window in due:
            if self.executor.count() >= self.most_offered:
                break
            if window.account_id not in held:
                self.executor.offer(window.account_id, partial(self._close, window))

    def _list_held(self, due: Sequence[RecoveryWindow]) -> frozenset[AccountId]:
        """Accounts whose windows somebody is closing. To ask for their locks would keep all writers waiting; and who
        looks again and again sees at once when the lease of a worker that died is over.
        """
        closing = [window.account_id for window in due if window.state is WindowState.CLOSING]
        if not closing or self._is_database_down:
            return frozenset()
        try:
            return self.closing.locks.list_held(closing)
        except DatabaseError:
            return frozenset()

    def _list_unfinished(self) -> Sequence[RecoveryWindow]:
        try:
            self._known = self.windows.list_windows(unfinished_only=True)
        except DatabaseError as error:
            if not self._is_database_down:
                self.progress.remark(f"ALERT: closing goes on with what is known of windows: {error.message}")
            self._is_database_down = True
        else:
            self._is_database_down = False
        return self._known

    def _read_clocks(self) -> ClockTimes:
        return ClockTimes(self.clock.now(), self.clock.monotonic())

    def _forget_all_but(self, owing: Sequence[RecoveryWindow]) -> None:
        owed = {window.window_id for window in owing}
        self._pauses = {window_id: until for window_id, until in self._pauses.items() if window_id in owed}
        self._unrecorded = {window_id: tries for window_id, tries in self._unrecorded.items() if window_id in owed}
        self._reported_overdue &= owed

    def _is_due(self, window: RecoveryWindow) -> bool:
        with self._guard:
            return self._deadlines.is_due(window, self._read_clocks())

    def _is_paused(self, window: RecoveryWindow) -> bool:
        with self._guard:
            return self._pauses.get(window.window_id, 0) > self.clock.monotonic()

    def _close(self, window: RecoveryWindow) -> None:
        """On a thread of the crew. A mistake of ours in it must not come again each second."""
        self._pause(window, find_backoff(1))
        state = self._find_state(window)
        if state in FINAL_STATES:
            return
        if state is WindowState.CLOSING and window.state is not state:
            self._pause_busy(window)
            return
        closing = self.closing.attempt(window, self._is_due)
        self._note(closing)
        if closing.outcome in {CloseOutcome.CLOSED, CloseOutcome.CLOSED_UNRECORDED}:
            self.progress.remark(f"Recovery window {window.window_id}: {closing.explanation}")
        elif closing.outcome is CloseOutcome.FAILED:
            self.progress.remark(f"ALERT: recovery window {window.window_id} isn't closed: {closing.explanation}")

    def _find_state(self, window: RecoveryWindow) -> WindowState:
        """Another worker may have closed it since it was listed, or have begun to: then its lock, for which all
        workers write, needn't be asked for.
        """
        with suppress(DatabaseError):
            return self.windows.get(window.window_id).state
        return window.state

    def _note(self, closing: CloseResult) -> None:
        """When it is tried again. A failure that the row has is paced by the row, so that all workers know."""
        window = closing.window
        if closing.outcome is CloseOutcome.BUSY:
            self._pause_busy(window)
        elif closing.outcome is CloseOutcome.CLOSED_UNRECORDED:
            self._count_unrecorded(window)
            if self._is_database_down:
                self._known = tuple(one for one in self._known if one.window_id != window.window_id)
        elif closing.outcome is CloseOutcome.FAILED and window.state is not WindowState.CLOSE_FAILED:
            self._count_unrecorded(window)
        elif closing.outcome is not CloseOutcome.CLOSED:  # that one is known as owing until it is listed anew
            with self._guard:
                self._pauses.pop(window.window_id, None)
                self._unrecorded.pop(window.window_id, None)

    def _count_unrecorded(self, window: RecoveryWindow) -> None:
        with self._guard:
            tries = self._unrecorded[window.window_id] = self._unrecorded.get(window.window_id, 0) + 1
        self._pause(window, find_backoff(tries))

    def _pause_busy(self, window: RecoveryWindow) -> None:
        self._pause(window, timedelta(seconds=BUSY_SECONDS * (1 + self.jitter())))

    def _pause(self, window: RecoveryWindow, length: timedelta) -> None:
        with self._guard:
            self._pauses[window.window_id] = self.clock.monotonic() + length.total_seconds()

    def _notify_overdue(self, window: RecoveryWindow, moment: ClockTimes) -> None:
        """A failed closing tells of itself; one that nobody comes to must show as well."""
        is_told = window.state is WindowState.CLOSE_FAILED or window.window_id in self._reported_overdue
        if is_told or not self._deadlines.is_overdue_by(window, CRITICAL_OVERDUE, moment):
            return
        self._reported_overdue.add(window.window_id)
        self.progress.remark(f"ALERT: recovery window {window.window_id} is {window.state} long after its end.")
        self.notices.announce(
            NotificationEvent.WINDOW_CLOSE_FAILED,
            window,
            f"It is still {window.state}, more than five minutes after its end: whoever holds its account may be "
            "stuck, or it can't be read what is open there. See: "
            f"rootkeeper windows show {window.window_id}",
            severity=Severity.CRITICAL,
            key=f"overdue {window.expires_at}",
        )


def _find_urgency(window: RecoveryWindow) -> int:
    """The second of its end; those of one second stay in the order in which they are."""
    return 0 if window.expires_at is None else int(window.expires_at.timestamp())
