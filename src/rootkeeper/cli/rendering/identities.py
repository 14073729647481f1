"""Users, tokens and sign-ins; notifications and their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rootkeeper.access.records import identity_to_record
from rootkeeper.access.rules import Identity, SignInWay
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import Listing, Record, TableColumn, show_facts, show_listing, show_record
from rootkeeper.cli.terminal import Terminal
from rootkeeper.notifications.records import NotificationDeliveryRecord, TargetTestRecord
from rootkeeper.notifications.rules import Delivery, DeliveryState
from rootkeeper.shapes import fill_record

if TYPE_CHECKING:
    from rootkeeper.notifications.service import TargetTrial
    from rootkeeper.remote.server import Membership


def show_identities(
    identities: Sequence[Identity], output: OutputFormat, terminal: Terminal, now: datetime, empty: str
) -> None:
    columns = (
        TableColumn("Name", "name", keeps_whole=True),
        TableColumn("Kind", _render_kind),
        TableColumn("Role", "role"),
        TableColumn("Limited to", _render_limits),
        TableColumn("Valid", _render_use, lambda record: "green" if record["is_usable"] else "dim", importance=1),
        TableColumn("Last used", lambda record: record["last_used_at"] or "never"),
        TableColumn("Added by", "created_by"),
    )
    records = [identity_to_record(identity, now) for identity in identities]
    show_listing(Listing("identities", records, columns, empty=empty), output, terminal)


def _render_kind(record: Record) -> str:
    elsewhere = record["signs_in_by"] not in (None, SignInWay.PASSWORD.value)
    return f"user ({record['signs_in_by']})" if elsewhere else str(record["kind"])


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
    if record["link_ends_at"]:
        return f"no password yet, link until {record['link_ends_at']}"
    return f"until {record['expires_at']}" if record["expires_at"] else "yes"


def show_membership(url: str, membership: Membership, output: OutputFormat, terminal: Terminal) -> None:
    if output is OutputFormat.JSON:
        show_record({"server": url, **membership.record}, output, terminal)
        return
    facts = {
        "Server": f"{url}, version {membership.version}",
        "You": f"{membership.name} ({membership.kind.value}), {membership.role.value}",
        "Organization": membership.organization_id,
        "Endpoint": membership.endpoint.label,
        "Permitted": ", ".join(sorted(membership.permissions)),
    }
    show_facts(facts, terminal)


_STYLES = {DeliveryState.DELIVERED.value: "green", DeliveryState.GIVEN_UP.value: "bold red"}
_DELIVERIES = (
    TableColumn("At", lambda record: record["created_at"][:19] + "Z", keeps_whole=True),
    TableColumn("Severity", "severity"),
    TableColumn("What", "title"),
    TableColumn("Target", "target"),
    TableColumn(
        "State",
        lambda record: record["state"].replace("_", " "),
        style=lambda record: _STYLES.get(record["state"], "bold yellow" if record["failure"] else ""),
        importance=1,
    ),
    TableColumn("Attempts", "attempts", is_number=True),
    TableColumn("Why not", "failure", importance=1),
)
_TRIALS = (
    TableColumn("Target", "target"),
    TableColumn("Least severity", "least_severity"),
    TableColumn(
        "Result", "result", lambda record: "green" if record["result"] == "taken" else "bold red", importance=1
    ),
    TableColumn("Why not", "failure", importance=1),
)


def show_deliveries(deliveries: Sequence[Delivery], output: OutputFormat, terminal: Terminal) -> None:
    records = [fill_record(NotificationDeliveryRecord, delivery) for delivery in deliveries]
    listing = Listing("deliveries", records, _DELIVERIES, empty="No notification was sent to a target yet.")
    show_listing(listing, output, terminal)


def show_trials(trials: Sequence[TargetTrial], output: OutputFormat, terminal: Terminal) -> None:
    records = [fill_record(TargetTestRecord, trial) for trial in trials]
    show_listing(Listing("targets", records, _TRIALS, empty="No targets."), output, terminal)
