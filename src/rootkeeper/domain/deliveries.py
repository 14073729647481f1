"""Bringing a notification to one target: when it is tried again, and when it is given up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.domain.notifications import Notification

BACK_OFF = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""After each attempt that failed; the last one again and again."""
GIVE_UP_AFTER = timedelta(hours=24)


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification for one target."""

    notification_id: str
    """The same at each attempt, so that a receiver can tell a second one of the same thing."""
    notification: Notification
    target: str
    """Its name."""
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None = None
    """``None`` once it is over."""
    delivered_at: datetime | None = None
    failure: str | None = None
    """Why the last attempt failed."""

    @property
    def last_attempt_at(self) -> datetime | None:
        """As far as it can be told; ``None`` before the first."""
        if self.state is DeliveryState.DELIVERED:
            return self.delivered_at
        if self.state is DeliveryState.GIVEN_UP:
            return self.created_at + GIVE_UP_AFTER
        if self.next_attempt_at is None or not self.attempts:
            return None
        return self.next_attempt_at - _back_off(self.attempts)


def plan_next_attempt(attempts: int, created_at: datetime, now: datetime) -> datetime | None:
    """When to try again after so many failed attempts; ``None`` to give up."""
    if now - created_at >= GIVE_UP_AFTER:
        return None
    return now + _back_off(attempts)


def find_failing(deliveries: Iterable[Delivery]) -> dict[str, str]:
    """Targets whose latest attempt failed, and why."""
    latest: dict[str, tuple[datetime, str | None]] = {}
    for delivery in deliveries:
        at = delivery.last_attempt_at
        if at is not None and (delivery.target not in latest or latest[delivery.target][0] <= at):
            latest[delivery.target] = (at, delivery.failure)
    return {target: failure for target, (_, failure) in sorted(latest.items()) if failure is not None}


def _back_off(attempts: int) -> timedelta:
    return BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
