"""The settings for recovery windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from rootkeeper.approvals.rules import ApprovalPolicy
from rootkeeper.errors import InputError, PermissionDeniedError
from rootkeeper.values import render_duration
from rootkeeper.windows.rules import LONGEST_DURATION, require_duration


@dataclass(frozen=True, slots=True)
class WindowPolicy(ApprovalPolicy):
    """The settings for recovery windows."""

    longest: timedelta = LONGEST_DURATION
    rereads: tuple[timedelta, ...] = ()
    """How long after the closing the account is read again, the shortest first."""
    emergency: bool = False

    def require_duration(self, seconds: int) -> int:
        """:raises InputError: if a window may not last as long."""
        require_duration(seconds)
        if timedelta(seconds=seconds) > self.longest:
            longest = render_duration(self.longest)
            raise InputError(
                f"A recovery window of {seconds} seconds is longer than the settings allow: {longest}.",
                hint=f"Choose {longest} or less, or change the setting windows.longest.",
            )
        return seconds

    def require_emergencies_allowed(self) -> None:
        """:raises PermissionDeniedError: if the settings don't allow windows without approval."""
        if not self.emergency:
            raise PermissionDeniedError(
                "The settings don't allow the emergency path.",
                hint="Request the window and have it approved, or let an administrator set windows.emergency to true.",
            )


def sort_rereads(rereads: Iterable[timedelta]) -> tuple[timedelta, ...]:
    """Each once, the shortest first."""
    return tuple(sorted(set(rereads)))
