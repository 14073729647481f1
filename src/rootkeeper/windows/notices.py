"""What people are told about recovery windows: who did what, for which account, and what to do next.

What is handed to the notifier leaves the house, so nothing of a credential is in it.
"""

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
    NotificationEvent.WINDOW_EXTENDED: "Recovery window of {} prolonged",
    NotificationEvent.WINDOW_LAPSED: "Recovery window of {} lapsed",
    NotificationEvent.WINDOW_OPENED: "Password recovery allowed in {}",
    NotificationEvent.WINDOW_OPEN_FAILED: "Recovery window of {} wasn't opened",
    NotificationEvent.WINDOW_REOPENED: "Root user credentials found in {} after its window was closed",
    NotificationEvent.WINDOW_REQUESTED: "Recovery of {} requested",
    NotificationEvent.WINDOW_REVIEW_OVERDUE: "Emergency recovery of {} not reviewed",
}


@dataclass(frozen=True, slots=True)
class WindowNotices:
    """Tells people about windows of one organization."""

    notifier: Notifier
    clock: Clock
    endpoint: str
    """As every message names it."""

    def announce(
        self,
        event: NotificationEvent,
        window: RecoveryWindow,
        body: str,
        *,
        severity: Severity | None = None,
        key: str = "",
    ) -> None:
        """Have people told; never raises.

        :param severity: the usual one by default.
        :param key: of two notices of one window and event with the same key the second is dropped.
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
    """Who asked for what, in one sentence."""
    ticket = f" ({window.ticket})" if window.ticket else ""
    return f"Requested by {window.requested_by}: {window.reason}{ticket}."


def notify_imported(notices: WindowNotices, windows: Iterable[RecoveryWindow]) -> None:
    """Tell of emergencies that were recorded in a file of their own while the database couldn't be reached."""
    for window in windows:
        if window.is_emergency:
            notices.announce(
                NotificationEvent.WINDOW_EMERGENCY,
                window,
                f"{describe_request(window)} Nobody approved it, and the database couldn't be reached: it was recorded "
                f"in a file, and is imported now as {window.state.value}. A second person must review it: "
                f"rootkeeper windows review {window.window_id}",
                key="imported",
            )
