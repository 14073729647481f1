"""A server's database is looked at each second; that it can't be used is reported when it begins and when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from rootkeeper.errors import DatabaseError
from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.worker.health import CALM_SECONDS, TOLERATED_SECONDS, DatabaseMonitor
from tests.fakes.clock import FakeClock

DAMAGED, UNWRITABLE = "The database can't be read: it is damaged.", "The database can't be written: the disk is full."


@dataclass
class Watched:
    """A database that a test breaks, and what is reported of it."""

    clock: FakeClock = field(default_factory=FakeClock)
    failure: str | None = None
    renewal_failure: str | None = None
    page_seconds: float = 0.0
    page_reads: int = 0
    notifications: list[Notification] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def notify(self, notification: Notification) -> None:
        self.notifications.append(notification)

    def check(self) -> None:
        if self.failure is not None:
            raise DatabaseError(self.failure)

    def check_pages(self) -> None:
        self.page_reads += 1
        self.clock.advance(self.page_seconds)
        self.check()

    @property
    def events(self) -> list[tuple[NotificationEvent, Severity]]:
        return [(one.event, one.severity) for one in self.notifications]


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def monitor(watched: Watched) -> DatabaseMonitor:
    return DatabaseMonitor(
        watched,
        watched.clock,
        "o-exampleorgid",
        "AWS",
        watched.warnings.append,
        watched.check,
        watched.check_pages,
        lambda: watched.renewal_failure,
        watched.errors.append,
    )


def run_for(monitor: DatabaseMonitor, watched: Watched, seconds: float) -> None:
    for _ in range(int(seconds)):
        monitor.turn()
        watched.clock.advance(1)


def test_p11_a_damaged_or_replaced_database_is_logged_and_notified_once(
    monitor: DatabaseMonitor, watched: Watched
) -> None:
    watched.failure = DAMAGED
    run_for(monitor, watched, 5)
    assert monitor.failure == DAMAGED
    assert watched.errors == [DAMAGED]
    assert watched.events == [(NotificationEvent.DATABASE_FAILED, Severity.CRITICAL)]


def test_p11_a_lease_that_is_not_renewed_for_seconds_is_reported_and_a_short_wait_is_not(
    monitor: DatabaseMonitor, watched: Watched
) -> None:
    watched.renewal_failure = UNWRITABLE
    run_for(monitor, watched, TOLERATED_SECONDS)
    watched.renewal_failure = None
    run_for(monitor, watched, 5)
    assert watched.errors == []
    watched.renewal_failure = UNWRITABLE
    run_for(monitor, watched, TOLERATED_SECONDS + 1)
    assert monitor.failure == UNWRITABLE
    assert watched.errors == [UNWRITABLE]


def test_a_database_counts_as_restored_only_after_it_has_worked_for_a_while(
    monitor: DatabaseMonitor, watched: Watched
) -> None:
    for failure in (DAMAGED, None, DAMAGED, None):
        watched.failure = failure
        run_for(monitor, watched, CALM_SECONDS - 1)
        assert monitor.failure == DAMAGED
    run_for(monitor, watched, 2)
    assert [event for event, _ in watched.events] == [
        NotificationEvent.DATABASE_FAILED,
        NotificationEvent.DATABASE_RESTORED,
    ]
    assert watched.warnings == ["The database works again."]


def test_pages_are_read_each_ten_seconds_and_of_a_large_file_more_seldom(
    monitor: DatabaseMonitor, watched: Watched
) -> None:
    for _ in range(100):
        monitor.turn_pages()
        watched.clock.advance(1)
    assert watched.page_reads == 10
    watched.page_seconds, watched.page_reads = 2, 0
    for _ in range(100):
        monitor.turn_pages()
        watched.clock.advance(1)
    assert 2 <= watched.page_reads <= 4


def test_a_reading_of_pages_that_fails_is_left_to_the_next_look(monitor: DatabaseMonitor, watched: Watched) -> None:
    watched.failure = DAMAGED
    monitor.turn_pages()
    assert (watched.page_reads, monitor.failure) == (1, None)
