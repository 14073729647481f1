"""How a file of an emergency is taken in: checked, shown, confirmed, appended, and told to people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.text import counted, render_timestamp
from rootkeeper.cli.rendering.windows import show_windows
from rootkeeper.cli.terminal import Terminal
from rootkeeper.windows.rules import OWING_STATES, RecoveryWindow

if TYPE_CHECKING:
    from rootkeeper.composition.application import Application
    from rootkeeper.windows.store import LedgerImport, LedgerSource


def import_ledger(
    application: Application, file: Path, change: ChangeOptions, output: OutputFormat, terminal: Terminal
) -> int:
    """See ``rootkeeper ledger import``."""
    who = application.ledger_identity
    caller = who.actor.caller_arn or "none, AWS isn't asked"
    confirmation = Confirmation(
        terminal, ChangeContext(who.organization_id, caller, who.endpoint.label), yes=change.yes, output=output
    )
    source = application.database.read_ledger_source(file)
    statement = _describe(source)
    if change.dry_run:
        confirmation.show_context()
        for line in statement:
            terminal.remark(line)
        return ExitStatus.GOOD
    confirmation.require_consent(statement)
    found = application.import_emergency(source)
    _show_import(found, terminal)
    show_windows(found.windows, output, terminal, application.clock.now())
    return ExitStatus.GOOD


def _describe(source: LedgerSource) -> list[str]:
    last, number = source.entries[-1], counted(len(source.entries), "entry", "entries")
    return [
        f"Append the {number} of {source.name} to the ledger; its chain of hashes is intact.",
        f"The last one is of {render_timestamp(last.at)}, by {last.actor.name}.",
        *(f"Keep recovery window {_describe_window(window)}" for window in source.windows),
    ]


def _describe_window(window: RecoveryWindow) -> str:
    return f"{window.window_id} of account {window.account_id}, which is {window.state.value}: {window.reason}"


def _show_import(found: LedgerImport, terminal: Terminal) -> None:
    if found.imported_before is not None:
        terminal.remark(f"It was imported before, at {render_timestamp(found.imported_before)}; nothing was done.")
        return
    terminal.remark(f"Imported {counted(found.entries, 'entry', 'entries')}.")
    for window in found.windows:
        if window.state in OWING_STATES:
            terminal.remark(
                f"Recovery window {window.window_id} owes its closing. A server closes it at its end; close it now: "
                f"rootkeeper windows close {window.window_id}",
                style="bold red",
            )
        if window.is_emergency and window.reviewed_by is None:
            terminal.remark(
                f"A second person must review it, through a server: rootkeeper windows review {window.window_id}"
            )
