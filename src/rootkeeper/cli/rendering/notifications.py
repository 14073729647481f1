"""Deliveries of notifications, and what targets made of a test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import Listing, TableColumn, show_listing
from rootkeeper.cli.rendering.text import json_time
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.deliveries import Delivery, DeliveryState

if TYPE_CHECKING:
    from rootkeeper.workflows.notification_testing import TargetTrial

_STYLES = {DeliveryState.DELIVERED.value: "green", DeliveryState.GIVEN_UP.value: "bold red"}
_DELIVERIES = (
    TableColumn("At", lambda record: record["created_at"][:19] + "Z", keeps_whole=True),
    TableColumn("Severity", lambda record: record["severity"]),
    TableColumn("What", lambda record: record["title"]),
    TableColumn("Target", lambda record: record["target"]),
    TableColumn(
        "State",
        lambda record: record["state"].replace("_", " "),
        style=lambda record: _STYLES.get(record["state"], "bold yellow" if record["failure"] else ""),
    ),
    TableColumn("Attempts", lambda record: str(record["attempts"]), is_number=True),
    TableColumn("Why not", lambda record: record["failure"] or ""),
)
_TRIALS = (
    TableColumn("Target", lambda record: record["target"]),
    TableColumn("Least severity", lambda record: record["least_severity"]),
    TableColumn(
        "Result",
        lambda record: record["result"],
        style=lambda record: "green" if record["result"] == "taken" else "bold red",
    ),
    TableColumn("Why not", lambda record: record["failure"] or ""),
)


def delivery_record(delivery: Delivery) -> dict[str, Any]:
    """One notification at one target."""
    notification = delivery.notification
    return {
        "notification_id": delivery.notification_id,
        "created_at": json_time(delivery.created_at),
        "event": notification.event.value,
        "severity": notification.severity.value,
        "title": notification.title,
        "account_id": notification.account_id,
        "window_id": notification.window_id,
        "target": delivery.target,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_attempt_at": json_time(delivery.next_attempt_at),
        "delivered_at": json_time(delivery.delivered_at),
        "failure": delivery.failure,
    }


def show_deliveries(deliveries: Sequence[Delivery], output: OutputFormat, terminal: Terminal) -> None:
    """Write the list to stdout."""
    records = [delivery_record(one) for one in deliveries]
    listing = Listing("deliveries", records, _DELIVERIES, empty="No notifications were sent to a target yet.")
    show_listing(listing, output, terminal)


def show_trials(trials: Sequence[TargetTrial], output: OutputFormat, terminal: Terminal) -> None:
    """Write to stdout what each target made of the test."""
    records = [
        {
            "target": one.target.name,
            "least_severity": one.target.least.value,
            "result": "taken" if one.failure is None else "failed",
            "failure": None if one.failure is None else one.failure.message,
            "hint": None if one.failure is None else one.failure.hint,
        }
        for one in trials
    ]
    show_listing(Listing("targets", records, _TRIALS, empty="No targets."), output, terminal)
