"""``rootkeeper windows``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.housekeeping import name_overdue
from rootkeeper.cli.invocation import Invocation, OutputFormat, add, group
from rootkeeper.domain.windows import FINAL_STATES

if TYPE_CHECKING:
    from rootkeeper.bootstrap import Application
    from rootkeeper.domain.windows import RecoveryWindow

WindowArgument = Annotated[
    str, typer.Argument(metavar="WINDOW_ID|ACCOUNT", help="A window, or an account whose latest window is meant.")
]


def list_windows(
    invocation: Invocation,
    *,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only those that aren't over.")] = False,
) -> int:
    """List recovery windows, the newest first.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.windows import show_windows

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    with invocation.open_application() as application:
        name_overdue(application, invocation.terminal)
        found = application.windows.list_windows(unfinished_only=unfinished)
        show_windows(found, output, invocation.terminal, application.clock.now())
    return ExitStatus.GOOD


def show_one(invocation: Invocation, *, window: WindowArgument) -> int:
    """Show one recovery window.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is none; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.windows import show_window

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    with invocation.open_application() as application:
        found = _find(application, window)
        show_window(found, output, invocation.terminal, application.clock.now())
    return ExitStatus.GOOD


def close_one(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Close a recovery window now.

    Changes: deletes every root user credential of the account, those from before the window included, and reads the
    account again.

    AWS permissions: sts:AssumeRoot with the task policies IAMDeleteRootUserCredentials and IAMAuditRootUserCredentials,
    organizations:DescribeOrganization, organizations:DescribeAccount.

    Exit statuses: 0 closed as a re-read shows, or it was over already; 2 wrong usage, not confirmed, or there is none;
    3 AWS or the ledger refused, or AWS can't be reached; 4 it isn't closed, or that isn't proven.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.windows import show_window

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    progress = open_progress(invocation.terminal)
    with invocation.open_application(needs_ledger=False) as application:
        confirmation = begin_change(invocation, application, change, output, progress, needs_ledger=False)
        found = _find(application, window)
        statement = (
            f"Close recovery window {found.window_id} ({found.state.value}): delete every root user credential of "
            f"account {found.account_id}."
        )
        if change.dry_run:
            confirmation.show_context()
            invocation.terminal.remark(statement)
            return ExitStatus.GOOD
        if found.state not in FINAL_STATES:
            confirmation.ensure([statement])
        closing = application.window_closing(progress).close(found)
        progress.finish()
        invocation.terminal.remark(closing.explanation, style=None if closing.is_closed else "bold red")
        if closing.hint:
            invocation.terminal.remark(f"hint: {closing.hint}")
        show_window(closing.window, output, invocation.terminal, application.clock.now())
    return ExitStatus.GOOD if closing.is_closed else ExitStatus.INCOMPLETE


def _find(application: Application, text: str) -> RecoveryWindow:
    """By window id, account id, or a name that the last inventory knows; nothing is asked of AWS."""
    inventory = application.inventory_store.find_last()
    named = [account.account_id for account in inventory.accounts if account.name == text] if inventory else []
    return application.windows.get(named[0] if len(named) == 1 else text)


application = group("List, show and close recovery windows.")
add(application, list_windows, "list")
add(application, show_one, "show")
add(application, close_one, "close")
