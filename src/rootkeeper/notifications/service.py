"""Queues notifications and delivers them to their targets.

Telling people: what is handed in is kept in the database first, so that no failing target holds work up.

Taking notifications in, and bringing them to their targets: kept in the database, sent by threads of their own.

Each target has its lane: a thread at a time, and a rest after failures in a row. So a target that fails, hangs or is
wrong holds nothing up, neither work nor other targets. That it fails is told to the others, once an hour at most.
A delivery is claimed before it is sent, so that of all workers one sends it; one whose worker died is sent by another,
which may be for the second time: a receiver can tell by the notification's id.

Trying notification targets: one message each, now, past the database and whatever their severity.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from rootkeeper.clock import Clock
from rootkeeper.errors import DatabaseError, NotFoundError, NotificationError
from rootkeeper.notifications.rules import (
    USUAL_SEVERITIES,
    Delivery,
    DeliveryState,
    Notification,
    NotificationEvent,
    NotificationTarget,
    Severity,
    plan_next_attempt,
)
from rootkeeper.organization.accounts import Endpoint


class Notifier(Protocol):
    """Takes notifications in."""

    def notify(self, notification: Notification) -> None:
        """Have people told. Never raises and never waits for a target; what can't be kept is remarked locally.

        A second notification of the same ``deduplication_key`` is dropped.
        """
        ...


class NullNotifier:
    """Tells nobody: a command line that works on the database itself; implements Notifier."""

    def notify(self, notification: Notification) -> None:
        """Nothing."""


class NotificationStore(Protocol):
    """The notifications of one organization, and what became of them at each target.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, notification_id: str, notification: Notification, targets: Sequence[str], now: datetime) -> bool:
        """Keep it, to be delivered to those targets from now on; ``False`` if one of its key is kept already."""
        ...

    def list_targets_due(self, now: datetime) -> tuple[str, ...]:
        """Names of targets for which something waits that nobody else has claimed."""
        ...

    def claim_due(self, target: str, now: datetime, until: datetime, limit: int) -> tuple[Delivery, ...]:
        """Take what is due for a target, the oldest first, so that no other process sends it before ``until``."""
        ...

    def settle(self, delivery: Delivery) -> None:
        """Write down how an attempt ended and give the claim back; nothing if it is over already."""
        ...

    def give_up_before(self, created_before: datetime) -> int:
        """End what has waited since before that moment, such as for a target that is configured no more."""
        ...

    def list_deliveries(self, *, limit: int) -> tuple[Delivery, ...]:
        """The newest first."""
        ...

    def list_failing(self, since: datetime) -> Mapping[str, str]:
        """Targets whose latest attempt with a notification since that moment failed, and why."""
        ...


class NotificationSender(Protocol):
    """Sends to one target, now."""

    def send(self, target: NotificationTarget, notification_id: str, notification: Notification) -> None:
        """Returns when the target has taken it, and within some seconds in any case.

        :raises NotificationError: if it hasn't; the message names the target by its name alone.
        """
        ...


_LOG = logging.getLogger(__name__)
LONGEST_SEND_SECONDS = 10.0
_CLAIMED_AT_ONCE = 5

_CLAIM = timedelta(seconds=2 * _CLAIMED_AT_ONCE * LONGEST_SEND_SECONDS)
"""Longer than all that is claimed at once can take, so that a living worker's claim doesn't run out."""

_FAILURES_BEFORE_REST = 3
_REST_SECONDS = 60.0
_MOST_KEPT_BACK = 200
_GIVING_UP_SECONDS = 600.0


class Outbox:
    """Takes notifications in; implements Notifier. Safe in many threads."""

    def __init__(
        self,
        store: NotificationStore,
        targets: Sequence[NotificationTarget],
        clock: Clock,
        make_id: Callable[[], str],
        warn: Callable[[str], None],
    ) -> None:
        """:param warn: told, in one sentence, of what couldn't be kept; never raises."""
        self.targets = tuple(targets)
        self._store = store
        self._clock = clock
        self._make_id = make_id
        self._warn = warn
        self._kept_back: deque[tuple[str, Notification, tuple[str, ...]]] = deque(maxlen=_MOST_KEPT_BACK)
        """What couldn't be kept in the database, for the loop: its id, and the targets that it is still for."""

    def notify(self, notification: Notification) -> None:
        """See the port."""
        self.notify_others(notification, None)

    def notify_others(self, notification: Notification, excepted: str | None) -> None:
        """The same for all targets but one."""
        names = tuple(one.name for one in self.targets if one.name != excepted and one.takes(notification))
        notification_id = self._make_id()
        try:
            self._store.add(notification_id, notification, names, self._clock.now())
        except DatabaseError as error:
            self._warn(f"{notification.title}: this couldn't be kept for people to be told. {error.message}")
            if names:
                self._kept_back.append((notification_id, notification, names))

    def take_kept_back(self) -> list[tuple[str, Notification, tuple[str, ...]]]:
        """What the database didn't take, the oldest first; it is the caller's from now on."""
        taken = []
        while self._kept_back:
            taken.append(self._kept_back.popleft())
        return taken

    def put_back(self, notification_id: str, notification: Notification, targets: tuple[str, ...]) -> None:
        """Hand back what still couldn't be kept, for those targets that haven't got it."""
        if targets:
            self._kept_back.append((notification_id, notification, targets))


@dataclass(slots=True)
class _TargetSendQueue:
    """The way to one target, in this process."""

    target: NotificationTarget
    thread: threading.Thread | None = None
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0
    """Monotonic."""
    direct_id: str | None = None
    """What was last tried past the database."""
    sent_directly: set[str] = field(default_factory=set)
    """Ids of what arrived past the database."""

    @property
    def is_busy(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def is_sending(self, notification_id: str) -> bool:
        return self.is_busy and self.direct_id == notification_id


class DeliveryLoop:
    """Sends what is due; one turn is :meth:`tick`, which never waits for a target."""

    def __init__(
        self,
        outbox: Outbox,
        store: NotificationStore,
        sender: NotificationSender,
        clock: Clock,
        organization_id: str,
        endpoint: Endpoint,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._sender = sender
        self._clock = clock
        self._organization_id = organization_id
        self._endpoint = endpoint
        self._lanes = {target.name: _TargetSendQueue(target) for target in outbox.targets}
        self._next_giving_up = 0.0

    def tick(self, now: datetime) -> None:
        """Hand what is due to each target's own thread, if that is free.

        :raises DatabaseError: if the database can't be read or written; what is critical was tried all the same.
        """
        self._retry_kept_back(now)
        for name in self._store.list_targets_due(now):
            send_queue = self._lanes.get(name)
            if send_queue is not None and self._is_free(send_queue):
                self._send_claimed(send_queue, now)
        self._give_up_old(now)

    def list_failing(self, now: datetime) -> dict[str, str]:
        """Targets whose last attempt failed, and why, over all processes.

        :raises DatabaseError: if the database can't be read.
        """
        failing = self._store.list_failing(now - timedelta(days=2))
        return {name: failure for name, failure in failing.items() if name in self._lanes}

    def count_failing_here(self) -> tuple[int, int]:
        """Targets whose last attempt of this process failed, and how many there are; reads nothing."""
        return sum(send_queue.failures > 0 for send_queue in self._lanes.values()), len(self._lanes)

    def wait_idle(self, seconds: float) -> bool:
        """Wait for what is under way, such as before the process ends; whether all of it has ended."""
        ends = self._clock.monotonic() + seconds
        for send_queue in self._lanes.values():
            if send_queue.thread is not None:
                send_queue.thread.join(max(0.0, ends - self._clock.monotonic()))
        return not any(send_queue.is_busy for send_queue in self._lanes.values())

    def _is_free(self, send_queue: _TargetSendQueue) -> bool:
        return not send_queue.is_busy and self._clock.monotonic() >= send_queue.rests_until

    def _send_claimed(self, send_queue: _TargetSendQueue, now: datetime) -> None:
        at_once = 1 if send_queue.failures else _CLAIMED_AT_ONCE
        claimed = self._store.claim_due(send_queue.target.name, now, now + _CLAIM, at_once)
        if claimed:
            send_queue.direct_id = None
            self._start(send_queue, partial(self._send_all, send_queue, claimed))

    def _start(self, send_queue: _TargetSendQueue, work: Callable[[], None]) -> None:
        name = f"rootkeeper-notifications-{send_queue.target.name}"
        send_queue.thread = threading.Thread(target=work, name=name, daemon=True)
        send_queue.thread.start()

    def _send_all(self, send_queue: _TargetSendQueue, claimed: Sequence[Delivery]) -> None:
        """After a failure the rest of what was claimed waits for another turn."""
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
            _LOG.warning("What became of a notification couldn't be kept: %s", error.message)

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
        """Tell the other targets, as urgently as what didn't arrive; each severity once an hour over all workers."""
        now, name = self._clock.now(), send_queue.target.name
        usual = USUAL_SEVERITIES[NotificationEvent.NOTIFICATION_FAILED]
        severity = max(usual, lost.severity, key=lambda one: one.rank)
        self._outbox.notify_others(
            Notification(
                event=NotificationEvent.NOTIFICATION_FAILED,
                severity=severity,
                title=f"The notification target {name} fails",
                body=f"{failure.message} It is tried again for 24 hours. What it should have been told: {lost.title} "
                "Look at it: rootkeeper notifications list",
                at=now,
                organization_id=self._organization_id,
                endpoint=self._endpoint.label,
                deduplication_key=f"notification-failed/{name}/{severity.value}/{now:%Y-%m-%dT%H}",
            ),
            name,
        )

    def _retry_kept_back(self, now: datetime) -> None:
        """Keep what the database takes by now; what is critical is sent past it, meanwhile."""
        for notification_id, notification, names in self._outbox.take_kept_back():
            left = tuple(name for name in names if notification_id not in self._lanes[name].sent_directly)
            if any(self._lanes[name].is_sending(notification_id) for name in left):
                self._outbox.put_back(notification_id, notification, left)
            elif left and not self._is_kept(notification_id, notification, left, now):
                self._outbox.put_back(notification_id, notification, left)
                if notification.severity is Severity.CRITICAL:
                    self._try_directly(notification_id, notification, left)

    def _is_kept(self, notification_id: str, notification: Notification, names: Sequence[str], now: datetime) -> bool:
        try:
            self._store.add(notification_id, notification, names, now)
        except DatabaseError:
            return False
        return True

    def _try_directly(self, notification_id: str, notification: Notification, names: Iterable[str]) -> None:
        for send_queue in (self._lanes[name] for name in names):
            if self._is_free(send_queue):
                send_queue.direct_id = notification_id
                self._start(send_queue, partial(self._send_directly, send_queue, notification_id, notification))

    def _send_directly(self, send_queue: _TargetSendQueue, notification_id: str, notification: Notification) -> None:
        if self._send(send_queue, notification_id, notification) is None:
            send_queue.sent_directly.add(notification_id)

    def _give_up_old(self, now: datetime) -> None:
        if self._clock.monotonic() < self._next_giving_up:
            return
        self._next_giving_up = self._clock.monotonic() + _GIVING_UP_SECONDS
        self._store.give_up_before(now - timedelta(hours=25))


_SETTING_HINT = "Targets stand in the setting notifications.targets."


@dataclass(frozen=True, slots=True)
class TargetTrial:
    """What one target made of it."""

    target: NotificationTarget
    failure: NotificationError | None
    """``None`` where it took the message."""


@dataclass(frozen=True, slots=True)
class NotificationTester:
    """Sends a test to targets."""

    targets: Sequence[NotificationTarget]
    sender: NotificationSender
    clock: Clock
    make_id: Callable[[], str]
    organization_id: str
    endpoint: Endpoint

    def test(self, name: str | None = None) -> tuple[TargetTrial, ...]:
        """Send to the target of that name, or to all, one after another; a failing one stops nothing.

        :raises NotFoundError: if there is none of that name, or none at all.
        """
        chosen = tuple(one for one in self.targets if name is None or one.name.lower() == name.lower())
        if not chosen:
            what = "There is no notification target" if name is None else f"There is no notification target {name!r}"
            known = f" There are {', '.join(one.name for one in self.targets)}." if self.targets else ""
            raise NotFoundError(f"{what}.{known}", hint=_SETTING_HINT)
        return tuple(TargetTrial(target, self._try(target)) for target in chosen)

    def _try(self, target: NotificationTarget) -> NotificationError | None:
        event = NotificationEvent.NOTIFICATION_TEST
        notification = Notification(
            event=event,
            severity=USUAL_SEVERITIES[event],
            title="A test of Rootkeeper's notifications",
            body=f"The target {target.name} is told of what is {target.least.value} or more urgent. "
            "There is nothing to do.",
            at=self.clock.now(),
            organization_id=self.organization_id,
            endpoint=self.endpoint.label,
        )
        try:
            self.sender.send(target, self.make_id(), notification)
        except NotificationError as error:
            return error
        return None
