"""Where it is kept which schedules ran when, so that of all workers one starts each run."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class ScheduleStore(Protocol):
    """The schedules of one organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def keep(self, schedule_id: str, since: datetime) -> None:
        """Keep a schedule from that moment on; nothing if it is kept already."""
        ...

    def find_last_run(self, schedule_id: str) -> datetime | None:
        """The moment for which it ran last, or from which on it is kept."""
        ...

    def claim(self, schedule_id: str, last_run_at: datetime, now: datetime) -> bool:
        """Take the run that is due; ``False`` if another process has it, or the last run isn't that one.

        A claim ends by itself (``domain.schedules.CLAIM``): the run of a process that died before ``settle`` is taken
        again.
        """
        ...

    def settle(self, schedule_id: str, due_at: datetime, last_run_at: datetime) -> None:
        """The run of ``due_at`` has begun, or never will; nothing if another process has said so."""
        ...
