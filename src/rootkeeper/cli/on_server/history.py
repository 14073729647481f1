"""``history`` and ``diff`` through a server: what it keeps of the past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.moments import parse_past_moment
from rootkeeper.cli.rendering.histories import show_audit_records, show_difference_record, show_history_record
from rootkeeper.domain.statuses import FailOn
from rootkeeper.errors import InputError

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def show_account_history(
    invocation: Invocation,
    server: RemoteServer,
    account: str,
    start: str | None,
    end: str | None,
    output: OutputFormat,
) -> int:
    """One account's time line, or the part of it between two moments, both included."""
    now = datetime.now(UTC)
    begins = None if start is None else parse_past_moment(start, "--from", now, day_ends=False)
    ends = None if end is None else parse_past_moment(end, "--to", now, day_ends=True)
    record = server.read_history(account)
    within = server.connection.understand(lambda found: _choose(found, begins, ends), record)
    show_history_record(within, output, invocation.terminal)
    return ExitStatus.GOOD


def list_audits(invocation: Invocation, server: RemoteServer, output: OutputFormat) -> int:
    """Those that the server keeps, the newest first."""
    show_audit_records(list(server.list_audits()), output, invocation.terminal)
    return ExitStatus.GOOD


def compare_audits(
    invocation: Invocation,
    server: RemoteServer,
    older: str | None,
    newer: str | None,
    findings: frozenset[FailOn],
    output: OutputFormat,
) -> int:
    """What changed between two of them."""
    record = server.compare_audits(_name_audit(older), _name_audit(newer))
    show_difference_record(record, output, invocation.terminal)
    return ExitStatus.BAD if findings & {FailOn(word) for word in record["worse"]} else ExitStatus.GOOD


def _choose(record: Mapping[str, Any], start: datetime | None, end: datetime | None) -> dict[str, Any]:
    def is_within(entry: Mapping[str, Any]) -> bool:
        at = datetime.fromisoformat(entry["at"])
        return (start is None or start <= at) and (end is None or at <= end)

    return {**record, "entries": [entry for entry in record["entries"] if is_within(entry)]}


def _name_audit(text: str | None) -> str | None:
    """A moment as the API reads it; what is none is an audit's id, or the server says what is wrong with it."""
    if text is None:
        return None
    try:
        return parse_past_moment(text, "The audit", datetime.now(UTC), day_ends=True).isoformat()
    except InputError:
        return text
