"""The routes of notifications: targets without their addresses, and the log of what was sent and what failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.notifications.rules import DeliveryState, Notification, NotificationEvent, Severity
from rootkeeper.settings.sections import NotificationSettings
from tests.fakes.api_services import ENDPOINT, ORGANIZATION_ID, FakeServices
from tests.functional.api.serving import ApiServer

SECRET = "https://hooks.example.com/T0/secret"


@pytest.fixture
def notified(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> FakeServices:
    """Two targets; one accepted a notification, the other failed."""
    monkeypatch.setenv("ONCALL_URL", SECRET)
    targets = ("oncall critical env:ONCALL_URL", "team info file:/etc/rootkeeper/team-url")
    services.settings = replace(services.settings, notifications=NotificationSettings(targets=targets))
    now = services.clock.now()
    event = NotificationEvent.WINDOW_REQUESTED
    notification = Notification(
        event, Severity.INFO, "A window was requested", "", now, ORGANIZATION_ID, ENDPOINT.label
    )
    services.notification_store.add("n-1", notification, ("oncall", "team"), now)
    oncall, team = services.notification_store.list_deliveries(limit=2)
    services.notification_store.settle(
        replace(
            oncall, attempts=1, failure="The target oncall doesn't answer.", next_attempt_at=now + timedelta(seconds=10)
        )
    )
    services.notification_store.settle(
        replace(team, state=DeliveryState.DELIVERED, attempts=1, delivered_at=now, next_attempt_at=None)
    )
    return services


def test_targets_are_listed_without_their_addresses(notified: FakeServices, api: ApiServer) -> None:
    answer = api.get("/notifications/targets")
    assert answer.json["targets"] == [
        {
            "target": "oncall",
            "least_severity": "critical",
            "reference": "env:ONCALL_URL",
            "failure": "The target oncall doesn't answer.",
        },
        {"target": "team", "least_severity": "info", "reference": "file:/etc/rootkeeper/team-url", "failure": None},
    ]
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "targets"),
    [
        ("", ["oncall", "team"]),
        ("?state=delivered", ["team"]),
        ("?state=waiting", ["oncall"]),
        ("?state=given_up", []),
        ("?target=oncall", ["oncall"]),
        ("?limit=1", ["oncall"]),
    ],
)
def test_the_log_shows_what_was_sent_and_what_failed(
    notified: FakeServices, api: ApiServer, query: str, targets: list[str]
) -> None:
    found = api.get(f"/notifications/deliveries{query}").json["deliveries"]
    assert [one["target"] for one in found] == targets
    assert all((one["failure"] is None) == (one["state"] == "delivered") for one in found)


def test_an_unknown_state_is_refused(api: ApiServer) -> None:
    assert api.get("/notifications/deliveries?state=lost").code == "input.invalid"


def test_only_administrators_send_tests(api: ApiServer) -> None:
    for role in (ServerRole.VIEWER, ServerRole.AUDITOR, ServerRole.OPERATOR, ServerRole.APPROVER):
        assert api.post("/notifications/test", None, role).status == 403
