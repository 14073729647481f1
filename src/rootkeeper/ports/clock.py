"""Time, as an argument."""

from __future__ import annotations

from datetime import datetime
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
