"""Users and API tokens as a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import Listing, Record, TableColumn, show_listing
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.access import Identity
from rootkeeper.domain.identity_records import identity_to_record

_COLUMNS = (
    TableColumn("Name", lambda record: record["name"], keeps_whole=True),
    TableColumn("Kind", lambda record: "user (oidc)" if record["signs_in_by"] == "oidc" else record["kind"]),
    TableColumn("Role", lambda record: record["role"]),
    TableColumn("Limited to", lambda record: _render_limits(record)),
    TableColumn(
        "May act",
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
