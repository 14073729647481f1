"""The recovery window: the time for which password recovery is allowed in one account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rootkeeper.domain.organizations import AccountId


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

    def is_overdue(self, now: datetime) -> bool:
        return self.state in OWING_STATES and self.expires_at is not None and self.expires_at <= now
