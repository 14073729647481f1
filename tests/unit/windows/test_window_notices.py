"""A notification about a window has everything that a person needs, and is sent once."""

from __future__ import annotations

import pytest

from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.decisions import WindowNotices, describe_request
from tests.fakes.clock import START, FakeClock
from tests.fakes.notifications import RecordingNotifier
from tests.fakes.stores import make_window

WINDOW = make_window(AccountId("222233334444"), START)
OF_WINDOWS = [event for event in NotificationEvent if event.value.startswith("window:")]


@pytest.mark.parametrize("event", [one for one in OF_WINDOWS if one is not NotificationEvent.WINDOW_SUSPICIOUS])
def test_every_event_of_a_window_has_a_title_that_names_the_account(event: NotificationEvent) -> None:
    notifier = RecordingNotifier()
    WindowNotices(notifier, FakeClock(), "AWS").announce(event, WINDOW, "It happened.")

    (reported,) = notifier.notifications
    assert WINDOW.account_id in reported.title
    assert (reported.at, reported.organization_id, reported.endpoint) == (START, "o-exampleorgid", "AWS")
    assert (reported.account_id, reported.window_id, reported.body) == (
        WINDOW.account_id,
        WINDOW.window_id,
        "It happened.",
    )
    assert reported.deduplication_key == ""


def test_a_key_belongs_to_its_window_and_event() -> None:
    notifier = RecordingNotifier()
    notices = WindowNotices(notifier, FakeClock(), "AWS")
    for event in (NotificationEvent.WINDOW_CLOSED, NotificationEvent.WINDOW_CLOSE_FAILED):
        notices.announce(event, WINDOW, "…", severity=Severity.CRITICAL, key="day 1")

    keys = [one.deduplication_key for one in notifier.notifications]
    assert len(set(keys)) == 2
    assert all(WINDOW.window_id in key and "day 1" in key for key in keys)
    assert {one.severity for one in notifier.notifications} == {Severity.CRITICAL}


def test_a_request_is_reported_with_its_ticket() -> None:
    assert describe_request(WINDOW) == "Requested by operator: restore a bucket (INC-1)."
