"""Exceptions from deletion as a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import Listing, TableColumn, show_listing
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.deletion_exceptions import DeletionException, exception_to_record

_COLUMNS = (
    TableColumn("Account", lambda record: record["account_id"], keeps_whole=True),
    TableColumn(
        "In force",
        lambda record: "yes" if record["in_force"] else "no, ended",
        style=lambda record: "green" if record["in_force"] else "dim",
    ),
    TableColumn("Until", lambda record: record["until"]),
    TableColumn("Owner", lambda record: record["owner"]),
    TableColumn("Reason", lambda record: record["reason"]),
    TableColumn("Added by", lambda record: record["added_by"]),
)


def show_exceptions(
    exceptions: Sequence[DeletionException], output: OutputFormat, terminal: Terminal, now: datetime
) -> None:
    """Write the list to stdout."""
    records = [exception_to_record(exception, now) for exception in exceptions]
    show_listing(Listing("exceptions", records, _COLUMNS, empty="No exceptions."), output, terminal)
