"""Trying notification targets: one message each, now, past the database and whatever their severity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rootkeeper.domain.notification_targets import NotificationTarget
from rootkeeper.domain.notifications import USUAL_SEVERITIES, Notification, NotificationEvent
from rootkeeper.domain.organizations import Endpoint
from rootkeeper.errors import NotFoundError, NotificationError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.notifications import NotificationSender

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
