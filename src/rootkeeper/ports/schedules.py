"""Where it is kept which schedules ran when, so that of all workers one starts each run."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class ScheduleStore(Protocol):
    """The schedules of one organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def find_last_run(self, schedule_id: str) -> datetime | None:
        """The moment for which it ran last, or from which on it is kept."""
        ...

    def claim(self, schedule_id: str, due_at: datetime, last_run_at: datetime | None) -> bool:
        """Take the run of that moment; ``False`` if another process took it, or the last run isn't that one."""
        ...
