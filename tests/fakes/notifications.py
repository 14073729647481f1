"""Notifications and schedules in memory, senders that follow a script, and people who listen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rootkeeper.errors import DatabaseError, NotificationError
from rootkeeper.notifications.rules import Delivery, DeliveryState, Notification, NotificationTarget, find_failing
from rootkeeper.notifications.store import NotificationStore
from rootkeeper.worker.schedules import ScheduleStore, is_claimed


@dataclass
class RecordingNotifier:
    """Implements Notifier: keeps what it is handed."""

    notifications: list[Notification] = field(default_factory=list)

    def notify(self, notification: Notification) -> None:
        self.notifications.append(notification)


class InMemoryNotifications(NotificationStore):
    """Implements NotificationStore; while ``is_down``, it can't be reached."""

    def __init__(self) -> None:
        self.is_down = False
        self._notifications: dict[str, tuple[Notification, datetime]] = {}
        self._deliveries: dict[tuple[str, str], Delivery] = {}
        self._claims: dict[tuple[str, str], datetime] = {}
        self._guard = threading.RLock()

    def add(self, notification_id: str, notification: Notification, targets: Sequence[str], now: datetime) -> bool:
        with self._guard:
            self._ensure_up()
            key = notification.deduplication_key
            if key and any(key == kept.deduplication_key for kept, _ in self._notifications.values()):
                return False
            self._notifications[notification_id] = (notification, now)
            for target in targets:
                self._deliveries[notification_id, target] = Delivery(
                    notification_id, notification, target, DeliveryState.WAITING, 0, now, now
                )
            return True

    def list_targets_due(self, now: datetime) -> tuple[str, ...]:
        with self._guard:
            self._ensure_up()
            return tuple(sorted({one.target for one in self._deliveries.values() if self._waits(one, now)}))

    def claim_due(self, target: str, now: datetime, until: datetime, limit: int) -> tuple[Delivery, ...]:
        with self._guard:
            self._ensure_up()
            due = [one for one in self._deliveries.values() if one.target == target and self._waits(one, now)]
            claimed = sorted(due, key=lambda one: (one.created_at, one.notification_id))[:limit]
            self._claims.update({(one.notification_id, target): until for one in claimed})
            return tuple(claimed)

    def settle(self, delivery: Delivery) -> None:
        with self._guard:
            self._ensure_up()
            key = (delivery.notification_id, delivery.target)
            if self._deliveries[key].state is DeliveryState.WAITING:
                self._deliveries[key] = delivery
                self._claims.pop(key, None)

    def give_up_before(self, created_before: datetime) -> int:
        with self._guard:
            self._ensure_up()
            old = [
                key
                for key, one in self._deliveries.items()
                if one.state is DeliveryState.WAITING and one.created_at < created_before
            ]
            for key in old:
                given_up = replace(self._deliveries[key], state=DeliveryState.GIVEN_UP, next_attempt_at=None)
                self._deliveries[key] = given_up
            return len(old)

    def list_deliveries(
        self, *, limit: int, state: DeliveryState | None = None, target: str | None = None
    ) -> tuple[Delivery, ...]:
        with self._guard:
            self._ensure_up()
            found = [
                one for one in self._deliveries.values() if state in (None, one.state) and target in (None, one.target)
            ]
            by_name = sorted(found, key=lambda one: (one.notification_id, one.target))
            return tuple(sorted(by_name, key=lambda one: one.created_at, reverse=True)[:limit])

    def list_failing(self, since: datetime) -> dict[str, str]:
        with self._guard:
            self._ensure_up()
            return find_failing(one for one in self._deliveries.values() if one.created_at >= since)

    def _waits(self, delivery: Delivery, now: datetime) -> bool:
        claimed_until = self._claims.get((delivery.notification_id, delivery.target))
        return (
            delivery.state is DeliveryState.WAITING
            and delivery.next_attempt_at is not None
            and delivery.next_attempt_at <= now
            and (claimed_until is None or claimed_until <= now)
        )

    def _ensure_up(self) -> None:
        if self.is_down:
            raise DatabaseError("The database can't be reached.")


class InMemorySchedules(ScheduleStore):
    """Implements ScheduleStore."""

    def __init__(self) -> None:
        self.runs: dict[str, datetime] = {}
        self._claims: dict[str, datetime] = {}
        self._guard = threading.Lock()

    def keep(self, schedule_id: str, since: datetime) -> None:
        with self._guard:
            if self.runs.setdefault(schedule_id, since) == since:
                self._claims[schedule_id] = since

    def find_last_run(self, schedule_id: str) -> datetime | None:
        return self.runs.get(schedule_id)

    def claim(self, schedule_id: str, last_run_at: datetime, now: datetime) -> bool:
        with self._guard:
            if self.runs.get(schedule_id) != last_run_at:
                return False
            if is_claimed(self._claims[schedule_id], last_run_at, now):
                return False
            self._claims[schedule_id] = now
            return True

    def settle(self, schedule_id: str, due_at: datetime, last_run_at: datetime) -> None:
        with self._guard:
            if self.runs.get(schedule_id) == last_run_at:
                self.runs[schedule_id] = self._claims[schedule_id] = due_at


@dataclass
class ScriptedSender:
    """Implements NotificationSender: each target does what its script says, in threads of the sender."""

    sent: list[tuple[str, str, Notification]] = field(default_factory=list)
    """Target, notification's id, notification: what arrived."""
    attempts: list[str] = field(default_factory=list)
    scripts: dict[str, Callable[[], None]] = field(default_factory=dict)
    """By target; one that raises doesn't take it."""

    def send(self, target: NotificationTarget, notification_id: str, notification: Notification) -> None:
        self.attempts.append(target.name)
        self.scripts.get(target.name, lambda: None)()
        self.sent.append((target.name, notification_id, notification))

    def break_down(self, target: str) -> None:
        def fail() -> None:
            raise NotificationError(f"The notification target {target} failed: it answered with HTTP status 500.")

        self.scripts[target] = fail

    def repair(self, target: str) -> None:
        self.scripts.pop(target, None)

    def list_titles(self, target: str) -> list[str]:
        return [notification.title for name, _, notification in self.sent if name == target]
