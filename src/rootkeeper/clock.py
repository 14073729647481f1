"""The clock. Time comes in as an argument; only the composition root passes the machine's own clock on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, monotonic time and sleep."""

    def now(self) -> datetime:
        """The aware UTC time."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; they go on while the process is stopped."""
        ...

    def sleep(self, seconds: float) -> None: ...


_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux: goes on while the machine sleeps, so that no lease outlives a night in a closed laptop."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_MONOTONIC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
