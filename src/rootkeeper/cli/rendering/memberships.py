"""Who a person is on a server, and of what organization the server is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION
from rootkeeper.cli.rendering.text import json_text, printable
from rootkeeper.cli.terminal import Terminal

if TYPE_CHECKING:
    from rootkeeper.remote.server import Membership


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
