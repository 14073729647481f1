"""Failed attempts, in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
            if any(self._count_failed(limit.key, now) >= limit.most for limit in limits):
                return None
            attempt_id = f"f-{len(self.kept)}"
            self.kept[attempt_id] = [(limit.key, now + limit.within) for limit in limits]
            return attempt_id

    def remove_attempt(self, attempt_id: str) -> None:
        with self.guard:
            if attempt_id in self.kept:
                self.kept[attempt_id] = []

    def _count_failed(self, key: str, now: datetime) -> int:
        return sum(one == key and ends_at > now for kept in self.kept.values() for one, ends_at in kept)
