"""The loop that closes recovery windows, maintains them, and settles orphans, in every server and worker.

It depends on no engine, schedule or application version. Each tick lists the unfinished windows, claims those that are
due under their account's lock without waiting for it, and closes several at a time on threads of their own. Between two
ticks, known windows become due. While the database can't be read, the loop continues with the windows that it knows.

It also settles the orphans of dead processes, so that a window in mid-step comes to its end. An account is tried at
once when something new is found in it, then less and less often: more calls wouldn't make an unreadable account
readable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from rootkeeper.acting import Acting
from rootkeeper.approvals.rules import PeopleReader
from rootkeeper.aws.rules import SERVER_NAME
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.database.engines import using_reserve
from rootkeeper.errors import AccountBusyError, DatabaseError, LockLostError, NotFoundError, WindowConflictError
from rootkeeper.ledger.rules import Action
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.threads import KeyedExecutor
from rootkeeper.settlement.service import Settlement, SettlementReport
from rootkeeper.windows.approvals import cancel_lost, find_loss, lapse
from rootkeeper.windows.closing import AGAIN_SECONDS, WindowCloser, describe_again
from rootkeeper.windows.decisions import Step, WindowNotices, describe_request, record_decision
from rootkeeper.windows.rereading import WindowRereader
from rootkeeper.windows.rules import (
    CRITICAL_FROM,
    CRITICAL_OVERDUE,
    FINAL_STATES,
    OWING_STATES,
    WAITING_STATES,
    ClockTimes,
    CloseOutcome,
    CloseResult,
    Deadlines,
    RecoveryWindow,
    WindowState,
    find_backoff,
)

_LeftType = TypeVar("_LeftType")
_ORGANIZATION = "organization"
_FIRST_PAUSES = (2.0, 2.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_LAST_PAUSE = 60.0


@dataclass(slots=True)
class _RetryState:
    marks: frozenset[str]
    count: int = 0
    again_at: float = 0.0
    """In monotonic seconds."""


@dataclass(slots=True)
class OrphanSettler:
    """Starts the settlement of orphans. Each process has its own, because it remembers its attempts."""

    settlement: Settlement
    notices: WindowNotices
    _tries: dict[str, _RetryState] = field(default_factory=dict)

    def begin(
        self, unfinished: Sequence[RecoveryWindow], executor: KeyedExecutor, closing_first: Collection[AccountId]
    ) -> None:
        """Begin to settle orphans that are due.

        :param unfinished: the unfinished windows.
        :param closing_first: accounts with a due window; closing it is more urgent than settling.
        :raises DatabaseError: if the orphans can't be read.
        """
        left = self.settlement.find_left(unfinished)
        organization = frozenset(str(entry.sequence) for entry in left.of_organization)
        keys = {_ORGANIZATION, *(account.account_id for account in left.accounts)}
        self._tries = {key: tries for key, tries in self._tries.items() if key in keys}
        if organization and self._is_time(_ORGANIZATION, organization):
            executor.offer(_ORGANIZATION, partial(self._settle, self.settlement.settle_setup, left))
        for account in left.accounts:
            if account.account_id not in closing_first and self._is_time(account.account_id, account.marks):
                executor.offer(account.account_id, partial(self._settle, self.settlement.settle_account, account))

    def _is_time(self, key: str, marks: frozenset[str]) -> bool:
        tries = self._tries.get(key)
        if tries is None or tries.marks != marks:
            tries = self._tries[key] = _RetryState(marks)
        if self.settlement.acting.clock.monotonic() < tries.again_at:
            return False
        pause = _FIRST_PAUSES[tries.count] if tries.count < len(_FIRST_PAUSES) else _LAST_PAUSE
        tries.count, tries.again_at = tries.count + 1, self.settlement.acting.clock.monotonic() + pause
        return True

    def _settle(self, settle: Callable[[_LeftType], SettlementReport], left: _LeftType) -> None:
        report = settle(left)
        for intent in report.intents:
            if intent.result is not None:
                result = f"{intent.action.value}: {intent.result.value}"
                self.settlement.progress.remark(f"Settled entry {intent.sequence} ({result}). {intent.explanation}")
        for settled in report.windows:
            if not settled.is_settled:
                continue
            window = settled.after
            self.settlement.progress.remark(f"Recovery window {window.window_id}: {settled.explanation}")
            body = f"The process that was opening the window ended. {settled.explanation}"
            if window.state is WindowState.OPEN:
                self.notices.announce(NotificationEvent.WINDOW_OPENED, window, body, severity=Severity.WARNING)
            else:
                self.notices.announce(NotificationEvent.WINDOW_OPEN_FAILED, window, body)


REVIEWS_EVERY_SECONDS = 60.0
"""How often overdue reviews are looked for."""


@dataclass(slots=True)
class WindowMaintenance:
    """Ends requests that lapsed, or of people who were disabled or lost their role, re-reads accounts and reminds of
    overdue reviews. Each process has its own.

    Each step holds the account's lock, so that a single process takes it.
    """

    acting: Acting
    notices: WindowNotices
    rereading: WindowRereader
    executor: KeyedExecutor
    people: PeopleReader
    _reviews_at: float | None = None
    """When overdue reviews were last looked for, in monotonic seconds."""

    def tick(self) -> None:
        """Do the due work. Re-reads are started, not awaited."""
        now = self.acting.window_clock.now()
        for window in self.rereading.windows.list_rereads_due(now):
            self.executor.offer(window.account_id, partial(self.rereading.reread, window))
        for window in self.rereading.windows.list_lapsing(now):
            self._lapse(window, now)
        self._cancel_lost(now)
        if (
            self._reviews_at is not None
            and self.acting.window_clock.monotonic() - self._reviews_at < REVIEWS_EVERY_SECONDS
        ):
            return
        self._reviews_at = self.acting.window_clock.monotonic()
        for window in self.rereading.windows.list_reviews_due(now):
            # When the review is overdue, then each day; the key keeps the other workers from repeating it.
            days = (now - (window.review_due_at or now)) // timedelta(days=1)
            body = (
                f"{describe_request(window)} It was opened without approval, and its review is overdue. "
                f"A second person must review window {window.window_id}."
            )
            self.notices.announce(NotificationEvent.WINDOW_REVIEW_OVERDUE, window, body, key=f"day {days}")

    def stop(self, seconds: float) -> bool:
        """Start nothing more, and wait for work in progress; ``False`` if it takes longer."""
        self.executor.stop()
        return self.executor.wait_idle(seconds)

    def _lapse(self, window: RecoveryWindow, now: datetime) -> None:
        lapsed = self._decide(Action.WINDOW_LAPSE, window, partial(lapse, now=now), now)
        if lapsed is not None:
            body = f"{describe_request(lapsed)} {lapsed.failure or ''} Request it again if it is still needed."
            self.notices.announce(NotificationEvent.WINDOW_LAPSED, lapsed, body)

    def _cancel_lost(self, now: datetime) -> None:
        """Cancel requests by today's users and roles alone. The account's place isn't always known here, so the limits
        of people to some accounts are judged when the window is opened.
        """
        waiting = [
            window
            for window in self.rereading.windows.list_windows(unfinished_only=True)
            if window.state in WAITING_STATES
        ]
        if not waiting:
            return
        people = self.people.read(None, now)
        for window in waiting:
            if find_loss(window, people) is None:
                continue
            step = partial(cancel_lost, name=SERVER_NAME, now=now, people=people)
            cancelled = self._decide(Action.WINDOW_CANCEL, window, step, now)
            if cancelled is not None:
                body = (
                    f"{describe_request(cancelled)} {cancelled.failure or ''} Request it again if it is still needed."
                )
                self.notices.announce(NotificationEvent.WINDOW_CANCELLED, cancelled, body)

    def _decide(self, action: Action, window: RecoveryWindow, step: Step, now: datetime) -> RecoveryWindow | None:
        """``None`` if it is being activated, or another process was faster."""
        try:
            with self.acting.locks.hold(window.account_id, "ending a request"):
                found = self.rereading.windows.get(window.window_id)
                runner = ChangeRunner(self.acting.ledger, self.acting.clock)
                return record_decision(self.rereading.windows, runner, action, found, step, now, {})
        except (AccountBusyError, LockLostError, WindowConflictError):
            return None


BUSY_SECONDS = 1.0
"""How long at least a window is left alone that another process is closing; at most twice as long."""

LISTING_SECONDS = 1.0
"""How often the windows are listed; between two listings known windows become due."""


LATE_SECONDS = 10.0
"""A server with a window that is due for so long isn't ready."""

SILENT_SECONDS = 3.0
"""After a listing has taken so long, the database counts as down for attempts beside others."""

LONGEST_LOOK_SECONDS = 1.0
"""More time than this between two looks isn't the database's: this process was stopped."""


@dataclass(slots=True)
class WindowCloseLoop:
    """Finds and closes due windows. Each process has its own, because it remembers the windows."""

    acting: Acting
    closing: WindowCloser
    settling: OrphanSettler
    notices: WindowNotices
    executor: KeyedExecutor
    shuffle: Callable[[list[RecoveryWindow]], None]
    """Changes the order, so that workers don't all begin with the same window."""
    jitter: Callable[[], float]
    """From 0 to 1."""
    again: KeyedExecutor
    """For attempts beside others that don't end."""
    most_offered: int = 64
    """How many windows may have or wait for a thread, so that those due first don't wait for all others."""
    _deadlines: Deadlines = field(default_factory=Deadlines)
    _known: tuple[RecoveryWindow, ...] = ()
    """The unfinished windows, as last listed."""
    _listing_at: float = float("-inf")
    """When they are listed next, in monotonic seconds."""
    _is_database_down: bool = False
    _listing_began: float | None = None
    """Monotonic; ``None`` between listings."""
    _looked: tuple[float | None, float] = (None, float("-inf"))
    """The listing in progress at the last look, by its beginning, and when the look was, in monotonic seconds."""
    _silent_seconds: float = 0.0
    """How long the listing in progress has taken, without the time for which this process was stopped."""
    _due_since: dict[str, float] = field(default_factory=dict)
    """By window: since when it is due, in monotonic seconds."""
    _again_at: dict[str, float] = field(default_factory=dict)
    """By window: when it is closed again beside an attempt that hasn't ended, in monotonic seconds."""
    _pauses: dict[str, float] = field(default_factory=dict)
    """By window: until when it is left alone, in monotonic seconds."""
    _unrecorded: dict[str, int] = field(default_factory=dict)
    """By window: consecutive attempts that aren't in the database."""
    _closed_unrecorded: set[str] = field(default_factory=set)
    """Windows with a closing that isn't in the database; they are closed again, once that can be recorded."""
    _reported_overdue: set[str] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @using_reserve()
    def turn(self) -> None:
        """Called several times a second: run a tick, or, between two ticks, close known windows that became due."""
        now = self.acting.window_clock.monotonic()
        if now < self._listing_at:
            self._offer([window for window in self._known if window.state in OWING_STATES])
            return
        self._listing_at = now + LISTING_SECONDS
        self.tick()

    def watch(self) -> None:
        """Close windows again that are due for too long, whatever the other threads wait for.

        Called several times a second by a thread of its own. It reads only what this process knows.
        """
        now = self.acting.window_clock.monotonic()
        self._measure_silence(now)
        owing = [window for window in self._known if window.state in OWING_STATES]
        is_due = {window.window_id: self._is_due(window) for window in owing}
        with self._guard:
            owing = [window for window in owing if window.window_id not in self._closed_unrecorded]
            due = [window for window in owing if is_due[window.window_id]]
            # After that people know it, and the account is at fault, not the server.
            failing = [window for window in owing if 0 < window.failed_closings < CRITICAL_FROM]
            self._due_since = {
                window.window_id: self._due_since.get(window.window_id, now) for window in (*due, *failing)
            }
            self._again_at = {
                window.window_id: self._again_at.get(window.window_id, now + AGAIN_SECONDS) for window in due
            }
            late = [window for window in due if self._again_at[window.window_id] <= now]
        for window in late:
            if self.again.offer(window.account_id, partial(self._close_again, window)):
                self._again_at[window.window_id] = now + 2 * AGAIN_SECONDS

    def count_late(self) -> int:
        """Count the windows that are due for so long that the server isn't ready."""
        latest = self.acting.window_clock.monotonic() - LATE_SECONDS
        return sum(since <= latest for since in tuple(self._due_since.values()))

    def _measure_silence(self, now: float) -> None:
        """Count how long the database hasn't answered. The time of a stop doesn't count: meanwhile, another process may
        have closed the windows that this process knows.
        """
        began, (looked_at, last_look) = self._listing_began, self._looked
        is_same = began is not None and began == looked_at
        self._silent_seconds = self._silent_seconds + min(now - last_look, LONGEST_LOOK_SECONDS) if is_same else 0.0
        self._looked = began, now

    @using_reserve()
    def _close_again(self, window: RecoveryWindow) -> None:
        """Runs on a thread of its own."""
        self.closing.progress.remark(describe_again(window))
        can_read = not self._is_database_down and self._silent_seconds < SILENT_SECONDS
        closing = self.closing.reconnected().attempt_beside(window, self._is_due, can_read=can_read)
        self._note_end(window, closing)

    def tick(self) -> None:
        """Start to close due windows and to settle orphans, without waiting."""
        self._listing_began = self.acting.window_clock.monotonic()
        try:
            self._known = self._keep_owing(self.closing.windows.list_windows(unfinished_only=True))
        except DatabaseError as error:
            if not self._is_database_down:
                self.closing.progress.remark(
                    f"ALERT: closing continues with the windows that are known: {error.message}"
                )
            self._is_database_down = True
        else:
            self._is_database_down = False
        finally:
            self._listing_began = None
        unfinished = self._known
        owing = [window for window in unfinished if window.state in OWING_STATES]
        moment = self._read_clocks()
        with self._guard:
            self._deadlines.learn(owing, moment)
            owed = {window.window_id for window in owing}
            self._pauses = {window_id: until for window_id, until in self._pauses.items() if window_id in owed}
            self._unrecorded = {window_id: tries for window_id, tries in self._unrecorded.items() if window_id in owed}
            self._closed_unrecorded &= owed
            self._reported_overdue &= owed
        self._offer(owing)
        for window in owing:
            self._notify_overdue(window, moment)
        if not self._is_database_down:
            with suppress(DatabaseError):  # the next listing reports it
                self.settling.begin(
                    unfinished, self.executor, {window.account_id for window in owing if self._is_due(window)}
                )

    def stop(self, seconds: float) -> bool:
        """Start nothing more, and wait for work in progress; ``False`` if it takes longer."""
        self.executor.stop()
        self.again.stop()
        return self.executor.wait_idle(seconds)

    def _keep_owing(self, listed: tuple[RecoveryWindow, ...]) -> tuple[RecoveryWindow, ...]:
        """Add known windows that must be closed and that the listing lacks, or has from before their opening: only a
        replaced, restored or damaged database has that. A window that has ended is in the database as such.

        :raises DatabaseError: if the database can't be read.
        """
        waiting = {window.window_id for window in listed if window.state in WAITING_STATES}
        current = {window.window_id for window in listed} - waiting
        kept = []
        for window in self._known:
            if window.state not in OWING_STATES or window.window_id in current:
                continue
            with suppress(NotFoundError):
                if self.closing.windows.get(window.window_id).state in FINAL_STATES:
                    continue
            kept.append(window)
        kept_ids = {window.window_id for window in kept}
        return (*(window for window in listed if window.window_id not in kept_ids), *kept)

    def _offer(self, owing: Sequence[RecoveryWindow]) -> None:
        with self._guard:
            paused = {
                window_id for window_id, until in self._pauses.items() if until > self.acting.window_clock.monotonic()
            }
            if not self.acting.locks.are_renewed():
                paused |= self._closed_unrecorded
        due = [window for window in owing if window.window_id not in paused and self._is_due(window)]
        held = self._list_held(due)
        self.shuffle(due)
        # By the second of the end; windows of the same second keep their order.
        due.sort(key=lambda window: 0 if window.expires_at is None else int(window.expires_at.timestamp()))
        for window in due:
            if self.executor.count() >= self.most_offered:
                break
            if window.account_id not in held:
                self.executor.offer(window.account_id, partial(self._close, window))

    def _list_held(self, due: Sequence[RecoveryWindow]) -> frozenset[AccountId]:
        """List accounts with a window that another process is closing. To request their locks would delay all writers,
        and frequent reads notice at once when the lease of a dead worker ends.
        """
        closing = [window.account_id for window in due if window.state is WindowState.CLOSING]
        if not closing or self._is_database_down:
            return frozenset()
        try:
            return self.acting.locks.list_held(closing)
        except DatabaseError:
            return frozenset()

    def _read_clocks(self) -> ClockTimes:
        return ClockTimes(self.acting.window_clock.now(), self.acting.window_clock.monotonic())

    def _is_due(self, window: RecoveryWindow) -> bool:
        with self._guard:
            return self._deadlines.is_due(window, self._read_clocks())

    @using_reserve()
    def _close(self, window: RecoveryWindow) -> None:
        """Runs on a thread of the executor. The pause keeps an error of the program from repeating each second."""
        self._pause(window, find_backoff(1))
        state = window.state
        with suppress(DatabaseError, NotFoundError):
            # Another worker may be closing it or have closed it, and then no lock is needed.
            state = self.closing.windows.get(window.window_id).state
        if state in FINAL_STATES:
            return
        if state is WindowState.CLOSING and window.state is not state:
            self._pause_busy(window)
            return
        self._note_end(window, self.closing.attempt(window, self._is_due))

    def _note_end(self, window: RecoveryWindow, closing: CloseResult) -> None:
        """Note and report the result of an attempt."""
        self._note(closing)
        if closing.outcome is CloseOutcome.CLOSED:
            self.closing.progress.remark(f"Recovery window {window.window_id}: {closing.explanation}")
        elif closing.outcome is CloseOutcome.CLOSED_UNRECORDED:
            self._report_unrecorded(window, closing)
        elif closing.outcome is CloseOutcome.FAILED:
            self.closing.progress.remark(
                f"ALERT: recovery window {window.window_id} isn't closed: {closing.explanation}"
            )

    def _report_unrecorded(self, window: RecoveryWindow, closing: CloseResult) -> None:
        """Report once; as urgently as an open window, because only such a notification is sent without the database."""
        self.closing.progress.remark(f"ALERT: recovery window {window.window_id}: {closing.explanation}")
        with self._guard:
            is_known = window.window_id in self._closed_unrecorded
            self._closed_unrecorded.add(window.window_id)
        if not is_known:
            body = f"{closing.explanation} The record of the closing is in a spill file. {closing.hint or ''}".strip()
            self.notices.announce(
                NotificationEvent.WINDOW_CLOSED, window, body, severity=Severity.CRITICAL, key="unrecorded"
            )

    def _note(self, closing: CloseResult) -> None:
        """Set when it is tried again. The window's row paces a recorded failure, so that all workers know."""
        window = closing.window
        if closing.outcome is CloseOutcome.BUSY:
            self._pause_busy(window)
        elif closing.outcome is CloseOutcome.CLOSED_UNRECORDED:
            self._count_unrecorded(window)
            if self._is_database_down:
                self._known = tuple(known for known in self._known if known.window_id != window.window_id)
        elif closing.outcome is CloseOutcome.FAILED and window.state is not WindowState.CLOSE_FAILED:
            self._count_unrecorded(window)
        elif closing.outcome is not CloseOutcome.CLOSED:  # a closed window is known as open until the next listing
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
            self._pauses[window.window_id] = self.acting.window_clock.monotonic() + length.total_seconds()

    def _notify_overdue(self, window: RecoveryWindow, moment: ClockTimes) -> None:
        """Report a window that no process closes; a failed closing reports itself."""
        is_reported = window.state is WindowState.CLOSE_FAILED or window.window_id in self._reported_overdue
        if is_reported or not self._deadlines.is_overdue_by(window, CRITICAL_OVERDUE, moment):
            return
        if window.reopened_at is not None and moment.now - window.reopened_at < CRITICAL_OVERDUE:
            return
        self._reported_overdue.add(window.window_id)
        self.closing.progress.remark(f"ALERT: recovery window {window.window_id} is {window.state} long after its end.")
        self.notices.announce(
            NotificationEvent.WINDOW_CLOSE_FAILED,
            window,
            f"It is still {window.state}, more than five minutes after its end. The process that holds its account "
            f"may be stuck, or the account can't be read. See window {window.window_id} for the last attempt.",
            severity=Severity.CRITICAL,
            key=f"overdue {window.expires_at}",
        )
