"""The sandbox's clock: the machine's time plus what was advanced.

Expiry, dates in answers and the Date header follow it. Signatures don't: clients sign by the machine's time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def read_machine_time() -> datetime:
    """Read the machine's clock, aware and in UTC."""
    return datetime.now(UTC)


class Clock:
    """A clock that can be moved forward."""

    def __init__(self, machine_time: Callable[[], datetime] = read_machine_time) -> None:
        self.machine_time = machine_time
        self.advanced = timedelta()

    def now(self) -> datetime:
        """Give the sandbox's time."""
        return self.machine_time() + self.advanced

    def advance(self, seconds: float) -> None:
        """Move the sandbox's time forward."""
        self.advanced += timedelta(seconds=seconds)

    def reset(self) -> None:
        """Go back to the machine's time."""
        self.advanced = timedelta()
