"""The recovery window: the time for which password recovery is allowed in one account.

The steps that a window may take are data (``STEPS``), and ``advance`` is the only way in which a window changes its
state, so that no use case can invent a step. A window in an owing state may have a credential of ours behind it:
from there the only ways out are a proof that nothing was created and a closing shown by a re-read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.domain.ledger import ActorKind
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import InputError, WindowConflictError

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
