"""Routes of notifications: targets, the log of deliveries, and tests."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from rootkeeper.access.rules import Permission
from rootkeeper.notifications.records import (
    NotificationDeliveriesDocument,
    NotificationTargetsDocument,
    TargetTestRecord,
    delivery_to_record,
    trial_to_record,
)
from rootkeeper.notifications.rules import LOOKED_BACK, DeliveryState, parse_targets
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Body, Filter, Limit, show_one, show_page
from rootkeeper.shapes import Page, ShortText, record


@record
class TargetPage(Page):
    """Notification targets."""

    targets: list[TargetTestRecord]


def list_targets(services: Served) -> dict[str, Any]:
    """List the notification targets, without their URLs, and why deliveries to them fail."""
    failing = services.notification_store.list_failing(services.clock.now() - LOOKED_BACK)
    records = [
        {
            "target": target.name,
            "least_severity": target.least.value,
            "reference": target.reference,
            "failure": failing.get(target.name),
        }
        for target in parse_targets(services.settings.notifications.targets)
    ]
    return show_one({"targets": records})


def list_deliveries(
    services: Served,
    state: Annotated[DeliveryState | None, Query(description="Only deliveries in this state.")] = None,
    target: Filter = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List the newest deliveries of notifications to each target. A failed one is tried again for 24 hours."""
    found = services.notification_store.list_deliveries(limit=limit, state=state, target=target)
    return show_one({"deliveries": [delivery_to_record(one) for one in found]})


class TrialBody(Body):
    """A target; without a name, all of them."""

    target: ShortText | None = None


def try_targets(services: Served, identity: Identified, body: TrialBody | None = None) -> dict[str, Any]:
    """Send a test from the server to notification targets, and show each result."""
    name = None if body is None else body.target
    with services.act_as(identity.to_actor(), None) as acting:
        testing = acting.notification_tester(services.organization_id, services.endpoint)
        trials = testing.test(name)
    return show_page("targets", [trial_to_record(one) for one in trials], None)


ROWS = (
    read("/notifications/targets", Permission.NOTIFICATIONS_READ, list_targets, NotificationTargetsDocument),
    read("/notifications/deliveries", Permission.NOTIFICATIONS_READ, list_deliveries, NotificationDeliveriesDocument),
    change("/notifications/test", Permission.NOTIFICATIONS_TEST, try_targets, TargetPage),
)
