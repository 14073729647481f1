"""The checks of this machine: one line each."""

from __future__ import annotations

from collections.abc import Sequence

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import Listing, TableColumn, mark_column, show_listing
from rootkeeper.cli.terminal import Terminal
from rootkeeper.doctor.records import check_to_record
from rootkeeper.doctor.rules import Check, CheckVerdict

_MARKS = {
    CheckVerdict.GOOD: ("good", "green"),
    CheckVerdict.PROBLEM: ("PROBLEM", "bold red"),
    CheckVerdict.SKIPPED: ("skipped", "dim"),
    CheckVerdict.UNKNOWN: ("unknown", "yellow"),
}
_COLUMNS = (
    mark_column("Result", "verdict", _MARKS, keeps_whole=True),
    TableColumn("Check", "name", keeps_whole=True),
    TableColumn("Found", "text"),
    TableColumn("Fix", "fix"),
)


def show_checks(checks: Sequence[Check], output: OutputFormat, terminal: Terminal) -> None:
    """Write the checks to stdout."""
    records = [check_to_record(check, render_hint(check.fix)) for check in checks]
    show_listing(Listing("checks", records, _COLUMNS), output, terminal)
