"""Failed attempts, in memory."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rootkeeper.access.counts import FailureCounter
from rootkeeper.access.rules import AttemptLimit
from tests.fakes.clock import FakeClock


@dataclass
class InMemoryFailures(FailureCounter):
    """Implements FailureCounter."""

    clock: FakeClock
    kept: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)
    """Keys and when they end, by attempt."""
    guard: threading.Lock = field(default_factory=threading.Lock)

    def begin_attempt(self, limits: Sequence[AttemptLimit]) -> str | None:
        now = self.clock.now()
        with self.guard:
            if any(self._find_own_wait(limit) for limit in limits):
                return None
            attempt_id = f"f-{len(self.kept)}"
            self.kept[attempt_id] = [(limit.key, now + limit.within) for limit in limits]
            return attempt_id

    def remove_attempt(self, attempt_id: str) -> None:
        with self.guard:
            if attempt_id in self.kept:
                self.kept[attempt_id] = []

    def find_wait_seconds(self, limits: Sequence[AttemptLimit]) -> int:
        with self.guard:
            return math.ceil(max(self._find_own_wait(limit) for limit in limits).total_seconds())

    def _find_own_wait(self, limit: AttemptLimit) -> timedelta:
        now = self.clock.now()
        ends = sorted(
            ends_at for kept in self.kept.values() for key, ends_at in kept if key == limit.key and ends_at > now
        )
        return limit.find_wait([ends_at - limit.within for ends_at in ends], now)
