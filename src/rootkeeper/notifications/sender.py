"""Sends a notification to a target: the one place where a target's URL is held, for as long as the sending takes."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.domain.notification_targets import AllowedHosts, NotificationTarget
from rootkeeper.domain.notifications import Notification
from rootkeeper.errors import NotificationError
from rootkeeper.notifications.guarded_connections import ConnectionGuard, guarded
from rootkeeper.notifications.references import read_url
from rootkeeper.notifications.refusals import DeliveryFailedError
from rootkeeper.notifications.services import send_to_service
from rootkeeper.notifications.webhooks import SCHEMES, parse_webhook, send_webhook
from rootkeeper.ports.clock import Clock


class TargetSender:
    """Implements the port NotificationSender."""

    def __init__(self, allowed: AllowedHosts, environment: Mapping[str, str], clock: Clock, seconds: float) -> None:
        """:param seconds: after them a sending's connections are cut."""
        self._allowed = allowed
        self._environment = environment
        self._clock = clock
        self._seconds = seconds

    def send(self, target: NotificationTarget, notification_id: str, notification: Notification) -> None:
        """See the port. Errors have no cause: a library's own error would show the URL."""
        url = read_url(target, self._environment)
        with guarded(self._allowed, self._seconds) as guard:
            try:
                self._send(url, notification_id, notification, guard)
            except DeliveryFailedError as error:
                reason, hint = _explain(guard, error)
            else:
                return
        raise NotificationError(f"The notification target {target.name} didn't take it: {reason}.", hint=hint)

    def _send(self, url: str, notification_id: str, notification: Notification, guard: ConnectionGuard) -> None:
        if url.lower().startswith(SCHEMES):
            send_webhook(parse_webhook(url), notification_id, notification, self._clock.now())
        else:
            send_to_service(url, notification, self._allowed, guard)


def _explain(guard: ConnectionGuard, error: DeliveryFailedError) -> tuple[str, str]:
    """What the guard refused says more than what the library made of it."""
    if guard.is_over:
        return "it took too long", "It is tried again."
    if guard.refusal is not None:
        return guard.refusal, "Hosts that may be sent to all the same stand in notifications.allowed_hosts."
    return error.reason, error.hint or "Try it: rootkeeper notifications test"
