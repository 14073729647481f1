"""Ledger entries and the verdict on the whole ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION, Listing, TableColumn, show_listing
from rootkeeper.cli.rendering.text import json_text, printable
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.ledger import LedgerEntry, Result, render_entry
from rootkeeper.domain.ledger_verification import LedgerVerification

_RESULT_STYLES = {Result.DONE.value: "green", Result.FAILED.value: "bold red", Result.UNKNOWN.value: "bold magenta"}

_COLUMNS = (
    TableColumn("Entry", lambda entry: str(entry["sequence"]), is_number=True, keeps_whole=True),
    TableColumn("At", lambda entry: f"{entry['at'][:19]}Z", keeps_whole=True),
    TableColumn("Account", lambda entry: entry["account_id"] or "", keeps_whole=True),
    TableColumn("Action", lambda entry: entry["action"]),
    TableColumn("Phase", lambda entry: entry["phase"]),
    TableColumn(
        "Result",
        lambda entry: entry["result"] or "",
        style=lambda entry: _RESULT_STYLES.get(entry["result"] or "", ""),
    ),
    TableColumn("Actor", lambda entry: entry["actor"]["name"]),
)


def entry_record(entry: LedgerEntry) -> dict[str, Any]:
    """The entry as it is hashed."""
    record: dict[str, Any] = json.loads(render_entry(entry))
    return record


def show_entries(entries: Iterable[LedgerEntry], output: OutputFormat, terminal: Terminal) -> None:
    """Write entries to stdout; JSON Lines are streamed, so that a long ledger needs no memory."""
    if output is OutputFormat.JSONL:
        for entry in entries:
            terminal.write(json_text(entry_record(entry)) + "\n")
        return
    records = [entry_record(entry) for entry in entries]
    show_listing(Listing("entries", records, _COLUMNS, empty="The ledger has no such entries."), output, terminal)


def show_verification(verification: LedgerVerification, output: OutputFormat, terminal: Terminal) -> None:
    """Write the verdict to stdout."""
    if output is OutputFormat.JSON:
        terminal.write(json_text({"schema_version": SCHEMA_VERSION, **_record(verification)}, indent=2) + "\n")
        return
    if verification.is_intact:
        head = printable(verification.head_hash)
        terminal.show(f"✓ The ledger is intact: {verification.entries:,} entries, head {head}.")
    else:
        where = f"entry {verification.first_bad_sequence}" if verification.first_bad_sequence else "the ledger"
        terminal.show(f"✗ The ledger is NOT intact, {where}: {printable(verification.problem or '')}")
    anchored = verification.anchored_sequence
    terminal.show(f"Anchored up to entry {anchored}." if anchored else "Nothing is anchored yet.")


def _record(verification: LedgerVerification) -> dict[str, Any]:
    return {
        "intact": verification.is_intact,
        "entry_count": verification.entries,
        "head_sequence": verification.head_sequence,
        "head_hash": verification.head_hash,
        "first_bad_sequence": verification.first_bad_sequence,
        "problem": verification.problem,
        "anchored_sequence": verification.anchored_sequence,
    }
