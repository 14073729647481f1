"""What earlier commands left behind: a command that changes something deals with it first, any other names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.rendering.windows import render_end
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import DatabaseError

if TYPE_CHECKING:
    from datetime import datetime

    from rootkeeper.bootstrap import Application
    from rootkeeper.domain.windows import RecoveryWindow
    from rootkeeper.ports.progress import Progress


def warn_overdue(application: Application, terminal: Terminal) -> None:
    """Name each recovery window that is past its end, loudly; nothing is changed.

    A database that can't be read is remarked: what needs it more than this says so itself.
    """
    now = application.clock.now()
    try:
        overdue = application.list_overdue()
    except DatabaseError as error:
        terminal.remark(f"Whether a recovery window is overdue isn't known: {error.message}", style="bold red")
        return
    for window in overdue:
        remark_overdue(window, now, terminal)
    warn_emergencies(application, terminal)


def remark_overdue(window: RecoveryWindow, now: datetime, terminal: Terminal) -> None:
    """Name one window that is past its end, and what kept it from being closed."""
    failure = f" The last attempt failed: {window.failure}" if window.failure else ""
    terminal.remark(
        f"ALERT: recovery window {window.window_id} of account {window.account_id} is still {window.state.value} "
        f"({render_end(window, now)}).{failure} Close it: rootkeeper windows close {window.window_id}",
        style="bold red",
    )


def warn_emergencies(application: Application, terminal: Terminal) -> None:
    """Name each file of an emergency that was never imported, loudly: its window may still be open.

    :raises DatabaseError: if the database can't be read.
    """
    from rootkeeper.bootstrap.emergencies import list_emergency_files

    files = list_emergency_files()
    for path in application.database.list_unimported_ledgers(files) if files else ():
        terminal.remark(
            f"ALERT: what an emergency recorded in {path} isn't in this database, and a window of it may be open. "
            f"Import it: rootkeeper ledger import {path}",
            style="bold red",
        )


def prepare_for_changes(application: Application, terminal: Terminal, progress: Progress) -> None:
    """Merge the spill file, settle intents that have no outcome, and close overdue windows, in this order.

    :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
    """
    preparation = application.prepare_for_changes(progress)
    progress.finish()
    if preparation.merged_entries:
        terminal.remark(f"Merged {preparation.merged_entries} entries of the spill file into the ledger.")
    for intent in preparation.settlement.intents:
        result = intent.result.value if intent.result else "still unknown"
        terminal.remark(f"Settled entry {intent.sequence} ({intent.action.value}): {result}. {intent.explanation}")
    for settled in preparation.settlement.windows:
        terminal.remark(f"Recovery window {settled.before.window_id}: {settled.explanation}")
    for closing in preparation.closings:
        style = None if closing.is_closed else "bold red"
        terminal.remark(f"Overdue recovery window {closing.window.window_id}: {closing.explanation}", style=style)
    warn_emergencies(application, terminal)
