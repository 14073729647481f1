"""Forgetting in time: old audits, sign-ins that ended, delivered notifications, and what the engine keeps of jobs that
are over. Never the ledger, a window or a job's own row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from rootkeeper.ports.clock import Clock
from rootkeeper.ports.engine import Engine
from rootkeeper.ports.history import AuditHistory
from rootkeeper.ports.retention import RetentionStore

ENGINE_KEEPS = timedelta(days=7)
"""Nothing is read of it, since a job's own row tells what became of it; for whoever looks into the engine's tables."""
NOTIFICATIONS_KEPT = timedelta(days=90)
PERIOD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class RetentionResult:
    """How much was forgotten."""

    audits: int
    sign_ins: int
    notifications: int


@dataclass(frozen=True, slots=True)
class RetentionCleaner:
    """Forgets what is older than the settings say; once an hour is often enough, in however many processes."""

    history: AuditHistory
    retention: RetentionStore
    clock: Clock
    keep_audits: timedelta

    def tick(self) -> RetentionResult:
        """:raises DatabaseError: if the database can't be written."""
        now = self.clock.now()
        return RetentionResult(
            audits=self.history.forget_before(now - self.keep_audits),
            sign_ins=self.retention.forget_sign_ins(now),
            notifications=self.retention.forget_notifications(now - NOTIFICATIONS_KEPT),
        )


@dataclass(slots=True)
class EngineCleaner:
    """Has the engine forget jobs that are over; its tables would grow for ever. One for each process."""

    engine: Engine
    clock: Clock
    _again_at: float = float("-inf")
    """In monotonic seconds."""

    def tick(self) -> int:
        """Once an hour, however often it is called; how many attempts at jobs were forgotten.

        :raises DatabaseError: if the engine's tables can't be reached.
        """
        now = self.clock.monotonic()
        if now < self._again_at:
            return 0
        self._again_at = now + PERIOD_SECONDS
        return self.engine.forget_before(self.clock.now() - ENGINE_KEEPS)
