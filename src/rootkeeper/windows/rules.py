"""The recovery window: its states, deadlines, and what opening it did.

The recovery window: the time for which password recovery is allowed in one account.

The steps that a window may take are data (``STEPS``), and ``advance`` is the only way in which a window changes its
state, so that no use case can invent a step. A window in an owing state may have a credential of ours behind it:
from there the only ways out are a proof that nothing was created and a closing shown by a re-read.

What came of an attempt to allow password recovery, judged from what AWS answered and what a re-read shows.

Kept apart from the order of steps, since this is where a mistake would leave a credential that nobody owes to close.

The end of a recovery window: closing it, trying again, and reading its account again afterwards.

Pure steps from one window to the next, each taken in the transaction that reads the window. A closing that failed is
tried again within a minute, for ever, and becomes more urgent; a closed account is read again, since a live console
session may outlast its password.

When a window's closing is due, by the wall clock or by the time that has passed, whichever comes first.

The wall clock may be set back; the time that passes in a process may not. So each process remembers, from its first
sight of a window, how long that may still last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.errors import InputError, WindowConflictError
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.notifications.rules import Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import LoginProfile

SHORTEST_DURATION = timedelta(seconds=10)
LONGEST_DURATION = timedelta(hours=72)
DEFAULT_DURATION = timedelta(hours=4)

CLOCK_SKEW = timedelta(minutes=5)
"""How far this machine's clock and AWS's may differ. Source: AWS refuses signatures further off than that."""

OPENING_LATENCY = timedelta(minutes=10)
"""No opening call leaves later than this after its window's start: the writer's lease has ended long before."""


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


OWING_STATES = frozenset({WindowState.OPENING, WindowState.OPEN, WindowState.CLOSING, WindowState.CLOSE_FAILED})
"""States in which a credential of ours may exist, so that a closing is owed."""

FINAL_STATES = frozenset(
    {WindowState.CANCELLED, WindowState.CLOSED_VERIFIED, WindowState.DENIED, WindowState.KEPT, WindowState.LAPSED}
)

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
"""The steps that a window may take. A closed one is closed again if a later re-read finds anything."""


class ApprovalPurpose(StrEnum):
    """What was consented to."""

    EXTENDING = "extending"
    OPENING = "opening"


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's consent, bound to what it was given for: for anything else it doesn't count."""

    approver: str
    approver_kind: ActorKind
    purpose: ApprovalPurpose
    at: datetime
    account_id: AccountId
    task: str
    duration_seconds: int
    """Of the window; of an extension, by how much it is prolonged."""
    expires_at: datetime
    used_at: datetime | None = None
    """When the window was opened or prolonged by it; an approval serves once."""


@dataclass(frozen=True, slots=True)
class RecoveryWindow:
    """One window, as the database holds it."""

    window_id: str
    organization_id: str
    account_id: AccountId
    state: WindowState
    reason: str
    ticket: str | None
    requested_by: str
    requested_at: datetime
    duration_seconds: int
    approved_by: tuple[str, ...] = ()
    """Empty on a command line without a server: such a window is reported as unapproved."""
    opened_at: datetime | None = None
    """From the ``CreateDate`` of the login profile, once open."""
    expires_at: datetime | None = None
    """Set before the opening call leaves, so that a window that may be open always owes its closing."""
    closed_at: datetime | None = None
    failure: str | None = None
    """Why the last attempt to close failed."""
    requested_by_kind: ActorKind = ActorKind.SELF_ASSERTED
    approvals_needed: int = 0
    """As the policy was when it was requested."""
    approvals: tuple[Approval, ...] = ()
    lapses_at: datetime | None = None
    """When the request, or the approval that nobody used, lapses."""
    activated_by: str | None = None
    closed_by: str | None = None
    """Who asked for the closing; ``None`` for the window's end."""
    is_emergency: bool = False
    """Whether it was opened before anybody approved it."""
    review_due_at: datetime | None = None
    reviewed_by: str | None = None
    is_drill: bool = False
    watched_by: str | None = None
    """The source of root events; ``None``: not watched."""
    failed_closings: int = 0
    """Attempts to close that failed in a row."""
    next_closing_at: datetime | None = None
    """After a failed attempt, when the next one is due."""
    rereads_done: int = 0
    next_reread_at: datetime | None = None
    """When the account is read again after the closing."""

    def is_overdue(self, now: datetime) -> bool:
        return self.state in OWING_STATES and self.expires_at is not None and self.expires_at <= now

    def is_due(self, now: datetime) -> bool:
        """Whether a closing should be tried now: its end is past, or a closing was begun and isn't finished."""
        return self.is_overdue(now) or self.state in {WindowState.CLOSING, WindowState.CLOSE_FAILED}

    @property
    def is_approved(self) -> bool:
        """Whether anybody but the requester approved it."""
        return bool(self.approved_by)

    @property
    def opening_started_at(self) -> datetime | None:
        """When the opening began, before its call left; ``None`` before that."""
        return None if self.expires_at is None else self.expires_at - timedelta(seconds=self.duration_seconds)


def advance(window: RecoveryWindow, to: WindowState, now: datetime, failure: str | None = None) -> RecoveryWindow:
    """The window after one step.

    Entering OPENING sets ``expires_at``, entering CLOSED_VERIFIED sets ``closed_at``, and a closed window that is to
    be closed again loses it; ``failure`` replaces the last one, and ``None`` clears it.

    :raises WindowConflictError: if the step isn't one of ``STEPS``.
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


def describe_blocking_window(window_id: str, state: WindowState) -> str:
    """What makes room in the account of a window that isn't over."""
    if state in OWING_STATES:
        return f"Close it first: rootkeeper windows close {window_id}"
    return f"It waits for its use; take it back to make room: rootkeeper windows cancel {window_id}"


def fits_opening(created_at: datetime, started_at: datetime) -> bool:
    """Whether a login profile of that ``CreateDate`` can be the one that an opening begun at ``started_at`` made."""
    return started_at - CLOCK_SKEW <= created_at <= started_at + OPENING_LATENCY + CLOCK_SKEW


def require_duration(seconds: int) -> int:
    """``seconds``, if a window may last so long.

    :raises InputError: if not.
    """
    if not SHORTEST_DURATION <= timedelta(seconds=seconds) <= LONGEST_DURATION:
        raise InputError(
            f"A recovery window can't last {seconds} seconds.",
            hint="It lasts at least 10 seconds (10s) and at most 72 hours (72h).",
        )
    return seconds


class OpenOutcome(StrEnum):
    """What came of an opening."""

    OPEN = "open"
    """The login profile exists, and a re-read shows it."""
    CANCELLED = "cancelled"
    """Nothing was created, as far as a re-read shows."""
    FOREIGN = "foreign"
    """Somebody else's login profile is there; nothing was touched."""
    UNKNOWN = "unknown"
    """It can't be shown whether the login profile exists; the window owes its closing, the next command settles it."""


class CreateLoginProfileAnswer(StrEnum):
    """What AWS answered to CreateLoginProfile."""

    CREATED = "created"
    REFUSED = "refused"
    """Clearly: nothing was created by this call."""
    UNCLEAR = "unclear"
    """No clear answer, or that it exists already: it may be ours."""


@dataclass(frozen=True, slots=True)
class OpeningReread:
    """What a re-read showed."""

    was_read: bool
    login_profile: LoginProfile | None = None


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """A recovery window as the options ask for it; nothing of it is checked yet."""

    account: str
    """An id or a unique name."""
    reason: str
    ticket: str | None
    duration_seconds: int
    is_drill: bool = False
    is_emergency: bool = False


@dataclass(frozen=True, slots=True)
class OpeningResult:
    """What came of the attempt to open a window."""

    window: RecoveryWindow
    outcome: OpenOutcome | None
    """``None``: it waits for approvals."""
    explanation: str = ""
    hint: str | None = None
    exit_status: int = 0


@dataclass(frozen=True, slots=True)
class ClosingResult:
    """What came of the attempt to close a window, or of its end."""

    window: RecoveryWindow
    is_closed: bool
    """Whether a re-read shows it and that is recorded."""
    explanation: str
    hint: str | None = None


def classify_opening(answer: CreateLoginProfileAnswer, reread: OpeningReread, started_at: datetime) -> OpenOutcome:
    """Decide what came of an opening that began at ``started_at``, in an account that had no login profile.

    A profile that AWS said it created, and that isn't shown, is unknown and not absent: a reading that lags would
    otherwise leave it behind without a window.
    """
    if not reread.was_read:
        return OpenOutcome.CANCELLED if answer is CreateLoginProfileAnswer.REFUSED else OpenOutcome.UNKNOWN
    if reread.login_profile is None:
        return OpenOutcome.UNKNOWN if answer is CreateLoginProfileAnswer.CREATED else OpenOutcome.CANCELLED
    if answer is CreateLoginProfileAnswer.CREATED:
        return OpenOutcome.OPEN
    is_ours = answer is CreateLoginProfileAnswer.UNCLEAR and fits_opening(reread.login_profile.created_at, started_at)
    return OpenOutcome.OPEN if is_ours else OpenOutcome.FOREIGN


def classify_orphaned_opening(reread: OpeningReread, started_at: datetime) -> OpenOutcome:
    """Decide what came of an opening whose process died, from a re-read alone."""
    return classify_opening(CreateLoginProfileAnswer.UNCLEAR, reread, started_at)


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
