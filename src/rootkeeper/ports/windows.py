"""Where recovery windows are kept."""

from __future__ import annotations

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

    def get(self, window_id_or_account_id: str) -> RecoveryWindow:
        """The window of that id, or the account's latest.

        :raises InputError: if there is none.
        """
        ...

    def find_unfinished(self, account_id: AccountId) -> RecoveryWindow | None:
        """The account's window that isn't over, if there is one."""
        ...

    def list_windows(self, *, unfinished_only: bool = False) -> tuple[RecoveryWindow, ...]:
        """Newest first."""
        ...

    def list_overdue(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Windows that owe their closing and are past their end, the most overdue first."""
        ...
