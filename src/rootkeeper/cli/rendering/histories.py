"""Timelines of accounts, stored audits and the changes between them; and the results of sent reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    counted,
    show_facts,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.history.rules import TimelineKind
from rootkeeper.ledger.rules import Result

_KIND_STYLES = {TimelineKind.STATUS.value: "bold", TimelineKind.LEDGER.value: "dim"}
_TIMELINE = (
    TableColumn("At", lambda entry: _short_time(entry["at"]), keeps_whole=True),
    TableColumn("From", "kind", lambda entry: _KIND_STYLES.get(entry["kind"], "")),
    TableColumn("What", "what", lambda entry: "bold red" if entry["alarming"] else ""),
    TableColumn("Detail", "detail", importance=-1),
    TableColumn("By", "actor"),
    TableColumn("Reference", "reference"),
)
_AUDITS = (
    TableColumn("Audit", "audit_id", keeps_whole=True),
    TableColumn("Ended", lambda audit: _short_time(audit["ended_at"]), keeps_whole=True),
    TableColumn("Accounts", lambda audit: f"{audit['summary'].get('accounts', 0):,}", is_number=True),
    TableColumn("Present", lambda audit: f"{audit['summary'].get('present', 0):,}", is_number=True),
    TableColumn("Unknown", lambda audit: f"{audit['summary'].get('unknown', 0):,}", is_number=True),
    TableColumn("Of", lambda audit: "the whole organization" if audit["complete"] else "a selection, or counts alone"),
    TableColumn("By", "requested_by"),
)


def show_history(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    head = {name: record[name] for name in ("organization_id", "account_id", "name", "audits", "last_read_at")}
    empty = f"Nothing is recorded about account {record['account_id']}."
    show_listing(Listing("entries", record["entries"], _TIMELINE, head=head, empty=empty), output, terminal)
    last = record["last_read_at"]
    read = "never read" if last is None else f"last read at {_short_time(last)}"
    terminal.remark(
        f"{record['name'] or record['account_id']}: in {counted(record['audits'], 'stored audit')}, {read}."
    )


def show_audits(records: Sequence[Record], output: OutputFormat, terminal: Terminal) -> None:
    show_listing(Listing("audits", records, _AUDITS, empty="No audit is stored."), output, terminal)


def show_difference(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    head = {name: record[name] for name in ("organization_id", "older", "newer")}
    tail = {"summary": record["summary"]}
    columns = (
        TableColumn("Account", "account_id", keeps_whole=True),
        TableColumn("Name", "name"),
        TableColumn("Before", lambda row: _render_status(row, "before")),
        TableColumn("After", lambda row: _render_status(row, "after"), _style_of, importance=1),
        TableColumn("Credentials", lambda row: "; ".join(map(_render_kind, row["credentials"]))),
        TableColumn(
            "Read",
            lambda row: " and ".join(
                _short_time(found["read_at"]) for found in (row["before"], row["after"]) if found and found["read_at"]
            ),
        ),
    )
    listing = Listing("accounts", record["accounts"], columns, head=head, tail=tail, empty="Nothing changed.")
    show_listing(listing, output, terminal)
    older, newer = record["older"], record["newer"]
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in record["summary"].items())
    terminal.remark(
        f"From audit {older['audit_id']} ({_short_time(older['ended_at'])}) to {newer['audit_id']} "
        f"({_short_time(newer['ended_at'])}): {counts}."
    )


def _render_status(one: Record, when: str) -> str:
    found: dict[str, Any] | None = one[when]
    if found is None:
        return "not there" if one["change"] != "changed" else ""
    reason = f": {found['reason']}" if found["reason"] else ""
    return f"{found['status']}{reason}".replace("_", " ")


def _style_of(one: Record) -> str:
    found: dict[str, Any] | None = one["after"]
    styles = {"present": "bold red", "unknown": "bold magenta", "not_present": "green", "recovery_open": "bold yellow"}
    return "" if found is None else styles.get(found["status"], "")


def _render_kind(kind: Record) -> str:
    change = {"unread": "not read any more", "read": "there, now read" if kind["after"] else "none, now read"}
    name = kind["kind"].replace("_", " ").replace("mfa", "MFA")
    return f"{name} {change.get(kind['change'], kind['change'])}"


def _short_time(text: str | None) -> str:
    return "" if text is None else text.replace("T", " ").replace("Z", " UTC")


_NOT_ARRIVED = (
    TableColumn("Account", "account_id", keeps_whole=True),
    TableColumn("Check", "rule_id"),
    TableColumn("Code", "code"),
    TableColumn("Why", "detail", importance=1),
)


def show_deliveries(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    """Show the arrivals at each place, and name each finding that didn't arrive."""
    for delivery in record["deliveries"]:
        is_done = delivery["result"] == Result.DONE
        terminal.remark(delivery["explanation"], style="green" if is_done else "bold red")
    if output is not OutputFormat.TABLE:
        show_record(record, output, terminal)
        return
    for delivery in record["deliveries"]:
        facts = {
            "To": delivery["target"],
            "Place": delivery["place"],
            "Format": delivery["format"],
            "Result": delivery["result"],
        }
        if delivery["findings"]:
            facts["Findings"] = (
                f"{delivery['arrived']:,} of {delivery['findings']:,} in "
                f"{counted(delivery['batches'], 'batch', 'batches')}"
            )
        if delivery["sha256"] is not None:
            facts["SHA-256"] = delivery["sha256"]
        show_facts(facts, terminal, 9)
        if delivery["failed"]:
            show_listing(Listing("failed", delivery["failed"], _NOT_ARRIVED), output, terminal)
