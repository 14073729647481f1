"""A check of the database, and what an upgrade will do."""

from __future__ import annotations

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import counted, show_facts
from rootkeeper.cli.terminal import Terminal
from rootkeeper.maintenance.records import database_to_record
from rootkeeper.maintenance.rules import DatabaseCheck, LedgerCheck, LedgerState, VersionState
from rootkeeper.maintenance.upgrading import UpgradePlan
from rootkeeper.untrusted_text import json_text

_NEXT = {
    VersionState.EMPTY: "The first command that works with the database creates its tables.",
    VersionState.INCOMPLETE: "It calls itself current, and lacks a table or a column. Restore a backup, or use a new "
    "database.",
    VersionState.NEWER: "Install the newer Rootkeeper again, or restore the backup from before its upgrade.",
    VersionState.OUTDATED: "Stop the server, then run: rootkeeper database upgrade",
}


def show_database(check: DatabaseCheck, output: OutputFormat, terminal: Terminal) -> None:
    """Write the check to stdout, and to stderr what to do."""
    if output is OutputFormat.JSON:
        terminal.write(json_text(database_to_record(check), indent=2) + "\n")
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
    """Describe what an upgrade will do, one line for each step."""
    found = plan.before
    backup = f"Make a backup in {plan.backups}." if plan.backups else "Make no backup (--no-backup)."
    return [
        f"Upgrade the database {found.place} from version {found.version} to {found.needed_version}.",
        f"Its ledger is {render_ledger(found.ledger)}.",
        backup,
        "Then migrate it in one transaction, and verify its ledger again.",
    ]
