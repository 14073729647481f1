"""Closing a recovery window: all four kinds of root user credentials go, and a re-read shows it.

Whatever the person created in the window goes with it. A window is CLOSED_VERIFIED only after an audit session read
all four kinds empty; anything else is CLOSE_FAILED, which is never the end: every later attempt starts from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.ledger import Action, JsonValue, Result
from rootkeeper.domain.organizations import AccountState
from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow, WindowState, advance
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


class ClosingOutcome(StrEnum):
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
class Closing:
    """An attempt to close a window, and what came of it."""

    window: RecoveryWindow
    outcome: ClosingOutcome
    explanation: str
    """One sentence for a person."""
    hint: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is closed and recorded; if not, the exit status is 4."""
        return self.outcome in {ClosingOutcome.CLOSED, ClosingOutcome.UNNEEDED}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What an attempt showed of the account."""

    is_empty: bool
    failure: str | None = None
    has_ledger_failed: bool = False


@dataclass(frozen=True, slots=True)
class WindowClosing:
    """Closes one window."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    windows: RecoveryWindows
    locks: AccountLocks
    clock: Clock
    progress: Progress
    spill: Callable[[], Ledger] | None = None
    """Gives the ledger of last resort, for the time in which ``ledger`` can't be written; only closing may use it."""
    reread_pauses_seconds: tuple[float, ...] = (1.0, 2.0)

    def close(self, window: RecoveryWindow) -> Closing:
        """Delete all four kinds of root user credentials of the window's account and re-read; never raises for what
        AWS, the ledger or the database refuse, but says it.

        A window that is OPENING must be settled first (``Settlement``): what is there may be somebody else's.

        :raises WindowConflictError: if the window was never opened (REQUESTED, APPROVED).
        """
        if window.state in {WindowState.REQUESTED, WindowState.APPROVED}:
            raise WindowConflictError(f"Recovery window {window.window_id} is {window.state}; nothing is open.")
        closing = self._close(window)
        if not closing.is_closed:
            self.progress.remark(f"ALERT: recovery window {window.window_id} isn't closed: {closing.explanation}")
        return closing

    def _close(self, window: RecoveryWindow) -> Closing:
        try:
            with self.locks.hold(window.account_id, "closing a recovery window") as lock:
                return self._close_held(self.windows.get(window.window_id), lock)
        except AccountBusyError as error:
            return Closing(window, ClosingOutcome.BUSY, error.message, error.hint)
        except (LockLostError, WindowConflictError) as error:
            return Closing(self._find_latest(window), ClosingOutcome.BUSY, error.message, error.hint)
        except (DatabaseError, LedgerUnavailableError) as error:
            return self._close_without_database(window, error)

    def _close_held(self, window: RecoveryWindow, lock: AccountLock) -> Closing:
        if window.state in FINAL_STATES:
            return Closing(window, ClosingOutcome.UNNEEDED, f"Recovery window {window.window_id} is {window.state}.")
        if window.state is WindowState.OPENING:
            failure = "It isn't known yet whether anything was opened."
            return Closing(
                window, ClosingOutcome.FAILED, failure, "The next command that changes something reads again."
            )
        closing = self._begin(window)
        return self._finish(closing, self._empty(closing, lock))

    def _begin(self, window: RecoveryWindow) -> RecoveryWindow:
        """CLOSING without an owner is what a process that died left: go on from there."""
        if window.state is WindowState.CLOSING:
            return window
        closing = advance(window, WindowState.CLOSING, self.clock.now())
        self.windows.change(closing, expected=window.state)
        return closing

    def _empty(self, window: RecoveryWindow, lock: AccountLock) -> _Attempt:
        refusal = self._find_refusal(window)
        if refusal is not None:
            return _Attempt(is_empty=False, failure=refusal)
        attempt = self._remove(window, lock, self.ledger)
        if attempt.has_ledger_failed and self.spill is not None:
            return self._remove_with(self.spill, window, lock)
        return attempt

    def _remove_with(self, spill: Callable[[], Ledger], window: RecoveryWindow, lock: AccountLock) -> _Attempt:
        self.progress.remark("The ledger can't be written: closing goes on with the spill file.")
        try:
            return self._remove(window, lock, spill())
        except LedgerUnavailableError as error:
            return _Attempt(is_empty=False, failure=error.message, has_ledger_failed=True)

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

    def _remove(self, window: RecoveryWindow, lock: AccountLock, ledger: Ledger) -> _Attempt:
        context: dict[str, JsonValue] = {"window_id": window.window_id}
        try:
            intent = ledger.append_intent(
                Action.WINDOW_CLOSE, account_id=window.account_id, parameters=context, lock=lock
            )
            result = Removal(self.sessions, ledger, self.clock, self.reread_pauses_seconds).remove(
                window.account_id, lock, context=context
            )
            if isinstance(result.error, LedgerUnavailableError | LockLostError):
                raise result.error
            attempt = _Attempt(result.is_proven_empty, None if result.is_proven_empty else _explain(result))
            ledger.append_outcome(
                intent, Result.DONE if attempt.is_empty else Result.FAILED, {"failure": attempt.failure}
            )
        except LedgerUnavailableError as error:
            return _Attempt(is_empty=False, failure=error.message, has_ledger_failed=True)
        return attempt

    def _finish(self, window: RecoveryWindow, attempt: _Attempt) -> Closing:
        to = WindowState.CLOSED_VERIFIED if attempt.is_empty else WindowState.CLOSE_FAILED
        finished = advance(window, to, self.clock.now(), attempt.failure)
        try:
            self.windows.change(finished, expected=window.state)
        except DatabaseError as error:
            return _describe_unrecorded(window, attempt, error)
        if attempt.is_empty:
            return Closing(finished, ClosingOutcome.CLOSED, _CLOSED.format(finished.account_id))
        return Closing(finished, ClosingOutcome.FAILED, attempt.failure or "", _RETRY)

    def _close_without_database(self, window: RecoveryWindow, error: DatabaseError | LedgerUnavailableError) -> Closing:
        """Without the database there is no lock; but then nobody else can act on the account either, since every
        other privileged call needs its intent there.
        """
        if self.spill is None:
            return Closing(window, ClosingOutcome.FAILED, error.message, error.hint)
        latest = self._find_latest(window)
        refusal = None if latest.state in FINAL_STATES else self._find_refusal(latest)
        if latest.state in FINAL_STATES or latest.state is WindowState.OPENING or refusal is not None:
            return Closing(latest, ClosingOutcome.FAILED, refusal or error.message, error.hint)
        unlocked = AccountLock(latest.account_id, owner_id="", fencing_token=0)
        return _describe_unrecorded(latest, self._remove_with(self.spill, latest, unlocked), error)

    def _find_latest(self, window: RecoveryWindow) -> RecoveryWindow:
        try:
            return self.windows.get(window.window_id)
        except DatabaseError:
            return window


_CLOSED = "Closed: a re-read shows no root user credentials in {}."
_RETRY = "It is tried again by every command that changes something: `rootkeeper windows close` does it now."


def _describe_unrecorded(
    window: RecoveryWindow, attempt: _Attempt, error: DatabaseError | LedgerUnavailableError
) -> Closing:
    if not attempt.is_empty:
        return Closing(window, ClosingOutcome.FAILED, attempt.failure or error.message, error.hint)
    return Closing(
        window,
        ClosingOutcome.CLOSED_UNRECORDED,
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
