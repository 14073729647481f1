"""The recovery window: the time for which password recovery is allowed in an account. Its states, steps and deadlines.

``STEPS`` contains the allowed steps, and only ``advance`` changes a state. Each step is pure and is taken in the
transaction that reads the window; a step that isn't allowed, or a re-read that isn't due, is a ``WindowConflictError``.

A window in an owing state may have a credential of ours: it ends only with the proof that nothing was created, or with
a closing that a re-read proves. A failed closing is repeated within a minute without limit, and becomes more urgent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.changes.rules import SENDING_LATENCY
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsThrottledError,
    AwsUnreachableError,
    Hint,
    InputError,
    RootkeeperError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.notifications.rules import Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.shapes import Count

SHORTEST_DURATION = timedelta(seconds=10)
LONGEST_DURATION = timedelta(hours=72)

CLOCK_SKEW = timedelta(minutes=5)
"""Allowed difference between this machine's clock and AWS's. Source: AWS rejects signatures beyond it."""


class WindowState(StrEnum):
    """States of a recovery window."""

    APPROVED = "APPROVED"
    CANCELLED = "CANCELLED"
    CLOSED_VERIFIED = "CLOSED_VERIFIED"
    CLOSE_FAILED = "CLOSE_FAILED"
    CLOSING = "CLOSING"
    DENIED = "DENIED"
    KEPT = "KEPT"
    LAPSED = "LAPSED"
    OPEN = "OPEN"
    OPENING = "OPENING"
    REQUESTED = "REQUESTED"


WAITING_STATES = frozenset({WindowState.REQUESTED, WindowState.APPROVED})
"""Nothing is open yet, so nothing has to be closed."""

OWING_STATES = frozenset({WindowState.OPENING, WindowState.OPEN, WindowState.CLOSING, WindowState.CLOSE_FAILED})
"""States in which a credential of ours may exist, so that the window must be closed."""

FINAL_STATES = frozenset(
    {WindowState.CANCELLED, WindowState.CLOSED_VERIFIED, WindowState.DENIED, WindowState.KEPT, WindowState.LAPSED}
)

NEVER_OPENED_STATES = WAITING_STATES | {WindowState.CANCELLED, WindowState.DENIED, WindowState.LAPSED}

STEPS: Mapping[WindowState, frozenset[WindowState]] = MappingProxyType(
    {
        WindowState.REQUESTED: frozenset(
            {WindowState.APPROVED, WindowState.DENIED, WindowState.CANCELLED, WindowState.LAPSED}
        ),
        WindowState.APPROVED: frozenset(
            {WindowState.OPENING, WindowState.DENIED, WindowState.CANCELLED, WindowState.LAPSED}
        ),
        WindowState.OPENING: frozenset({WindowState.OPEN, WindowState.CANCELLED}),
        WindowState.OPEN: frozenset({WindowState.CLOSING, WindowState.KEPT}),
        WindowState.CLOSING: frozenset({WindowState.CLOSED_VERIFIED, WindowState.CLOSE_FAILED}),
        WindowState.CLOSE_FAILED: frozenset({WindowState.CLOSING}),
        WindowState.CLOSED_VERIFIED: frozenset({WindowState.CLOSING}),
    }
)
"""The allowed steps. A closed window is closed again if a later re-read finds credentials."""


class ApprovalPurpose(StrEnum):
    """What an approval allows."""

    EXTENDING = "extending"
    OPENING = "opening"


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's approval; it counts only for its account, task and duration."""

    approver: str
    approver_kind: ActorKind
    purpose: ApprovalPurpose
    at: datetime
    account_id: AccountId
    task: str
    duration_seconds: Count
    """Length of the window; for an extension, the added length."""
    expires_at: datetime
    used_at: datetime | None = None
    """When it was used; it counts once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryWindow:
    """A window, as in the database."""

    window_id: str
    account_id: AccountId
    state: WindowState
    reason: str
    ticket: str | None
    requested_by: str
    approved_by: tuple[str, ...] = ()
    """Empty for a window that a command line opened: it is unapproved."""
    # Set before the opening call is sent, so that a window that may be open always has an end.
    expires_at: datetime | None = None
    closed_at: datetime | None = None
    organization_id: str
    requested_by_kind: ActorKind = ActorKind.SELF_ASSERTED
    """How the requester is known."""
    requested_at: datetime
    duration_seconds: Count
    approvals_needed: Count = 0
    """As the policy was when it was requested."""
    approvals: tuple[Approval, ...] = ()
    lapses_at: datetime | None = None
    """When the request, or an unused approval, lapses."""
    is_drill: bool = False
    is_emergency: bool = False
    """Whether it was opened before it was approved."""
    review_due_at: datetime | None = None
    reviewed_by: str | None = None
    activated_by: str | None = None
    # The ``CreateDate`` of the login profile; of a window that governs an existing login, when it began to.
    opened_at: datetime | None = None
    watched_by: str | None = None
    """The source of root events; ``None``: not watched."""
    closed_by: str | None = None
    """Who closed it; ``None`` if it reached its end."""
    failure: str | None = None
    """Why the last attempt to close failed."""
    failed_closings: Count = 0
    """Attempts to close that failed in a row."""
    # When the next attempt is due after a failed attempt.
    next_closing_at: datetime | None = None
    rereads_done: Count = 0
    next_reread_at: datetime | None = None
    """When the account is read again after the closing."""
    reread_owed_at: datetime | None = None
    """When a re-read was due that couldn't be made; ``None`` again after a re-read."""
    first_closed_at: datetime | None = None
    """Of a window that was reopened: when it was closed before that."""
    reopened_at: datetime | None = None
    """When root user credentials were first found after it was closed: someone else created them."""

    def is_overdue(self, now: datetime) -> bool:
        return self.state in OWING_STATES and self.expires_at is not None and self.expires_at <= now

    def is_due(self, now: datetime) -> bool:
        """Whether to close it now: its end is past, or a closing isn't finished."""
        return self.is_overdue(now) or self.state in {WindowState.CLOSING, WindowState.CLOSE_FAILED}

    @property
    def is_reopened(self) -> bool:
        """Whether someone else created credentials after it was closed, and it isn't closed again."""
        return self.reopened_at is not None and self.state in OWING_STATES

    @property
    def allows_recovery(self) -> bool:
        """Whether credentials in its account are explained by it."""
        return self.state in OWING_STATES and not self.is_reopened

    @property
    def reread_due_at(self) -> datetime | None:
        """When the next re-read is due, or was due that isn't made; ``None`` if none is owed."""
        return self.reread_owed_at or self.next_reread_at

    @property
    def is_approved(self) -> bool:
        """Whether someone other than the requester approved it."""
        return bool(self.approved_by)

    @property
    def full_reason(self) -> str:
        """The reason, with the ticket, if any."""
        return f"{self.reason} ({self.ticket})" if self.ticket else self.reason

    @property
    def opening_started_at(self) -> datetime | None:
        """When the opening began; ``None`` before that."""
        return None if self.expires_at is None else self.expires_at - timedelta(seconds=self.duration_seconds)


def list_due(windows: Iterable[RecoveryWindow], now: datetime) -> tuple[RecoveryWindow, ...]:
    """List those that must be closed now, the most overdue first: past their end, or with an unfinished closing."""
    due = [window for window in windows if window.is_due(now)]
    return tuple(sorted(due, key=lambda window: window.expires_at or now))


def advance(window: RecoveryWindow, to: WindowState, now: datetime, failure: str | None = None) -> RecoveryWindow:
    """Take a step.

    OPENING sets ``expires_at``; CLOSED_VERIFIED sets ``closed_at``, any other state clears it; ``failure`` replaces the
    last failure.

    :raises WindowConflictError: if the step isn't in ``STEPS``.
    """
    if to not in STEPS.get(window.state, frozenset()):
        raise WindowConflictError(f"Recovery window {window.window_id} is {window.state} and can't become {to}.")
    end = now + timedelta(seconds=window.duration_seconds)
    return replace(
        window,
        state=to,
        expires_at=end if to is WindowState.OPENING else window.expires_at,
        closed_at=now if to is WindowState.CLOSED_VERIFIED else None,
        failure=failure,
    )


def describe_blocking_window(window_id: str, state: WindowState) -> Hint:
    """Return how to end the account's unfinished window."""
    if state in OWING_STATES:
        return Hint("Close the window first.", "window.close", window_id=window_id)
    return Hint("Cancel the window first.", "window.cancel", window_id=window_id)


def fits_opening(created_at: datetime, started_at: datetime) -> bool:
    """Whether an opening that began at ``started_at`` can have created a login profile at ``created_at``."""
    return started_at - CLOCK_SKEW <= created_at <= started_at + SENDING_LATENCY + CLOCK_SKEW


def require_duration(seconds: int) -> int:
    """:raises InputError: if a window may not last as long."""
    if not SHORTEST_DURATION <= timedelta(seconds=seconds) <= LONGEST_DURATION:
        raise InputError(
            f"A recovery window can't last {seconds} seconds.",
            hint="The minimum is 10 seconds (10s), the maximum 72 hours (72h).",
        )
    return seconds


class OpenOutcome(StrEnum):
    """The result of an opening."""

    OPEN = "open"
    """A re-read shows the login profile."""
    CANCELLED = "cancelled"
    """A re-read shows that nothing was created."""
    FOREIGN = "foreign"
    """The account has a login profile that isn't ours; nothing was changed."""
    UNKNOWN = "unknown"
    """It isn't proven whether the login profile exists; the window must be closed, and the next command settles it."""


class CreateLoginProfileAnswer(StrEnum):
    """AWS's answer to CreateLoginProfile."""

    CREATED = "created"
    REFUSED = "refused"
    """This call created nothing."""
    UNCLEAR = "unclear"
    """No clear answer, or the profile exists already and may be ours."""


@dataclass(frozen=True, slots=True)
class OpeningReread:
    """The result of a re-read."""

    was_read: bool
    login_profile: LoginProfile | None = None


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """An unchecked request for a recovery window."""

    account: str
    """An id or a unique name."""
    reason: str
    ticket: str | None
    duration_seconds: int | None
    """``None``: as long as the settings say."""
    is_drill: bool = False
    is_emergency: bool = False
    governs_login: bool = False
    """Whether it governs the root login that the account has already."""


@dataclass(frozen=True, slots=True)
class OpeningResult:
    """The result of an attempt to open a window."""

    window: RecoveryWindow
    # ``None``: it waits for approvals.
    outcome: OpenOutcome | None
    # A sentence for a person.
    explanation: str = ""
    hint: str | None = None
    exit_status: int = 0
    """The exit status of the command line."""
    error: RootkeeperError | None = None
    """Why it wasn't opened; ``None`` also if a server opened it."""

    @classmethod
    def of(
        cls, window: RecoveryWindow, outcome: OpenOutcome, explanation: str, error: RootkeeperError | None = None
    ) -> OpeningResult:
        """Exit status: 0 if open; the error's own status if AWS refused; otherwise 4."""
        status = 0 if outcome is OpenOutcome.OPEN else 4
        if outcome is OpenOutcome.CANCELLED and isinstance(error, _REFUSALS):
            status = error.exit_status
        return cls(window, outcome, explanation, None if error is None else error.hint, status, error)


_REFUSALS = (AwsAccessDeniedError, AwsCredentialsError, AwsThrottledError, AwsUnreachableError)


class CloseOutcome(StrEnum):
    """The result of an attempt to close."""

    CLOSED = "closed"
    """A re-read shows none of the four kinds, and the window is CLOSED_VERIFIED."""
    CLOSED_UNRECORDED = "closed_unrecorded"
    """A re-read shows it, but the database couldn't record it; the window is closed again later."""
    FAILED = "failed"
    """Not closed, or not proven; the window still has to be closed."""
    BUSY = "busy"
    """Another process holds the account; it may be closing the window."""
    UNNEEDED = "unneeded"
    """The window has already ended."""


@dataclass(frozen=True, slots=True)
class CloseResult:
    """An attempt to close a window, and its result."""

    window: RecoveryWindow
    outcome: CloseOutcome
    # A sentence for a person.
    explanation: str
    hint: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is closed and recorded; otherwise the exit status is 4."""
        return self.outcome in {CloseOutcome.CLOSED, CloseOutcome.UNNEEDED}


def classify_opening(answer: CreateLoginProfileAnswer, reread: OpeningReread, started_at: datetime) -> OpenOutcome:
    """Classify an opening that began at ``started_at`` in an account without a login profile.

    A profile that AWS created but doesn't show yet is unknown, not absent: otherwise it could stay without a window.
    """
    if not reread.was_read:
        return OpenOutcome.CANCELLED if answer is CreateLoginProfileAnswer.REFUSED else OpenOutcome.UNKNOWN
    if reread.login_profile is None:
        return OpenOutcome.UNKNOWN if answer is CreateLoginProfileAnswer.CREATED else OpenOutcome.CANCELLED
    if answer is CreateLoginProfileAnswer.CREATED:
        return OpenOutcome.OPEN
    is_ours = answer is CreateLoginProfileAnswer.UNCLEAR and fits_opening(reread.login_profile.created_at, started_at)
    return OpenOutcome.OPEN if is_ours else OpenOutcome.FOREIGN


BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 20, 40, 60))
"""Waits after the first, second, … failed closing in a row."""

CRITICAL_FROM = 3
"""From this number of failed closings in a row the severity is critical."""

CRITICAL_OVERDUE = timedelta(minutes=5)
"""From this time after its end an unclosed window is critical."""

REREAD_AGAIN = timedelta(seconds=60)
"""Wait after a failed re-read; it grows with time."""

REREAD_AGAIN_AT_MOST = timedelta(hours=1)

REREAD_OWED_FOR = timedelta(days=7)
"""After this time a re-read is given up, because credentials found then may not be ours."""


def find_backoff(failed_closings: int) -> timedelta:
    return BACKOFF[min(max(failed_closings, 1), len(BACKOFF)) - 1]


def begin_closing(window: RecoveryWindow, now: datetime, closed_by: str | None = None) -> RecoveryWindow:
    """Make the window CLOSING; a window that a dead process left CLOSING continues."""
    if window.state is WindowState.CLOSED_VERIFIED:
        raise WindowConflictError(f"Recovery window {window.window_id} is closed; only a re-read reopens it.")
    closing = window if window.state is WindowState.CLOSING else advance(window, WindowState.CLOSING, now)
    return replace(closing, closed_by=closed_by or closing.closed_by)


def record_closed(window: RecoveryWindow, now: datetime, rereads: Sequence[timedelta]) -> RecoveryWindow:
    """Make the window CLOSED_VERIFIED, and schedule the first re-read."""
    closed = replace(
        advance(window, WindowState.CLOSED_VERIFIED, now), failed_closings=0, next_closing_at=None, rereads_done=0
    )
    return _schedule_reread(closed, rereads)


def record_failed(window: RecoveryWindow, now: datetime, failure: str) -> RecoveryWindow:
    """Make the window CLOSE_FAILED, to be closed again at most a minute later."""
    failed = window.failed_closings + 1
    return replace(
        advance(window, WindowState.CLOSE_FAILED, now, failure),
        failed_closings=failed,
        next_closing_at=now + find_backoff(failed),
    )


def classify_severity(window: RecoveryWindow, now: datetime) -> Severity:
    """Classify how urgent it is that the window isn't closed; INFO while no closing failed."""
    is_long_overdue = window.is_overdue(now - CRITICAL_OVERDUE)
    if window.failed_closings >= CRITICAL_FROM or (window.failed_closings and is_long_overdue):
        return Severity.CRITICAL
    return Severity.WARNING if window.failed_closings else Severity.INFO


def find_raised_severity(before: RecoveryWindow, failed: RecoveryWindow, now: datetime) -> Severity | None:
    """Return the severity of a closing that has just failed, if it is higher than after the failure before.

    :param before: the same window CLOSING; ``next_closing_at`` shows when the closing before failed.
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
    """:raises WindowConflictError: if no re-read is due, for example because another process has made it."""
    is_due = window.next_reread_at is not None and window.next_reread_at <= now
    if window.state is not WindowState.CLOSED_VERIFIED or not is_due:
        raise _no_reread_due(window)


def is_reread_owed(window: RecoveryWindow, at: datetime) -> bool:
    """Whether a reading that began at ``at`` makes a re-read that was due, also one that was postponed or given up."""
    due_at = window.reread_due_at
    return window.state is WindowState.CLOSED_VERIFIED and due_at is not None and due_at <= at


def record_clean_reread(window: RecoveryWindow, began_at: datetime, rereads: Sequence[timedelta]) -> RecoveryWindow:
    """Count a clean re-read, which also replaces every other re-read that was due, and schedule the next."""
    if not is_reread_owed(window, began_at):
        raise _no_reread_due(window)
    passed = sum(window.closed_at is not None and window.closed_at + later <= began_at for later in rereads)
    counted = replace(window, rereads_done=max(window.rereads_done + 1, passed), reread_owed_at=None)
    return _schedule_reread(counted, rereads)


def postpone_reread(window: RecoveryWindow, now: datetime) -> RecoveryWindow:
    """Postpone a re-read that failed; it doesn't count as clean, and stays owed."""
    require_reread_due(window, now)
    age = now - (window.closed_at or now)
    again_at = now + max(REREAD_AGAIN, min(age / 20, REREAD_AGAIN_AT_MOST))
    return replace(window, next_reread_at=again_at, reread_owed_at=window.reread_due_at)


def give_up_reread(window: RecoveryWindow) -> RecoveryWindow:
    """Try no more to read the account again, because it is too late; the re-read stays owed."""
    owed_since = window.reread_due_at
    return replace(end_rereads(window), reread_owed_at=owed_since)


def end_rereads(window: RecoveryWindow) -> RecoveryWindow:
    """End the re-reads, because another window is responsible, or a person keeps the credentials."""
    if window.state is not WindowState.CLOSED_VERIFIED:
        raise WindowConflictError(f"Recovery window {window.window_id} is {window.state}: it has no re-reads.")
    return replace(window, next_reread_at=None, reread_owed_at=None)


def find_oldest_closing(now: datetime, rereads: Sequence[timedelta]) -> datetime:
    """Find the earliest closing after which credentials that are found now may still be ours."""
    return now - (rereads[-1] if rereads else timedelta()) - REREAD_OWED_FOR


def is_reread_given_up(window: RecoveryWindow, now: datetime, rereads: Sequence[timedelta]) -> bool:
    """Whether the re-read is too late, so that credentials found now may not be ours."""
    return window.closed_at is not None and window.closed_at < find_oldest_closing(now, rereads)


def reopen(window: RecoveryWindow, closed_at: datetime | None, found_at: datetime, failure: str) -> RecoveryWindow:
    """Make the window CLOSING again, because a reading found root user credentials after it was closed.

    :param closed_at: when it was closed, as known before the reading.
    :raises WindowConflictError: if it isn't closed, or was closed once more since the reading began.
    """
    if window.state is not WindowState.CLOSED_VERIFIED or window.closed_at != closed_at:
        raise WindowConflictError(f"Recovery window {window.window_id} isn't as it was when its account was read.")
    return replace(
        advance(window, WindowState.CLOSING, found_at, failure),
        closed_by=None,
        failed_closings=0,
        next_closing_at=None,
        rereads_done=0,
        next_reread_at=None,
        reread_owed_at=None,
        first_closed_at=window.first_closed_at or closed_at,
        reopened_at=window.reopened_at or found_at,
    )


def _no_reread_due(window: RecoveryWindow) -> WindowConflictError:
    return WindowConflictError(f"No re-read of recovery window {window.window_id} is due.")


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
    """Whether it is the window's end rather than the end of a wait after a failure."""


@dataclass(slots=True)
class Deadlines:
    """When windows must be closed, by the wall clock or by the elapsed time, whichever is earlier.

    The wall clock may be set back, so each process remembers how long a window may last since it first read it.
    """

    _known: dict[str, _Deadline] = field(default_factory=dict)

    def learn(self, windows: Iterable[RecoveryWindow], moment: ClockTimes) -> None:
        """Remember the windows that must be closed, and forget all others."""
        known = self._known
        self._known = {
            window.window_id: deadline
            for window in windows
            if (deadline := _find_deadline(window, moment, known.get(window.window_id))) is not None
        }

    def is_due(self, window: RecoveryWindow, moment: ClockTimes) -> bool:
        """Whether to close the window now; an unfinished closing is always due."""
        if window.state is WindowState.CLOSING:
            return True
        if window.state not in {WindowState.OPEN, WindowState.CLOSE_FAILED}:
            return False
        deadline = _find_deadline(window, moment, self._known.get(window.window_id))
        return deadline is None or deadline.due_at <= moment.now or deadline.due_monotonic <= moment.monotonic

    def is_overdue_by(self, window: RecoveryWindow, by: timedelta, moment: ClockTimes) -> bool:
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
