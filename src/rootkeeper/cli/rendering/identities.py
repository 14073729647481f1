"""Users, tokens and sign-ins; notifications and their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rootkeeper.access.records import identity_to_record
from rootkeeper.access.rules import Identity
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION, Listing, Record, TableColumn, show_listing
from rootkeeper.cli.terminal import Terminal
from rootkeeper.notifications.rules import Delivery, DeliveryState
from rootkeeper.untrusted_text import json_text, printable
from rootkeeper.values import json_time

if TYPE_CHECKING:
    from rootkeeper.notifications.service import TargetTrial
    from rootkeeper.remote.server import Membership


_COLUMNS = (
    TableColumn("Name", lambda record: record["name"], keeps_whole=True),
    TableColumn("Kind", lambda record: "user (oidc)" if record["signs_in_by"] == "oidc" else record["kind"]),
    TableColumn("Role", lambda record: record["role"]),
    TableColumn("Limited to", lambda record: _render_limits(record)),
    TableColumn(
        "Valid",
        lambda record: _render_use(record),
        style=lambda record: "green" if record["is_usable"] else "dim",
    ),
    TableColumn("Last used", lambda record: record["last_used_at"] or "never"),
    TableColumn("Added by", lambda record: record["created_by"]),
)


def show_identities(
    identities: Sequence[Identity], output: OutputFormat, terminal: Terminal, now: datetime, empty: str
) -> None:
    """Write the list to stdout."""
    records = [identity_to_record(identity, now) for identity in identities]
    show_listing(Listing("identities", records, _COLUMNS, empty=empty), output, terminal)


def _render_limits(record: Record) -> str:
    limits = record["limited_to"]
    if limits is None:
        return ""
    units = ", ".join(limits["organizational_units"])
    permissions = ", ".join(limits["permissions"] or ())
    return "; ".join(part for part in (permissions, f"accounts below {units}" if units else "") if part)


def _render_use(record: Record) -> str:
    if record["disabled_at"]:
        return f"no, disabled {record['disabled_at']}"
    if not record["is_usable"]:
        return f"no, expired {record['expires_at']}"
    return f"until {record['expires_at']}" if record["expires_at"] else "yes"


def show_membership(url: str, membership: Membership, output: OutputFormat, terminal: Terminal) -> None:
    """Write it to stdout."""
    if output is OutputFormat.JSON:
        record = {"schema_version": SCHEMA_VERSION, "server": url, **membership.record}
        terminal.write(json_text(record, indent=2) + "\n")
        return
    facts = {
        "Server": f"{url}, version {membership.version}",
        "You": f"{membership.name} ({membership.kind.value}), {membership.role.value}",
        "Organization": membership.organization_id,
        "Endpoint": membership.endpoint.label,
        "Permitted": ", ".join(sorted(membership.permissions)),
    }
    for name, value in facts.items():
        terminal.show(f"{name:<14} {printable(value)}")


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
    """One notification to one target."""
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
    listing = Listing("deliveries", records, _DELIVERIES, empty="No notification was sent to a target yet.")
    show_listing(listing, output, terminal)


def show_trials(trials: Sequence[TargetTrial], output: OutputFormat, terminal: Terminal) -> None:
    """Write the result of the test for each target to stdout."""
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
