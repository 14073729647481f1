"""Checks of this machine, a line each; a check of the database, and the steps of its upgrade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    TableColumn,
    counted,
    mark_column,
    show_facts,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.doctor.rules import Check, CheckRecord, CheckVerdict
from rootkeeper.maintenance.rules import (
    DatabaseCheck,
    DatabaseDocument,
    LedgerCheck,
    LedgerState,
    VersionState,
)
from rootkeeper.shapes import fill_record

if TYPE_CHECKING:
    from rootkeeper.maintenance.upgrading import UpgradePlan

_MARKS = {
    CheckVerdict.GOOD: ("good", "green"),
    CheckVerdict.PROBLEM: ("PROBLEM", "bold red"),
    CheckVerdict.SKIPPED: ("skipped", "dim"),
    CheckVerdict.UNKNOWN: ("unknown", "yellow"),
}
CHECK_COLUMNS = (
    mark_column("Result", "verdict", _MARKS, keeps_whole=True),
    TableColumn("Check", "name", importance=1),
    TableColumn("Found", "text", importance=1),
    TableColumn("Fix", "fix", importance=1),
)


def show_checks(checks: Sequence[Check], output: OutputFormat, terminal: Terminal) -> None:
    """Write the checks to stdout."""
    records = [fill_record(CheckRecord, check, fix=render_hint(check.fix)) for check in checks]
    show_listing(Listing("checks", records, CHECK_COLUMNS), output, terminal)


_NEXT = {
    VersionState.EMPTY: "The first command that works with the database creates its tables.",
    VersionState.INCOMPLETE: "It calls itself current, and lacks a table or a column. Restore a backup, or use a new "
    "database.",
    VersionState.NEWER: "Install the newer Rootkeeper again, or restore the backup from before its upgrade.",
    VersionState.OUTDATED: "Stop the server, then run: rootkeeper database upgrade",
}


def show_database(check: DatabaseCheck, output: OutputFormat, terminal: Terminal) -> None:
    """Write the check to stdout, and the next step to stderr."""
    if output is OutputFormat.JSON:
        show_record(fill_record(DatabaseDocument, check), output, terminal)
        return
    facts = {
        "Database": check.place,
        "Version": f"{check.version or 'none'}, {check.state.value}",
        "Needed": check.needed_version,
        "Ledger": render_ledger(check.ledger),
        "Used by": "; ".join(check.used_by) or "no other process",
    }
    if check.missing:
        facts["Missing"] = ", ".join(check.missing)
    show_facts(facts, terminal)
    if check.state in _NEXT:
        terminal.remark(_NEXT[check.state])
    if check.ledger.state is LedgerState.NOT_INTACT:
        terminal.remark("To see what happened: rootkeeper ledger verify")


def render_ledger(ledger: LedgerCheck) -> str:
    """Such as ``intact, 12 entries``."""
    if ledger.state is LedgerState.INTACT:
        return f"intact, {counted(ledger.entries, 'entry', 'entries')}"
    return f"{'NOT intact' if ledger.state is LedgerState.NOT_INTACT else 'unknown'}: {ledger.problem}"


def describe_upgrade(plan: UpgradePlan) -> list[str]:
    """Describe an upgrade, with a line for each step."""
    found = plan.before
    backup = f"Make a backup in {plan.backups}." if plan.backups else "Make no backup (--no-backup)."
    return [
        f"Upgrade the database {found.place} from version {found.version} to {found.needed_version}.",
        f"Its ledger is {render_ledger(found.ledger)}.",
        backup,
        "Then migrate it in one transaction, and verify its ledger again.",
    ]
