"""Notifies people about recovery windows. Notifications leave the organization and never contain credentials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rootkeeper.clock import Clock
from rootkeeper.notifications.rules import USUAL_SEVERITIES, Notification, NotificationEvent, Severity
from rootkeeper.notifications.service import Notifier
from rootkeeper.windows.rules import RecoveryWindow

_TITLES = {
    NotificationEvent.WINDOW_APPROVED: "Recovery window of {} approved",
    NotificationEvent.WINDOW_CANCELLED: "Recovery window of {} cancelled",
    NotificationEvent.WINDOW_CLOSED: "Recovery window of {} closed and re-read",
    NotificationEvent.WINDOW_CLOSE_FAILED: "Recovery window of {} is NOT closed",
    NotificationEvent.WINDOW_DENIED: "Recovery window of {} denied",
    NotificationEvent.WINDOW_EMERGENCY: "EMERGENCY recovery of {} without approval",
    NotificationEvent.WINDOW_EXTENDED: "Recovery window of {} extended",
    NotificationEvent.WINDOW_LAPSED: "Recovery window of {} lapsed",
    NotificationEvent.WINDOW_OPENED: "Password recovery allowed in {}",
    NotificationEvent.WINDOW_OPEN_FAILED: "Recovery window of {} wasn't opened",
    NotificationEvent.WINDOW_REOPENED: "Root user credentials found in {} after its window was closed",
    NotificationEvent.WINDOW_REQUESTED: "Recovery of {} requested",
    NotificationEvent.WINDOW_REVIEW_OVERDUE: "Emergency recovery of {} not reviewed",
}


@dataclass(frozen=True, slots=True)
class WindowNotices:
    """Notifies people about the windows of one organization."""

    notifier: Notifier
    clock: Clock
    endpoint: str
    """The endpoint's label in every notification."""

    def announce(
        self,
        event: NotificationEvent,
        window: RecoveryWindow,
        body: str,
        *,
        severity: Severity | None = None,
        key: str = "",
    ) -> None:
        """Queue a notification; never raises.

        :param severity: by default the event's usual one.
        :param key: a second notification with the same window, event and key is dropped.
        """
        kind = "Drill: " if window.is_drill else ""
        notification = Notification(
            event=event,
            severity=severity or USUAL_SEVERITIES[event],
            title=kind + _TITLES[event].format(window.account_id),
            body=body,
            at=self.clock.now(),
            organization_id=window.organization_id,
            endpoint=self.endpoint,
            account_id=window.account_id,
            window_id=window.window_id,
            deduplication_key=f"{event.value} {window.window_id} {key}" if key else "",
        )
        self.notifier.notify(notification)


def describe_request(window: RecoveryWindow) -> str:
    """Describe the request in one sentence."""
    ticket = f" ({window.ticket})" if window.ticket else ""
    return f"Requested by {window.requested_by}: {window.reason}{ticket}."


def notify_imported(notices: WindowNotices, windows: Iterable[RecoveryWindow]) -> None:
    """Notify about imported emergencies, which were recorded in a file while the database couldn't be reached."""
    for window in windows:
        if window.is_emergency:
            notices.announce(
                NotificationEvent.WINDOW_EMERGENCY,
                window,
                f"{describe_request(window)} No one approved it. The database couldn't be reached, so the window was "
                f"recorded in a file; it is now imported as {window.state.value}. A second person must review it.",
                key="imported",
            )
