"""Closes recovery windows.

Closing deletes all four kinds of root user credentials. A window is CLOSED_VERIFIED only after an audit session showed
none of the four kinds; otherwise it is CLOSE_FAILED and is closed again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING

from rootkeeper.approvals.rules import COUNTING_KINDS
from rootkeeper.changes.removal import Removal, RemovalResult
from rootkeeper.changes.rules import Evaluation
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.errors import (
    AccountBusyError,
    AwsError,
    DatabaseError,
    Hint,
    LedgerUnavailableError,
    LockLostError,
    NotFoundError,
    RootkeeperError,
    WindowConflictError,
)
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action, Intent, Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.threads import WorkerThreads
from rootkeeper.windows.approvals import sort_rereads
from rootkeeper.windows.changes import WindowStep
from rootkeeper.windows.checks import AccountWork
from rootkeeper.windows.decisions import WindowNotices
from rootkeeper.windows.rules import (
    FINAL_STATES,
    OWING_STATES,
    WAITING_STATES,
    CloseOutcome,
    CloseResult,
    RecoveryWindow,
    WindowState,
    begin_closing,
    find_raised_severity,
    list_due,
    record_closed,
    record_failed,
)
from rootkeeper.windows.store import RecoveryWindowStore

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway


@dataclass(frozen=True, slots=True)
class _CloseAttempt:
    """The result of an attempt to close."""

    is_empty: bool
    failure: str | None = None
    has_ledger_failed: bool = False


@dataclass(frozen=True, slots=True)
class WindowCloser(AccountWork):
    """Closes a window."""

    notices: WindowNotices | None = None
    """``None``: the command line that closes shows the result itself."""
    own_aws: AwsGateway | None = None
    """With connections of its own; ``None``: the gateway of ``acting``."""

    @property
    def aws(self) -> AwsGateway:
        return self.own_aws or self.acting.aws

    def close(self, window: RecoveryWindow) -> CloseResult:
        """Delete all four kinds of root user credentials of the window's account, and re-read. Errors of AWS, the
        ledger or the database are in the result.

        A window that is OPENING must be settled first (``Settlement``), because the credentials may not be ours.

        :raises WindowConflictError: if the window was never opened (REQUESTED, APPROVED).
        """
        closing = self.attempt(window)
        if not closing.is_closed:
            is_unrecorded = closing.outcome is CloseOutcome.CLOSED_UNRECORDED
            what = "isn't recorded as closed" if is_unrecorded else "isn't closed"
            self.progress.remark(f"ALERT: recovery window {window.window_id} {what}: {closing.explanation}")
        return closing

    def attempt(self, window: RecoveryWindow, is_due: Callable[[RecoveryWindow], bool] = lambda _: True) -> CloseResult:
        """Close without a remark, for callers that try again themselves.

        :param is_due: called with the current window under the account's lock: it may have been extended or closed
            since it was listed.
        :raises WindowConflictError: if the window was never opened.
        """
        if window.state in WAITING_STATES:
            raise WindowConflictError(
                f"Recovery window {window.window_id} is {window.state}; nothing is open.",
                hint=Hint("Cancel the window.", "window.cancel", window_id=window.window_id),
            )
        try:
            with self.acting.locks.hold(window.account_id, _PURPOSE) as lock:
                latest = self._get_latest(window)
                if latest.state in FINAL_STATES:
                    return _describe_ended(latest)
                if not is_due(latest):
                    return _describe_undue(latest)
                if latest.state is WindowState.OPENING:
                    text = "It isn't known yet whether anything was opened."
                    hint = "The next command that changes something reads the account again."
                    return CloseResult(latest, CloseOutcome.FAILED, text, hint)
                now, actor = self.acting.window_clock.now(), self.acting.actor
                closed_by = actor.name if actor.kind in COUNTING_KINDS else None
                closing = self.windows.update(latest.window_id, lambda found: begin_closing(found, now, closed_by))
                return self._finish(closing, self._empty(closing, lock))
        except AccountBusyError as error:
            return CloseResult(window, CloseOutcome.BUSY, error.message, error.hint)
        except (LockLostError, WindowConflictError) as error:
            latest = self._find_latest(window)
            if latest.state in FINAL_STATES:  # another thread or process was faster
                return _describe_ended(latest)
            if isinstance(error, WindowConflictError) or self.acting.locks.are_renewed():
                return CloseResult(latest, CloseOutcome.BUSY, error.message, error.hint)
            failure: RootkeeperError = error  # no other owner has the lock: the database can't be written
        except (DatabaseError, LedgerUnavailableError) as error:
            latest, failure = self._find_latest(window), error
        return self._close_without_database(latest, failure) if is_due(latest) else _describe_undue(latest)

    def reconnected(self) -> WindowCloser:
        """Return the same closer, with connections to AWS of its own."""
        return replace(self, own_aws=self.acting.aws.reconnected())

    def attempt_beside(
        self, window: RecoveryWindow, is_due: Callable[[RecoveryWindow], bool], *, can_read: bool
    ) -> CloseResult:
        """Close beside an attempt that hasn't ended, whatever that attempt waits for.

        Two attempts at the same time are safe, because both only delete. The account's lock is shared with an attempt
        of this process, so that it is held until both have ended. Without the lock, the spill file has the record: the
        holder is another process, which may hang, or the database doesn't answer. A window of the account that someone
        opens in the meantime may then lose its credentials: it is closed too early, never too late.

        :param can_read: ``False`` if the database doesn't answer, so that nothing may wait for it.
        """
        if not can_read:
            return self._close_without_database(window, DatabaseError("The database doesn't answer."))
        closing = self.attempt(window, is_due)
        if closing.outcome is not CloseOutcome.BUSY:
            return closing
        try:
            latest = self._get_latest(window)
            if latest.state in FINAL_STATES:
                return _describe_ended(latest)
            if not is_due(latest):
                return _describe_undue(latest)
            with self.acting.locks.share(window.account_id, _PURPOSE) as lock:
                if lock is not None and latest.state is WindowState.CLOSING:
                    return self._finish(latest, self._empty(latest, lock))
        except (LockLostError, WindowConflictError) as error:
            return CloseResult(self._find_latest(window), CloseOutcome.BUSY, error.message, error.hint)
        except (DatabaseError, LedgerUnavailableError) as error:
            return self._close_without_database(window, error)
        unlocked = AccountLock(latest.account_id, owner_id="", fencing_token=0)
        attempt = self._remove_with_spill(latest, unlocked)
        result = _CLOSED.format(latest.account_id) if attempt.is_empty else attempt.failure or ""
        return CloseResult(latest, CloseOutcome.BUSY, f"{closing.explanation} {result}", closing.hint)

    def _empty(self, window: RecoveryWindow, lock: AccountLock) -> _CloseAttempt:
        """DescribeAccount has a low quota, so it isn't called before first attempts, of which many may be due at once.
        AWS denies a session in an account that isn't ACTIVE or has left; the account's state then explains the failure.
        """
        if window.failed_closings and (refusal := self._find_refusal(window)) is not None:
            return _CloseAttempt(is_empty=False, failure=refusal)
        attempt = self._remove(window, lock, self.acting.ledger)
        if attempt.has_ledger_failed:
            attempt = self._remove_with_spill(window, lock)
        if attempt.is_empty or attempt.has_ledger_failed or window.failed_closings:
            return attempt
        return replace(attempt, failure=self._find_refusal(window) or attempt.failure)

    def _remove_with_spill(self, window: RecoveryWindow, lock: AccountLock) -> _CloseAttempt:
        """Only closing may use the spill file."""
        self.progress.remark("The ledger or the account's lock can't be used. Closing continues with the spill file.")
        try:
            with self.acting.open_spill() as ledger:
                return self._remove(window, lock, ledger)
        except LedgerUnavailableError as error:
            return _CloseAttempt(is_empty=False, failure=error.message, has_ledger_failed=True)

    def _find_refusal(self, window: RecoveryWindow) -> str | None:
        """Find why nothing can be deleted in the account; if its state can't be read, AWS decides."""
        try:
            state = self.aws.find_account_state(window.account_id)
        except AwsError:
            return None
        if state is None:
            return f"{window.account_id} isn't in the organization any more: it can't be closed from here."
        if state is not AccountState.ACTIVE:
            return f"{window.account_id} is {state}. AWS doesn't allow root sessions in it."
        return None

    def _remove(self, window: RecoveryWindow, lock: AccountLock, ledger: Ledger) -> _CloseAttempt:
        def remove(_: Intent) -> RemovalResult:  # its calls have intents of their own
            removal = Removal(self.aws, ledger, self.acting.window_clock, self.acting.reread_pauses)
            context = {"window_id": window.window_id}
            result = removal.remove(window.account_id, lock, context=context, remark=self.progress.remark)
            if isinstance(result.error, LedgerUnavailableError | LockLostError):
                raise result.error
            return result

        runner = ChangeRunner(ledger, self.acting.window_clock, lock)
        step = WindowStep(Action.WINDOW_CLOSE, window.account_id, self.windows, window.window_id, step=remove)
        try:
            sent = runner.send(step)
            result: RemovalResult = sent.answer.value
            failure = None if result.is_proven_empty else _explain(result)
            outcome = Result.FAILED if failure else Result.DONE
            runner.record(sent, Evaluation(outcome, failure or "A re-read shows none.", details={"failure": failure}))
        except LedgerUnavailableError as error:
            return _CloseAttempt(is_empty=False, failure=error.message, has_ledger_failed=True)
        return _CloseAttempt(result.is_proven_empty, failure)

    def _finish(self, window: RecoveryWindow, attempt: _CloseAttempt) -> CloseResult:
        now, rereads = self.acting.window_clock.now(), sort_rereads(self.acting.settings.windows.rereads)

        def step(found: RecoveryWindow) -> RecoveryWindow:
            if attempt.is_empty:
                return record_closed(found, now, rereads)
            return record_failed(found, now, attempt.failure or "")

        try:
            finished = self.windows.update(window.window_id, step)
        except DatabaseError as error:
            return _describe_unrecorded(window, attempt, error)
        if attempt.is_empty:
            closed = _CLOSED.format(finished.account_id)
            if self.notices is not None:
                end = "It was closed once more." if finished.reopened_at else "The window reached its end."
                by = f"Closed by {finished.closed_by}." if finished.closed_by else end
                left = "An open console session can continue, so the account is read again." if rereads else ""
                self.notices.announce(NotificationEvent.WINDOW_CLOSED, finished, f"{by} {closed} {left}".strip())
            return CloseResult(finished, CloseOutcome.CLOSED, closed)
        severity = find_raised_severity(window, finished, now)
        if self.notices is not None and severity is not None:
            tries = f"Failed attempts so far: {finished.failed_closings}. The next is within a minute."
            self.notices.announce(
                NotificationEvent.WINDOW_CLOSE_FAILED, finished, f"{finished.failure} {tries}", severity=severity
            )
        hint = Hint("Every changing command tries again.", "window.retry", window_id=finished.window_id)
        return CloseResult(finished, CloseOutcome.FAILED, attempt.failure or "", hint)

    def _close_without_database(self, latest: RecoveryWindow, error: RootkeeperError) -> CloseResult:
        """Without the database there is no lock. If it is down for all, no other process can act on the account,
        because every privileged call needs its intent there. If only this process is cut off, another process may close
        the same window at the same time, which is safe: both only delete. An unknown extension is cut short.
        """
        if latest.state in FINAL_STATES or latest.state is WindowState.OPENING:
            return CloseResult(latest, CloseOutcome.FAILED, error.message, error.hint)
        unlocked = AccountLock(latest.account_id, owner_id="", fencing_token=0)
        attempt = self._remove_with_spill(latest, unlocked)
        if not attempt.is_empty and (refusal := self._find_refusal(latest)) is not None:
            attempt = replace(attempt, failure=refusal)
        return _describe_unrecorded(latest, attempt, error)

    def _get_latest(self, window: RecoveryWindow) -> RecoveryWindow:
        """:raises DatabaseError: if it can't be read, or the database is from before the window's opening."""
        try:
            latest = self.windows.get(window.window_id)
        except NotFoundError as error:
            raise _is_from_before(window) from error
        if window.state in OWING_STATES and latest.state in WAITING_STATES:
            raise _is_from_before(window)
        return latest

    def _find_latest(self, window: RecoveryWindow) -> RecoveryWindow:
        try:
            return self._get_latest(window)
        except DatabaseError:
            return window


_PURPOSE = "closing a recovery window"
_CLOSED = "Closed: a re-read shows no root user credentials in {}."


def _describe_ended(window: RecoveryWindow) -> CloseResult:
    return CloseResult(window, CloseOutcome.UNNEEDED, f"Recovery window {window.window_id} is {window.state}.")


def _describe_undue(window: RecoveryWindow) -> CloseResult:
    return CloseResult(window, CloseOutcome.UNNEEDED, f"Recovery window {window.window_id} isn't due.")


def _is_from_before(window: RecoveryWindow) -> DatabaseError:
    return DatabaseError(
        f"The database doesn't have recovery window {window.window_id} as it was: it was replaced or restored.",
        hint="Put the right database file in its place, then start again.",
    )


def _describe_unrecorded(window: RecoveryWindow, attempt: _CloseAttempt, error: RootkeeperError) -> CloseResult:
    if not attempt.is_empty:
        return CloseResult(window, CloseOutcome.FAILED, attempt.failure or error.message, error.hint)
    return CloseResult(
        window,
        CloseOutcome.CLOSED_UNRECORDED,
        f"{_CLOSED.format(window.account_id)} The database can't record that: {error.message}",
        "Fix the database. The next command that changes something closes the window again and records it.",
    )


def _explain(result: RemovalResult) -> str:
    if result.error is not None:
        return result.error.message
    details = dict.fromkeys(kind.detail for kind in result.kinds if kind.detail)
    if details:
        return " ".join(details)
    return "Root user credentials are still present." if result.left is not None else "The account couldn't be re-read."


def close_overdue(
    windows: RecoveryWindowStore, closer: WindowCloser, progress: Progress, now: datetime
) -> tuple[CloseResult, ...]:
    """Close every due window, before a command does anything else; a failure doesn't stop the others.

    Run ``Settlement.settle`` first: it settles windows that are OPENING.
    """
    closings = []
    for window in list_due(windows.list_windows(unfinished_only=True), now):
        progress.remark(f"Closing recovery window {window.window_id} of {window.account_id}, which is due.")
        closings.append(closer.close(window))
    return tuple(closings)


AGAIN_SECONDS = 5.0
"""A window that is due for so long is closed again beside the attempt that hasn't ended."""


def describe_again(window: RecoveryWindow) -> str:
    """Say that the window is closed again, for the log or the terminal."""
    return (
        f"ALERT: recovery window {window.window_id} is due for {AGAIN_SECONDS:g} seconds and isn't closed. Closing it "
        "again on a new connection to AWS."
    )


STEP_SECONDS = 1.0
"""Longest sleep, so that a stop or a due window is noticed soon."""

LOOK_EVERY_SECONDS = 10
"""How often the window is read again: another process may have closed or extended it."""

_REMARK_EVERY_SECONDS = 300
_RETRY_PAUSES_SECONDS = (5, 10, 20, 40, 60)
"""After failed closings in a row; the last pause is repeated."""

_ENDS = frozenset({CloseOutcome.CLOSED, CloseOutcome.CLOSED_UNRECORDED, CloseOutcome.UNNEEDED})


class WaitResult(StrEnum):
    """Why waiting ended."""

    DUE = "due"
    STOPPED = "stopped"
    """The person or the system asked to stop: close now."""
    OVER = "over"
    """Another process closed the window."""


@dataclass(frozen=True, slots=True)
class WindowWaiter:
    """Waits for a window's end in this process, then closes it."""

    closing: WindowCloser

    def wait(
        self,
        window: RecoveryWindow,
        is_stopped: Callable[[], bool],
        show: Callable[[RecoveryWindow], None] = lambda _: None,
    ) -> WaitResult:
        """Sleep in short steps until the window is due, by wall or by monotonic time, until ``is_stopped``, or until
        another process closed it.

        :param show: receives the window each time that it is read again.
        """
        started = self.closing.acting.window_clock.monotonic()
        lasts = self._find_remaining(window)
        next_look, next_remark = float(LOOK_EVERY_SECONDS), 0
        while not is_stopped():
            passed = self.closing.acting.window_clock.monotonic() - started
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
                next_remark += _REMARK_EVERY_SECONDS
                left = timedelta(seconds=round(remaining))
                self.closing.progress.remark(
                    f"Recovery window {window.window_id} of {window.account_id} closes in {left}; Ctrl-C closes it now."
                )
            self.closing.acting.window_clock.sleep(min(STEP_SECONDS, remaining))
        return WaitResult.STOPPED

    def close(self, window: RecoveryWindow, is_stopped: Callable[[], bool] = lambda: False) -> CloseResult:
        """Close, and try again after a pause each time, until it is closed or ``is_stopped``.

        A closing that only couldn't be recorded isn't repeated: the next changing command records it. ``is_stopped`` is
        called after each attempt; pass a flag for the second Ctrl-C, because the first means to close now.
        """
        closing = self._close_watched(window)
        for pause in chain(_RETRY_PAUSES_SECONDS, repeat(_RETRY_PAUSES_SECONDS[-1])):
            if closing.outcome in _ENDS or not self._sleep(pause, is_stopped):
                break
            self.closing.progress.remark(f"Trying again to close recovery window {window.window_id}.")
            closing = self._close_watched(closing.window)
        return closing

    def _close_watched(self, window: RecoveryWindow) -> CloseResult:
        """Close once. What takes longer than ``AGAIN_SECONDS`` is closed again by another thread, whatever the first
        thread waits for. The first attempt that has closed the window counts.
        """
        attempts: WorkerThreads[CloseResult] = WorkerThreads(2, "rootkeeper-closing-window")
        try:
            attempts.begin(partial(self.closing.close, window))
            if ended := attempts.take_done(AGAIN_SECONDS):
                return ended[0]
            self.closing.progress.remark(describe_again(window))
            beside = self.closing.reconnected()
            attempts.begin(partial(beside.attempt_beside, window, lambda _: True, can_read=True))
            ended = []
            while len(ended) < 2 and not any(closing.outcome in _ENDS for closing in ended):
                ended += attempts.take_done(STEP_SECONDS)
            return next((closing for closing in ended if closing.outcome in _ENDS), ended[0])
        finally:
            attempts.close()

    def _sleep(self, seconds: float, is_stopped: Callable[[], bool]) -> bool:
        """``False`` if it was stopped."""
        end = self.closing.acting.window_clock.monotonic() + seconds
        while not is_stopped():
            remaining = end - self.closing.acting.window_clock.monotonic()
            if remaining <= 0:
                return True
            self.closing.acting.window_clock.sleep(min(STEP_SECONDS, remaining))
        return False

    def _find_remaining(self, window: RecoveryWindow) -> float:
        end = window.expires_at or self.closing.acting.window_clock.now()
        return (end - self.closing.acting.window_clock.now()).total_seconds()

    def _find_latest(self, window: RecoveryWindow) -> RecoveryWindow:
        with suppress(DatabaseError):
            return self.closing.windows.get(window.window_id)
        return window
