"""Connections that limits ended or refused are reported at once, and not again and again."""

from __future__ import annotations

from dataclasses import dataclass, field

from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.worker.health import (
    CONNECTIONS_LOGGED_SECONDS,
    CONNECTIONS_NOTIFIED_SECONDS,
    ConnectionLimit,
    ConnectionMonitor,
)
from tests.fakes.clock import FakeClock


@dataclass
class Reported:
    notifications: list[Notification] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def notify(self, notification: Notification) -> None:
        self.notifications.append(notification)


def make() -> tuple[Reported, FakeClock, ConnectionMonitor]:
    reported, clock = Reported(), FakeClock()
    return reported, clock, ConnectionMonitor(reported, clock, "o-exampleorgid", "AWS", reported.logged.append)


def test_nothing_is_reported_of_a_server_whose_limits_no_one_reaches() -> None:
    reported, _, monitor = make()
    monitor.turn()
    assert (reported.logged, reported.notifications) == ([], [])


def test_the_first_is_reported_at_once_with_reason_and_address_and_what_to_do() -> None:
    reported, _, monitor = make()
    monitor.note(ConnectionLimit.OF_ADDRESS, "203.0.113.1")
    monitor.note(ConnectionLimit.OF_ADDRESS, "203.0.113.2")
    monitor.note(ConnectionLimit.OPEN_FILES, "")
    monitor.turn()
    text = (
        "The server ended or refused connections. too many connections of one address: 2, the last from 203.0.113.2; "
        "no file descriptor left: 1."
    )
    assert reported.logged == [text]
    (sent,) = reported.notifications
    assert (sent.event, sent.severity) == (NotificationEvent.CONNECTIONS_LIMITED, Severity.WARNING)
    assert sent.body.startswith(text)
    assert "server.trusted_proxies" in sent.body
    assert "close as planned" not in sent.body, "a server without file descriptors doesn't know that"


def test_more_are_counted_for_a_minute_in_the_log_and_an_hour_for_people() -> None:
    reported, clock, monitor = make()
    seconds = int(CONNECTIONS_NOTIFIED_SECONDS)
    for _ in range(seconds):
        monitor.note(ConnectionLimit.IN_ALL, "203.0.113.1")
        monitor.turn()
        clock.advance(1)
    assert len(reported.logged) == seconds // CONNECTIONS_LOGGED_SECONDS
    assert ": 60, the last" in reported.logged[1]
    assert len(reported.notifications) == 1
    assert "Recovery windows close as planned." in reported.notifications[0].body
    monitor.note(ConnectionLimit.IN_ALL, "203.0.113.1")
    clock.advance(CONNECTIONS_LOGGED_SECONDS)
    monitor.turn()
    assert len(reported.notifications) == 2
