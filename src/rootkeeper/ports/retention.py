"""What is forgotten in time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class RetentionStore(Protocol):
    """Forgets what only serves for a time; never the ledger, and never a window.

    :raises DatabaseError: if the database can't be written.
    """

    def forget_sign_ins(self, ended_before: datetime) -> int:
        """Sign-ins that ended before; how many there were."""
        ...

    def forget_notifications(self, made_before: datetime) -> int:
        """Notifications that were made before and that no target waits for any more; how many there were."""
        ...
