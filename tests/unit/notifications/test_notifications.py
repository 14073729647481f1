"""How urgent things are."""

from __future__ import annotations

from rootkeeper.notifications.rules import USUAL_SEVERITIES, NotificationEvent, Severity


def test_severities_are_ordered() -> None:
    assert sorted(Severity, key=lambda one: one.rank) == [Severity.INFO, Severity.WARNING, Severity.CRITICAL]


def test_every_event_has_a_usual_severity() -> None:
    assert set(USUAL_SEVERITIES) == set(NotificationEvent)


def test_what_may_leave_root_open_is_critical() -> None:
    critical = {event for event, severity in USUAL_SEVERITIES.items() if severity is Severity.CRITICAL}
    assert {
        NotificationEvent.WINDOW_CLOSE_FAILED,
        NotificationEvent.WINDOW_EMERGENCY,
        NotificationEvent.WINDOW_REOPENED,
        NotificationEvent.WINDOW_SUSPICIOUS,
        NotificationEvent.AWS_CREDENTIALS_FAILED,
    } <= critical
    assert USUAL_SEVERITIES[NotificationEvent.WINDOW_CLOSED] is Severity.INFO
    assert USUAL_SEVERITIES[NotificationEvent.SCHEDULE_MISSED] is Severity.WARNING
