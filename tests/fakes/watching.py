"""A source of root events, the place where they are kept, and a notifier: in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rootkeeper.aws.root_events import EventDelivery
from rootkeeper.errors import RootkeeperError
from rootkeeper.ledger.rules import Action
from rootkeeper.notifications.rules import Notification
from rootkeeper.organization.accounts import AccountId
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from rootkeeper.watching.store import EventEvaluator, WindowEventStore
from tests.fakes.stores import InMemoryLedger


@dataclass(slots=True)
class FakeSource:
    """Implements RootEventSource: what isn't acknowledged comes again."""

    waiting: dict[str, EventDelivery] = field(default_factory=dict)
    failure: RootkeeperError | None = None
    waits: list[float] = field(default_factory=list)
    lot: int = 10
    _count: int = 0

    @property
    def name(self) -> str:
        return "sqs:root-events"

    def bring(self, *records: Mapping[str, Any]) -> None:
        """As one message."""
        self._count += 1
        receipt = f"r-{self._count}"
        self.waiting[receipt] = EventDelivery(receipt, tuple(records))

    def read(self, wait_seconds: float) -> tuple[EventDelivery, ...]:
        self.waits.append(wait_seconds)
        if self.failure is not None:
            raise self.failure
        return tuple(self.waiting.values())[: self.lot]

    def acknowledge(self, deliveries: Sequence[EventDelivery]) -> None:
        for delivery in deliveries:
            del self.waiting[delivery.receipt]


@dataclass(slots=True)
class InMemoryWindowEvents(WindowEventStore):
    """Implements WindowEventStore."""

    ledger: InMemoryLedger
    kept: dict[str, WatchedEvent] = field(default_factory=dict)
    failure: RootkeeperError | None = None

    def record(self, event_id: str, account_id: AccountId, judge: EventEvaluator) -> WatchedEvent:
        if self.failure is not None:
            raise self.failure
        if event_id in self.kept:
            return self.kept[event_id]
        event = judge(tuple(one for one in self.list_of_account(account_id) if one.has_mfa is not None))
        if event.verdict is not EventVerdict.UNRELATED:
            self.kept[event_id] = event
            if event.window_id is not None:
                self.ledger.append_fact(Action.WINDOW_EVENT, account_id=account_id)
        return event

    def list_of_window(self, window_id: str) -> tuple[WatchedEvent, ...]:
        return self._list_wanted(window_id=window_id)

    def list_of_account(self, account_id: AccountId) -> tuple[WatchedEvent, ...]:
        return self._list_wanted(account_id=account_id)

    def _list_wanted(self, **wanted: str) -> tuple[WatchedEvent, ...]:
        found = [event for event in self.kept.values() if all(getattr(event, key) == wanted[key] for key in wanted)]
        return tuple(sorted(found, key=lambda event: (event.at, event.event_id)))


@dataclass(slots=True)
class RecordedNotifier:
    """Implements Notifier: keeps what it was sent, once for each key."""

    reported: list[Notification] = field(default_factory=list)

    def notify(self, notification: Notification) -> None:
        keys = {one.deduplication_key for one in self.reported}
        if not notification.deduplication_key or notification.deduplication_key not in keys:
            self.reported.append(notification)
