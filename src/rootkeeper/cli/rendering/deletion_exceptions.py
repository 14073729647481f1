"""Exceptions from deletion as a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import Column, Listing, show_listing
from rootkeeper.cli.rendering.text import json_time
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.deletion_exceptions import DeletionException


def exception_record(exception: DeletionException, now: datetime) -> dict[str, Any]:
    """One exception."""
    return {
        "account_id": exception.account_id,
        "owner": exception.owner,
        "reason": exception.reason,
        "until": json_time(exception.until),
        "in_force": exception.is_in_force(now),
        "added_by": exception.added_by,
        "added_at": json_time(exception.added_at),
    }


_COLUMNS = (
    Column("Account", lambda record: record["account_id"], keeps_whole=True),
    Column(
        "In force",
        lambda record: "yes" if record["in_force"] else "no, ended",
        style=lambda record: "green" if record["in_force"] else "dim",
    ),
    Column("Until", lambda record: record["until"]),
    Column("Owner", lambda record: record["owner"]),
    Column("Reason", lambda record: record["reason"]),
    Column("Added by", lambda record: record["added_by"]),
)


def show_exceptions(
    exceptions: Sequence[DeletionException], output: OutputFormat, terminal: Terminal, now: datetime
) -> None:
    """Write the list to stdout."""
    records = [exception_record(exception, now) for exception in exceptions]
    show_listing(Listing("exceptions", records, _COLUMNS, empty="No exceptions."), output, terminal)
