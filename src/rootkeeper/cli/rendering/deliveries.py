"""What became of sent reports."""

from __future__ import annotations

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
from rootkeeper.ledger.rules import Result

_COLUMNS = (
    TableColumn("Account", "account_id", keeps_whole=True),
    TableColumn("Check", "rule_id"),
    TableColumn("Code", "code"),
    TableColumn("Why", "detail"),
)


def show_deliveries(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    """Show each place with what arrived there, and name each finding that didn't."""
    for one in record["deliveries"]:
        is_done = one["result"] == Result.DONE
        terminal.remark(one["explanation"], style="green" if is_done else "bold red")
    if output is not OutputFormat.TABLE:
        show_record({name: value for name, value in record.items() if name != "schema_version"}, output, terminal)
        return
    for one in record["deliveries"]:
        facts = {"To": one["target"], "Place": one["place"], "Format": one["format"], "Result": one["result"]}
        if one["findings"]:
            facts["Findings"] = (
                f"{one['arrived']:,} of {one['findings']:,} in {counted(one['batches'], 'batch', 'batches')}"
            )
        if one["sha256"] is not None:
            facts["SHA-256"] = one["sha256"]
        show_facts(facts, terminal, 9)
        if one["failed"]:
            show_listing(Listing("failed", one["failed"], _COLUMNS), output, terminal)
