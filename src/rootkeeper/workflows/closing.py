"""Closing a recovery window: all four kinds of root user credentials go, and a re-read shows it.

Whatever the person created in the window goes with it. A window is CLOSED_VERIFIED only after an audit session read
all four kinds empty; anything else is CLOSE_FAILED, which is never the end: every later attempt starts from there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.domain.approvals import WAITING_STATES
from rootkeeper.domain.ledger import Action, JsonValue, Result
from rootkeeper.domain.notifications import NotificationEvent
from rootkeeper.domain.organizations import AccountState
from rootkeeper.domain.window_closings import begin_closing, find_raised_severity, record_closed, record_failed
from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow, WindowState
from rootkeeper.errors import (
    AccountBusyError,
    AwsError,
    DatabaseError,
    LedgerUnavailableError,
    LockLostError,
    WindowConflictError,
)
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock, AccountLocks
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_sessions import RootSessions
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.removal import Removal, RemovalResult
from rootkeeper.workflows.window_notices import WindowNotices


class CloseOutcome(StrEnum):
    """What came of an attempt to close."""

    CLOSED = "closed"
    """A re-read shows all four kinds empty, and the window is CLOSED_VERIFIED."""
    CLOSED_UNRECORDED = "closed_unrecorded"
    """The re-read shows it, but the database couldn't record the window's end; it is closed once more when it can."""
    FAILED = "failed"
    """Not closed, or not shown to be; the window owes its closing still."""
    BUSY = "busy"
    """Another process holds the account; it may be closing the window itself."""
    UNNEEDED = "unneeded"
    """The window was over already."""


@dataclass(frozen=True, slots=True)
class CloseResult:
    """An attempt to close a window, and what came of it."""

    window: RecoveryWindow
    outcome: CloseOutcome
    explanation: str
    """One sentence for a person."""
    hint: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is closed and recorded; if not, the exit status is 4."""
        return self.outcome in {CloseOutcome.CLOSED, CloseOutcome.UNNEEDED}


@dataclass(frozen=True, slots=True)
class _CloseAttempt:
    """What an attempt showed of the account."""

    is_empty: bool
    failure: str | None = None
    has_ledger_failed: bool = False


@dataclass(frozen=True, slots=True)
class WindowCloser:
    """Closes one window."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    windows: RecoveryWindows
    locks: AccountLocks
    clock: Clock
    progress: Progress
    spill: Callable[[], AbstractContextManager[Ledger]] | None = None
    """Gives the ledger of last resort, for the time in which ``ledger`` can't be written; only closing may use it."""
    reread_pauses_seconds: tuple[float, ...] = (1.0, 2.0)
    notices: WindowNotices | None = None
    """Tells people; ``None``: the command line that closes tells its own person."""
    rereads: tuple[timedelta, ...] = ()
    """How long after the closing the account is read again by a server."""
    closed_by: str | None = None
    """Who asks for the closing; ``None`` for the window's end."""

    def close(self, window: RecoveryWindow) -> CloseResult:
        """Delete all four kinds of root user credentials of the window's account and re-read; never raises for what
        AWS, the ledger or the database refuse, but says it.

        A window that is OPENING must be settled first (``Settlement``): what is there may be somebody else's.

        :raises WindowConflictError: if the window was never opened (REQUESTED, APPROVED).
        """
        closing = self.attempt(window)
        if not closing.is_closed:
            self.progress.remark(f"ALERT: recovery window {window.window_id} isn't closed: {closing.explanation}")
        return closing

    def attempt(self, window: RecoveryWindow, is_due: Callable[[RecoveryWindow], bool] = lambda _: True) -> CloseResult:
        """The same without a remark, for those that try again by themselves.

        :param is_due: asked of the window as it stands once the account is held: it may have been prolonged, or closed,
            since it was listed.
        :raises WindowConflictError: if the window was never opened.
        """
        _require_opened(window)
        try:
            with self.locks.hold(window.account_id, "closing a recovery window") as lock:
                latest = self.windows.get(window.window_id)
                if latest.state not in FINAL_STATES and not is_due(latest):
                    return _describe_undue(latest)
                return self._close_held(latest, lock)
        except AccountBusyError as error:
            return CloseResult(window, CloseOutcome.BUSY, error.message, error.hint)
        except (LockLostError, WindowConflictError) as error:
            return CloseResult(self._find_latest(window), CloseOutcome.BUSY, error.message, error.hint)
        except (DatabaseError, LedgerUnavailableError) as error:
            latest = self._find_latest(window)
            return self._close_without_database(latest, error) if is_due(latest) else _describe_undue(latest)

    def _close_held(self, window: RecoveryWindow, lock: AccountLock) -> CloseResult:
        if window.state in FINAL_STATES:
            return CloseResult(window, CloseOutcome.UNNEEDED, f"Recovery window {window.window_id} is {window.state}.")
        if window.state is WindowState.OPENING:
            failure = "It isn't known yet whether anything was opened."
            return CloseResult(
                window, CloseOutcome.FAILED, failure, "The next command that changes something reads again."
            )
        closing = self.windows.update(window.window_id, self._begin)
        return self._finish(closing, self._empty(closing, lock))

    def _begin(self, window: RecoveryWindow) -> RecoveryWindow:
        return begin_closing(window, self.clock.now(), self.closed_by)

    def _empty(self, window: RecoveryWindow, lock: AccountLock) -> _CloseAttempt:
        """DescribeAccount is allowed so seldom that it isn't asked before the first attempt, of which many may be due
        at once: AWS itself refuses a session in an account that isn't ACTIVE or has left. It is asked why one failed.
        """
        if window.failed_closings and (refusal := self._find_refusal(window)) is not None:
            return _CloseAttempt(is_empty=False, failure=refusal)
        attempt = self._remove(window, lock, self.ledger)
        if attempt.has_ledger_failed and self.spill is not None:
            attempt = self._remove_with(self.spill, window, lock)
        if attempt.is_empty or attempt.has_ledger_failed or window.failed_closings:
            return attempt
        return replace(attempt, failure=self._find_refusal(window) or attempt.failure)

    def _remove_with(
        self, spill: Callable[[], AbstractContextManager[Ledger]], window: RecoveryWindow, lock: AccountLock
    ) -> _CloseAttempt:
        self.progress.remark("The ledger can't be written: closing goes on with the spill file.")
        try:
            with spill() as ledger:
                return self._remove(window, lock, ledger)
        except LedgerUnavailableError as error:
            return _CloseAttempt(is_empty=False, failure=error.message, has_ledger_failed=True)

    def _find_refusal(self, window: RecoveryWindow) -> str | None:
        """Why nothing can be deleted in the account; AWS itself decides where this can't be read."""
        try:
            state = self.reader.find_account_state(window.account_id)
        except AwsError:
            return None
        if state is None:
            return f"{window.account_id} isn't in the organization any more: it can't be closed from here."
        if state is not AccountState.ACTIVE:
            return f"{window.account_id} is {state}: its root user can't be reached."
        return None

    def _remove(self, window: RecoveryWindow, lock: AccountLock, ledger: Ledger) -> _CloseAttempt:
        context: dict[str, JsonValue] = {"window_id": window.window_id}
        try:
            intent = ledger.append_intent(
                Action.WINDOW_CLOSE, account_id=window.account_id, parameters=context, lock=lock
            )
            result = Removal(self.sessions, ledger, self.clock, self.reread_pauses_seconds).remove(
                window.account_id, lock, context=context
            )
            if isinstance(result.error, LedgerUnavailableError):
                raise result.error
            attempt = _CloseAttempt(result.is_proven_empty, None if result.is_proven_empty else _explain(result))
            ledger.append_outcome(
                intent, Result.DONE if attempt.is_empty else Result.FAILED, {"failure": attempt.failure}
            )
            if isinstance(result.error, LockLostError):
                raise result.error
        except LedgerUnavailableError as error:
            return _CloseAttempt(is_empty=False, failure=error.message, has_ledger_failed=True)
        return attempt

    def _finish(self, window: RecoveryWindow, attempt: _CloseAttempt) -> CloseResult:
        now = self.clock.now()

        def step(found: RecoveryWindow) -> RecoveryWindow:
            if attempt.is_empty:
                return record_closed(found, now, self.rereads)
            return record_failed(found, now, attempt.failure or "")

        try:
            finished = self.windows.update(window.window_id, step)
        except DatabaseError as error:
            return _describe_unrecorded(window, attempt, error)
        if attempt.is_empty:
            self._notify_closed(finished)
            return CloseResult(finished, CloseOutcome.CLOSED, _CLOSED.format(finished.account_id))
        self._notify_failed(window, finished, now)
        return CloseResult(finished, CloseOutcome.FAILED, attempt.failure or "", _RETRY)

    def _notify_closed(self, window: RecoveryWindow) -> None:
        if self.notices is not None:
            by = f"Closed by {window.closed_by}." if window.closed_by else "Its time was up."
            left = "A console session that was open may live on; the account is read again." if self.rereads else ""
            body = f"{by} {_CLOSED.format(window.account_id)} {left}".strip()
            self.notices.announce(NotificationEvent.WINDOW_CLOSED, window, body)

    def _notify_failed(self, before: RecoveryWindow, window: RecoveryWindow, now: datetime) -> None:
        """Each time that it becomes more urgent."""
        severity = find_raised_severity(before, window, now)
        if self.notices is not None and severity is not None:
            body = f"{window.failure} It is tried again within a minute, {window.failed_closings} times so far."
            self.notices.announce(NotificationEvent.WINDOW_CLOSE_FAILED, window, body, severity=severity)

    def _close_without_database(
        self, latest: RecoveryWindow, error: DatabaseError | LedgerUnavailableError
    ) -> CloseResult:
        """Without the database there is no lock. Where it is gone for all, nobody else can act on the account, since
        every other privileged call needs its intent there; where only this process is cut off, another may close the
        same window meanwhile: both only delete. A prolongation that isn't known here is cut short, the safe side.
        """
        if self.spill is None:
            return CloseResult(latest, CloseOutcome.FAILED, error.message, error.hint)
        refusal = None if latest.state in FINAL_STATES else self._find_refusal(latest)
        if latest.state in FINAL_STATES or latest.state is WindowState.OPENING or refusal is not None:
            return CloseResult(latest, CloseOutcome.FAILED, refusal or error.message, error.hint)
        unlocked = AccountLock(latest.account_id, owner_id="", fencing_token=0)
        return _describe_unrecorded(latest, self._remove_with(self.spill, latest, unlocked), error)

    def _find_latest(self, window: RecoveryWindow) -> RecoveryWindow:
        try:
            return self.windows.get(window.window_id)
        except DatabaseError:
            return window


_CLOSED = "Closed: a re-read shows no root user credentials in {}."
_RETRY = "It is tried again by every command that changes something: `rootkeeper windows close` does it now."


def _require_opened(window: RecoveryWindow) -> None:
    if window.state in WAITING_STATES:
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state}; nothing is open.",
            hint=f"Take it back: rootkeeper windows cancel {window.window_id}",
        )


def _describe_undue(window: RecoveryWindow) -> CloseResult:
    return CloseResult(window, CloseOutcome.UNNEEDED, f"Recovery window {window.window_id} isn't due.")


def _describe_unrecorded(
    window: RecoveryWindow, attempt: _CloseAttempt, error: DatabaseError | LedgerUnavailableError
) -> CloseResult:
    if not attempt.is_empty:
        return CloseResult(window, CloseOutcome.FAILED, attempt.failure or error.message, error.hint)
    return CloseResult(
        window,
        CloseOutcome.CLOSED_UNRECORDED,
        f"{_CLOSED.format(window.account_id)} The database can't record that: {error.message}",
        "Mend the database; the next command that changes something closes the window once more and records it.",
    )


def _explain(result: RemovalResult) -> str:
    """Why the account isn't shown to be empty, in one sentence."""
    if result.error is not None:
        return result.error.message
    details = [kind.detail for kind in result.kinds if kind.detail]
    if details:
        return " ".join(details)
    return "Root user credentials are still there." if result.left is not None else "What is left couldn't be re-read."
