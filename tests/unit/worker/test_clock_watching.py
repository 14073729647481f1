"""A server's clock is compared with AWS's again and again; that it is wrong is reported once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from rootkeeper.errors import AwsUnreachableError
from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.worker.health import ClockMonitor
from tests.fakes.clock import FakeClock
from tests.fakes.organization import FakeOrganization


class AwsClock(FakeOrganization):
    """Answers with the offset that a test sets."""

    offset: timedelta | None = timedelta()
    is_away = False

    def find_clock_offset(self) -> timedelta | None:
        if self.is_away:
            raise AwsUnreachableError("AWS can't be reached.")
        return self.offset


@dataclass
class RecordedReports:
    """What was sent, and what was logged."""

    notifications: list[Notification] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def notify(self, notification: Notification) -> None:
        self.notifications.append(notification)


def make(reported: RecordedReports) -> tuple[AwsClock, ClockMonitor]:
    aws = AwsClock(FakeClock())
    return aws, ClockMonitor(reported, FakeClock(), "o-exampleorgid", "AWS", reported.warnings.append, aws)


def test_a_clock_that_agrees_is_not_reported() -> None:
    reported = RecordedReports()
    aws, watching = make(reported)
    aws.offset = timedelta(minutes=4)
    watching.turn()
    assert (watching.failure, reported.notifications) == (None, [])


def test_a_wrong_clock_is_reported_once_and_may_be_reported_again_later() -> None:
    reported = RecordedReports()
    aws, watching = make(reported)
    for minutes in (6, 7, 0, -6):
        aws.offset = timedelta(minutes=minutes)
        watching.turn()
    assert [(one.event, one.severity) for one in reported.notifications] == [
        (NotificationEvent.CLOCK_WRONG, Severity.CRITICAL),
        (NotificationEvent.CLOCK_WRONG, Severity.CRITICAL),
    ]
    assert "6 minutes ahead" in reported.notifications[0].body
    assert "behind" in (watching.failure or "")
    assert all(warning.startswith("ALERT") for warning in reported.warnings)


def test_what_was_known_stays_while_aws_cannot_be_asked() -> None:
    reported = RecordedReports()
    aws, watching = make(reported)
    aws.offset = timedelta(hours=1)
    watching.turn()
    aws.is_away = True
    watching.turn()
    assert watching.failure is not None
    assert len(reported.notifications) == 1


def test_p11_a_clock_that_jumps_is_compared_at_once() -> None:
    reported = RecordedReports()
    clock = FakeClock()
    aws = AwsClock(clock)
    watching = ClockMonitor(reported, clock, "o-exampleorgid", "AWS", reported.warnings.append, aws)
    watching.tick()
    aws.offset = timedelta(days=1)
    clock.advance(2)
    watching.tick()
    assert reported.notifications == [], "it is compared once a minute"
    clock.jump(86400)
    watching.tick()
    assert len(reported.notifications) == 1
