"""A clock that moves only when a test sets it, or when a caller sleeps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


class FakeClock:
    """Implements ``rootkeeper.ports.clock.Clock``; safe in many threads."""

    def __init__(self, start: datetime = START) -> None:
        self.slept: list[float] = []
        """Every sleep asked for, in seconds, in order."""
        self._now = start
        self._monotonic = 1000.0
        self._guard = threading.Lock()

    def now(self) -> datetime:
        with self._guard:
            return self._now

    def monotonic(self) -> float:
        with self._guard:
            return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        with self._guard:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock; no time passes."""
        with self._guard:
            self._now += timedelta(seconds=seconds)
