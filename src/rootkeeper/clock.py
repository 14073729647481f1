"""The machine's own clock, as the port asks for it; only the composition root hands it out."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux: goes on while the machine sleeps, so that no lease outlives a night in a closed laptop."""


class SystemClock:
    """Implements the port Clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_MONOTONIC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
