"""Keeps notifications in the database, delivers them to their targets, and sends tests.

Each target has a queue with at most one thread, and a pause after several failures, so that a target that fails or
hangs delays neither work nor other targets. The other targets are notified of the failure, at most once an hour.

A delivery is claimed before it is sent, so that one worker sends it. If that worker dies, another worker sends it,
perhaps for the second time; a receiver recognizes it by the notification's id.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from rootkeeper.clock import Clock
from rootkeeper.errors import DatabaseError, NotFoundError, NotificationError, make_setting_hint
from rootkeeper.notifications.rules import (
    LOOKED_BACK,
    USUAL_SEVERITIES,
    Delivery,
    DeliveryState,
    Notification,
    NotificationEvent,
    NotificationTarget,
    Severity,
    plan_next_attempt,
)
from rootkeeper.notifications.store import NotificationStore
from rootkeeper.organization.accounts import Endpoint


class Notifier(Protocol):
    """Accepts notifications for delivery."""

    def notify(self, notification: Notification) -> None:
        """Queue a notification. Never raises or waits for a target; logs a notification that the database can't keep.

        A second notification of the same ``deduplication_key`` is dropped.
        """
        ...


class NullNotifier:
    """Sends nothing, for a command line that works on the database itself; implements Notifier."""

    def notify(self, notification: Notification) -> None:
        """Do nothing."""


class NotificationSender(Protocol):
    """Sends to a target, now."""

    def send(self, target: NotificationTarget, notification_id: str, notification: Notification) -> None:
        """Return when the target has accepted it, within some seconds in any case.

        :raises NotificationError: if the target didn't accept it; the message has only the target's name.
        """
        ...


_LOG = logging.getLogger(__name__)
LONGEST_SEND_SECONDS = 10.0
_CLAIMED_AT_ONCE = 5

_CLAIM = timedelta(seconds=2 * _CLAIMED_AT_ONCE * LONGEST_SEND_SECONDS)
"""Longer than all claimed deliveries together can take, so that a living worker's claim doesn't run out."""

_FAILURES_BEFORE_REST = 3
_REST_SECONDS = 60.0
_MOST_KEPT_BACK = 200
_GIVING_UP_SECONDS = 600.0


@dataclass(slots=True)
class Outbox:
    """Keeps notifications for delivery; implements Notifier. Thread-safe."""

    store: NotificationStore
    targets: tuple[NotificationTarget, ...]
    """Replaced as a whole by the loop: an administrator can change them."""
    clock: Clock
    make_id: Callable[[], str]
    warn: Callable[[str], None]
    """Gets a sentence about each notification that the database didn't keep; never raises."""
    _kept_back: deque[tuple[str, Notification, tuple[str, ...]]] = field(
        default_factory=lambda: deque(maxlen=_MOST_KEPT_BACK)
    )
    """Notifications that the database didn't keep, with their ids and remaining targets, for the loop."""

    def notify(self, notification: Notification, excepted: str | None = None) -> None:
        """:param excepted: a target that doesn't get it."""
        names = tuple(target.name for target in self.targets if target.name != excepted and target.takes(notification))
        notification_id = self.make_id()
        try:
            self.store.add(notification_id, notification, names, self.clock.now())
        except DatabaseError as error:
            self.warn(f"{notification.title}: the database couldn't keep this notification. {error.message}")
            if names:
                self._kept_back.append((notification_id, notification, names))

    def take_kept_back(self) -> list[tuple[str, Notification, tuple[str, ...]]]:
        """Remove and return notifications that the database didn't keep, the oldest first."""
        taken = []
        while self._kept_back:
            taken.append(self._kept_back.popleft())
        return taken

    def put_back(self, notification_id: str, notification: Notification, targets: tuple[str, ...]) -> None:
        self._kept_back.append((notification_id, notification, targets))


@dataclass(slots=True)
class _TargetSendQueue:
    """The deliveries of this process to a target."""

    target: NotificationTarget
    thread: threading.Thread | None = None
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0
    """Monotonic."""
    direct_id: str | None = None
    """The notification that was last tried without the database."""
    sent_directly: set[str] = field(default_factory=set)
    """Ids of notifications that arrived without the database."""

    @property
    def is_busy(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def is_sending(self, notification_id: str) -> bool:
        return self.is_busy and self.direct_id == notification_id


class DeliveryLoop:
    """Sends the deliveries that are due, in each :meth:`tick`, which never waits for a target."""

    def __init__(
        self,
        outbox: Outbox,
        store: NotificationStore,
        sender: NotificationSender,
        clock: Clock,
        organization_id: str,
        endpoint: Endpoint,
        list_targets: Callable[[], tuple[NotificationTarget, ...]],
    ) -> None:
        """:param list_targets: those that hold now; never raises."""
        self._outbox = outbox
        self._store = store
        self._sender = sender
        self._clock = clock
        self._organization_id = organization_id
        self._endpoint = endpoint
        self._list_targets = list_targets
        self._queues: dict[str, _TargetSendQueue] = {}
        self._take_targets(list_targets())
        self._next_giving_up = 0.0

    def tick(self, now: datetime) -> None:
        """Give each target's thread, if it is free, the deliveries that are due.

        :raises DatabaseError: if the database can't be read or written; critical notifications were tried anyway.
        """
        self._retry_kept_back(now)
        self._take_targets(self._list_targets())
        for name in self._store.list_targets_due(now):
            send_queue = self._queues.get(name)
            if send_queue is None or not self._is_free(send_queue):
                continue
            at_once = 1 if send_queue.failures else _CLAIMED_AT_ONCE
            claimed = self._store.claim_due(name, now, now + _CLAIM, at_once)
            if claimed:
                send_queue.direct_id = None
                self._start(send_queue, partial(self._send_all, send_queue, claimed))
        if self._clock.monotonic() >= self._next_giving_up:
            self._next_giving_up = self._clock.monotonic() + _GIVING_UP_SECONDS
            self._store.give_up_before(now - timedelta(hours=25))

    def list_failing(self, now: datetime) -> dict[str, str]:
        """Return the targets whose last attempt by any process failed, and why.

        :raises DatabaseError: if the database can't be read.
        """
        failing = self._store.list_failing(now - LOOKED_BACK)
        return {name: failure for name, failure in failing.items() if name in self._queues}

    def count_failing_here(self) -> tuple[int, int]:
        """Count the targets whose last attempt by this process failed, and all targets. Reads no database."""
        return sum(send_queue.failures > 0 for send_queue in self._queues.values()), len(self._queues)

    def wait_idle(self, seconds: float) -> bool:
        """Wait for deliveries in progress before the process ends; return whether all have ended."""
        ends = self._clock.monotonic() + seconds
        for send_queue in self._queues.values():
            if send_queue.thread is not None:
                send_queue.thread.join(max(0.0, ends - self._clock.monotonic()))
        return not any(send_queue.is_busy for send_queue in self._queues.values())

    def _take_targets(self, targets: tuple[NotificationTarget, ...]) -> None:
        """Send to these from now on. A changed target begins without the failures of the old one."""
        kept = {name: queue for name, queue in self._queues.items() if queue.target in targets}
        self._queues = {target.name: kept.get(target.name, _TargetSendQueue(target)) for target in targets}
        self._outbox.targets = targets

    def _is_free(self, send_queue: _TargetSendQueue) -> bool:
        return not send_queue.is_busy and self._clock.monotonic() >= send_queue.rests_until

    def _start(self, send_queue: _TargetSendQueue, work: Callable[[], None]) -> None:
        name = f"rootkeeper-notifications-{send_queue.target.name}"
        send_queue.thread = threading.Thread(target=work, name=name, daemon=True)
        send_queue.thread.start()

    def _send_all(self, send_queue: _TargetSendQueue, claimed: Sequence[Delivery]) -> None:
        """Send until a delivery fails; the rest waits for another turn."""
        for count, delivery in enumerate(claimed, start=1):
            failure = self._send(send_queue, delivery.notification_id, delivery.notification)
            self._settle(self._evaluate_attempt(delivery, failure))
            if failure is not None:
                for left in claimed[count:]:
                    self._settle(left)
                if delivery.attempts or send_queue.failures > 1:
                    self._report(send_queue, delivery.notification, failure)
                return

    def _settle(self, delivery: Delivery) -> None:
        try:
            self._store.settle(delivery)
        except DatabaseError as error:
            _LOG.warning("The result of a notification couldn't be recorded: %s", error.message)

    def _send(
        self, send_queue: _TargetSendQueue, notification_id: str, notification: Notification
    ) -> NotificationError | None:
        try:
            self._sender.send(send_queue.target, notification_id, notification)
        except NotificationError as error:
            send_queue.failures += 1
            if send_queue.failures >= _FAILURES_BEFORE_REST:
                send_queue.rests_until = self._clock.monotonic() + _REST_SECONDS
            _LOG.warning("%s", error.message)
            return error
        send_queue.failures = 0
        return None

    def _evaluate_attempt(self, delivery: Delivery, failure: NotificationError | None) -> Delivery:
        now, attempts = self._clock.now(), delivery.attempts + 1
        done = replace(delivery, attempts=attempts, next_attempt_at=None, failure=None)
        if failure is None:
            return replace(done, state=DeliveryState.DELIVERED, delivered_at=now)
        next_attempt_at = plan_next_attempt(attempts, delivery.created_at, now)
        state = DeliveryState.GIVEN_UP if next_attempt_at is None else DeliveryState.WAITING
        return replace(done, state=state, next_attempt_at=next_attempt_at, failure=failure.message)

    def _report(self, send_queue: _TargetSendQueue, lost: Notification, failure: NotificationError) -> None:
        """Notify other targets, as urgently as the lost notification, once per severity and hour over all workers."""
        now, name = self._clock.now(), send_queue.target.name
        usual = USUAL_SEVERITIES[NotificationEvent.NOTIFICATION_FAILED]
        severity = max(usual, lost.severity, key=lambda level: level.rank)
        self._outbox.notify(
            Notification(
                event=NotificationEvent.NOTIFICATION_FAILED,
                severity=severity,
                title=f"The notification target {name} fails",
                body=f"{failure.message} This notification didn't arrive there: {lost.title} Rootkeeper tries again "
                "for 24 hours. Fix the target; the list of deliveries shows each attempt.",
                at=now,
                organization_id=self._organization_id,
                endpoint=self._endpoint.label,
                deduplication_key=f"notification-failed/{name}/{severity.value}/{now:%Y-%m-%dT%H}",
            ),
            name,
        )

    def _retry_kept_back(self, now: datetime) -> None:
        """Try the database again; meanwhile send critical notifications without it."""
        for notification_id, notification, names in self._outbox.take_kept_back():
            targets = tuple(name for name in names if name in self._queues)
            left = tuple(name for name in targets if notification_id not in self._queues[name].sent_directly)
            if any(self._queues[name].is_sending(notification_id) for name in left):
                self._outbox.put_back(notification_id, notification, left)
                continue
            try:
                if left:
                    self._store.add(notification_id, notification, left, now)
            except DatabaseError:
                self._outbox.put_back(notification_id, notification, left)
                for send_queue in (self._queues[name] for name in left):
                    if notification.severity is Severity.CRITICAL and self._is_free(send_queue):
                        send_queue.direct_id = notification_id
                        work = partial(self._send_directly, send_queue, notification_id, notification)
                        self._start(send_queue, work)

    def _send_directly(self, send_queue: _TargetSendQueue, notification_id: str, notification: Notification) -> None:
        if self._send(send_queue, notification_id, notification) is None:
            send_queue.sent_directly.add(notification_id)


@dataclass(frozen=True, slots=True)
class TargetTrial:
    """The result of a test at a target."""

    target: NotificationTarget
    failure: NotificationError | None
    """``None`` if the target accepted the message."""

    @property
    def result(self) -> str:
        return "taken" if self.failure is None else "failed"


@dataclass(frozen=True, slots=True)
class NotificationTester:
    """Sends a test to targets, now, without the database and regardless of their severity."""

    targets: Sequence[NotificationTarget]
    sender: NotificationSender
    clock: Clock
    make_id: Callable[[], str]
    organization_id: str
    endpoint: Endpoint

    def test(self, name: str | None = None) -> tuple[TargetTrial, ...]:
        """Send to the target of that name, or to all of them, one after another, also after a failure.

        :raises NotFoundError: if there is no such target, or none at all.
        """
        chosen = tuple(target for target in self.targets if name is None or target.name.lower() == name.lower())
        if not chosen:
            what = "There is no notification target" if name is None else f"There is no notification target {name!r}"
            known = f" There are {', '.join(target.name for target in self.targets)}." if self.targets else ""
            raise NotFoundError(
                f"{what}.{known}", hint=make_setting_hint("The settings name the targets.", "notifications.targets")
            )
        trials, event = [], NotificationEvent.NOTIFICATION_TEST
        for target in chosen:
            notification = Notification(
                event=event,
                severity=USUAL_SEVERITIES[event],
                title="A test of Rootkeeper's notifications",
                body=f"The target {target.name} gets notifications with the severity {target.least.value} or higher. "
                "You don't need to do anything.",
                at=self.clock.now(),
                organization_id=self.organization_id,
                endpoint=self.endpoint.label,
            )
            failure = None
            try:
                self.sender.send(target, self.make_id(), notification)
            except NotificationError as error:
                failure = error
            trials.append(TargetTrial(target, failure))
        return tuple(trials)
