"""What came of an attempt to allow password recovery, judged from what AWS answered and what a re-read shows.

Kept apart from the order of steps, since this is where a mistake would leave a credential that nobody owes to close.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rootkeeper.domain.root_credentials import LoginProfile
from rootkeeper.domain.windows import RecoveryWindow, fits_opening


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
