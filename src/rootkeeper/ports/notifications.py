"""Telling people: what is handed in is kept in the database first, so that no failing target holds work up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rootkeeper.domain.deliveries import Delivery
from rootkeeper.domain.notification_targets import NotificationTarget
from rootkeeper.domain.notifications import Notification


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
