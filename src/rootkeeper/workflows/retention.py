"""Forgetting in time: old audits, sign-ins that ended, delivered notifications. Never the ledger or a window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from rootkeeper.ports.clock import Clock
from rootkeeper.ports.history import AuditHistory
from rootkeeper.ports.retention import Retention

NOTIFICATIONS_KEPT = timedelta(days=90)
PERIOD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was forgotten."""

    audits: int
    sign_ins: int
    notifications: int


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Forgets what is older than the settings say; once an hour is often enough, in however many processes."""

    history: AuditHistory
    retention: Retention
    clock: Clock
    keep_audits: timedelta

    def tick(self) -> Forgotten:
        """:raises DatabaseError: if the database can't be written."""
        now = self.clock.now()
        return Forgotten(
            audits=self.history.forget_before(now - self.keep_audits),
            sign_ins=self.retention.forget_sign_ins(now),
            notifications=self.retention.forget_notifications(now - NOTIFICATIONS_KEPT),
        )
