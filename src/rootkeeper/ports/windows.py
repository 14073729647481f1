"""Where recovery windows are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.windows import RecoveryWindow, WindowState


class RecoveryWindows(Protocol):
    """The windows of one organization. Our table is the truth.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, window: RecoveryWindow) -> None:
        """Keep a new window.

        :raises WindowConflictError: if the account has a window that isn't over; the message names it.
        """
        ...

    def change(self, window: RecoveryWindow, expected: WindowState) -> None:
        """Replace the window of the same id, if it is still in state ``expected``.

        :raises WindowConflictError: if it has moved on.
        """
        ...

    def update(self, window_id: str, step: Callable[[RecoveryWindow], RecoveryWindow]) -> RecoveryWindow:
        """Replace the window by what ``step`` makes of it as it stands, in one transaction.

        ``step`` is pure; what it raises leaves the window as it was, and comes out of here. Of several processes that
        try at once each sees what the one before it wrote.

        :returns: the window as it stands afterwards.
        :raises InputError: if there is none.
        """
        ...

    def get(self, window_id_or_account_id: str) -> RecoveryWindow:
        """The window of that id, or the account's latest.

        :raises InputError: if there is none.
        """
        ...

    def find_unfinished(self, account_id: AccountId) -> RecoveryWindow | None:
        """The account's window that isn't over, if there is one."""
        ...

    def list_windows(self, *, unfinished_only: bool = False) -> tuple[RecoveryWindow, ...]:
        """Newest first. Those that aren't over are found without looking at all the others."""
        ...

    def list_of_account(self, account_id: AccountId) -> tuple[RecoveryWindow, ...]:
        """All of one account, newest first."""
        ...

    def list_lapsing(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Windows that wait for approval or activation and have waited too long, the longest first."""
        ...

    def list_reviews_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Windows that were opened in an emergency and whose review is overdue, the most overdue first."""
        ...

    def list_rereads_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Closed windows whose account is to be read again, the most overdue first."""
        ...

    def list_overdue(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Windows that owe their closing and are past their end, the most overdue first."""
        ...
