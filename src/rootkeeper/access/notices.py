"""Notifies people of changes of their own access. The notification contains no link and no password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.access.rules import Identity, IdentityKind
from rootkeeper.notifications.rules import USUAL_SEVERITIES, Notification, NotificationEvent
from rootkeeper.notifications.service import Notifier, NullNotifier

_TITLES = {
    NotificationEvent.USER_INVITED: "{} was invited",
    NotificationEvent.USER_PASSWORD_CHANGED: "{} has a new password",
    NotificationEvent.USER_RESET: "The sign-in of {} was reset",
    NotificationEvent.USER_ROLE_CHANGED: "{} has another role",
    NotificationEvent.USER_DISABLED: "{} was disabled",
}


@dataclass(frozen=True, slots=True)
class IdentityNotices:
    """Notifies about the users of an organization."""

    notifier: Notifier
    organization_id: str
    endpoint: str
    """The endpoint's label in every notification."""

    def announce(self, event: NotificationEvent, identity: Identity, body: str, at: datetime) -> None:
        """Queue a notification about a user; never raises. Tokens belong to programs, which no one notifies."""
        if identity.kind is not IdentityKind.USER:
            return
        notification = Notification(
            event=event,
            severity=USUAL_SEVERITIES[event],
            title=_TITLES[event].format(identity.name),
            body=body,
            at=at,
            organization_id=self.organization_id,
            endpoint=self.endpoint,
            person=identity.name,
        )
        self.notifier.notify(notification)


NO_NOTICES = IdentityNotices(NullNotifier(), "", "")
"""Of a command line, which notifies no one."""
