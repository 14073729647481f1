"""``rootkeeper windows``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.housekeeping import name_overdue
from rootkeeper.cli.invocation import Invocation, OutputFormat, add, group, through_server
from rootkeeper.cli.recovery_options import RecoveryOptions
from rootkeeper.domain.windows import FINAL_STATES
from rootkeeper.errors import InputError

if TYPE_CHECKING:
    from rootkeeper.bootstrap import Application
    from rootkeeper.domain.windows import RecoveryWindow
    from rootkeeper.remote.server import RemoteServer

WindowArgument = Annotated[
    str, typer.Argument(metavar="WINDOW_ID|ACCOUNT", help="A window, or an account whose latest window is meant.")
]
LIST_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
ONE_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)


@through_server
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

    output = invocation.choose_output(*LIST_OUTPUTS)
    if (server := invocation.find_server()) is not None:
        from rootkeeper.cli.on_server import windows as on_server

        return on_server.list_windows(invocation, server, unfinished=unfinished)
    with invocation.open_application() as application:
        name_overdue(application, invocation.terminal)
        found = application.windows.list_windows(unfinished_only=unfinished)
        show_windows(found, output, invocation.terminal, application.clock.now())
    return ExitStatus.GOOD


@through_server
def show_one(invocation: Invocation, *, window: WindowArgument) -> int:
    """Show one recovery window.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is none; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.windows import show_window

    output = invocation.choose_output(*ONE_OUTPUTS)
    if (server := invocation.find_server()) is not None:
        from rootkeeper.cli.on_server import windows as on_server

        return on_server.show_one(invocation, server, window)
    with invocation.open_application() as application:
        found = _find(application, window)
        show_window(found, output, invocation.terminal, application.clock.now())
    return ExitStatus.GOOD


@through_server
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

    output = invocation.choose_output(*ONE_OUTPUTS)
    if (server := invocation.find_server()) is not None:
        from rootkeeper.cli.on_server import windows as on_server

        return on_server.close_one(invocation, server, change, window)
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


@through_server
def request(
    invocation: Invocation,
    options: RecoveryOptions,
    change: ChangeOptions,
    *,
    emergency: Annotated[
        bool,
        typer.Option(
            "--emergency", help="Don't wait for approvals: somebody else reviews it within 24 hours. Alerts loudly."
        ),
    ] = False,
) -> int:
    """Ask for a recovery window.

    The server checks what would keep the recovery from working, and tells who may approve. Nothing is opened: once as
    many people as the policy wants have approved, rootkeeper windows activate opens it. Unused it lapses.

    Changes: nothing in AWS; the request is recorded.

    AWS permissions: none of your own, the server has its own.

    Exit statuses: 0 requested; 2 wrong usage, not confirmed, no server, or the policy or the account doesn't allow it;
    3 the server refused or can't be reached.
    """
    from rootkeeper.cli.on_server import windows as on_server

    return on_server.request(invocation, _need_server(invocation), change, options, emergency=emergency)


@through_server
def approve(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Approve a recovery window that somebody else requested.

    Your approval counts for this account and this duration, once, and for a time that the policy sets.

    Changes: nothing in AWS; the approval is recorded.

    AWS permissions: none.

    Exit statuses: 0 recorded; 2 wrong usage, not confirmed, no server, or your approval doesn't count; 3 the server
    refused or can't be reached.
    """
    from rootkeeper.cli.on_server import windows as on_server

    return on_server.approve(invocation, _need_server(invocation), change, window)


@through_server
def deny(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    window: WindowArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why it is denied.")],
) -> int:
    """Deny a recovery window that waits.

    Changes: nothing in AWS; the window can't be opened any more.

    AWS permissions: none.

    Exit statuses: 0 denied; 2 wrong usage, not confirmed, no server, or it doesn't wait any more; 3 the server refused
    or can't be reached.
    """
    from rootkeeper.cli.on_server import windows as on_server

    return on_server.deny(invocation, _need_server(invocation), change, window, reason)


@through_server
def cancel(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Take a request back before anything was opened.

    Changes: nothing in AWS; the window can't be opened any more.

    AWS permissions: none.

    Exit statuses: 0 cancelled; 2 wrong usage, not confirmed, no server, or it doesn't wait any more; 3 the server
    refused or can't be reached.
    """
    from rootkeeper.cli.on_server import windows as on_server

    return on_server.cancel(invocation, _need_server(invocation), change, window)


@through_server
def activate(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Open a recovery window that is approved.

    Everything is checked anew. The server closes the window at its end.

    Changes: creates the login profile of the account's root user; at the end the server deletes all its root user
    credentials.

    AWS permissions: none of your own, the server has its own.

    Exit statuses: 0 open, as a re-read shows; 2 wrong usage, not confirmed, no server, or it isn't approved; 3 AWS or
    the server refused, or can't be reached; 4 opening failed or isn't proven.
    """
    from rootkeeper.cli.on_server import windows as on_server

    return on_server.activate(invocation, _need_server(invocation), change, window)


@through_server
def extend(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    window: WindowArgument,
    by: Annotated[str, typer.Option("--by", metavar="LENGTH", help="How much longer, such as 30m or 2h.")],
) -> int:
    """Approve that an open recovery window lasts longer.

    It is prolonged once as many people as it needs have approved the same length. All in all it lasts no longer than
    the policy allows.

    Changes: nothing in AWS; the window's end.

    AWS permissions: none.

    Exit statuses: 0 recorded; 2 wrong usage, not confirmed, no server, or your approval doesn't count; 3 the server
    refused or can't be reached.
    """
    from rootkeeper.cli.on_server import windows as on_server

    return on_server.extend(invocation, _need_server(invocation), change, window, by)


@through_server
def review(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Confirm that you have reviewed a recovery window that was opened in an emergency.

    Changes: nothing in AWS; your review is recorded.

    AWS permissions: none.

    Exit statuses: 0 recorded; 2 wrong usage, not confirmed, no server, it owes no review, or you opened it yourself; 3
    the server refused or can't be reached.
    """
    from rootkeeper.cli.on_server import windows as on_server

    return on_server.review(invocation, _need_server(invocation), change, window)


@through_server
def report(invocation: Invocation, *, window: WindowArgument) -> int:
    """Report on a recovery window or a drill.

    Who asked, approved, opened and closed; how long each step took, the first sign-in included; what was watched, and
    what the re-reads after the closing found. As a table it is Markdown, for a ticket.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is none; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.window_reports import show_report

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    if (server := invocation.find_server()) is not None:
        from rootkeeper.cli.on_server import windows as on_server

        return on_server.report(invocation, server, window)
    with invocation.open_application() as application:
        found = application.window_reporting.report(_find(application, window).window_id)
    show_report(found, output, invocation.terminal)
    return ExitStatus.GOOD


def _need_server(invocation: Invocation) -> RemoteServer:
    """Whoever works straight on a database only asserts to be somebody: that is no approval."""
    server = invocation.find_server()
    if server is None:
        raise InputError(
            "Only a server collects approvals, and none is named; nothing was done.",
            hint="Add --server URL; rootkeeper serve runs one. Without approvals: rootkeeper recover ACCOUNT",
        )
    return server


def _find(application: Application, text: str) -> RecoveryWindow:
    """By window id, account id, or a name that the last inventory knows; nothing is asked of AWS."""
    inventory = application.inventory_store.find_last()
    named = [account.account_id for account in inventory.accounts if account.name == text] if inventory else []
    return application.windows.get(named[0] if len(named) == 1 else text)


application = group("Request, approve, open and close recovery windows.")
add(application, request)
add(application, list_windows, "list")
add(application, show_one, "show")
add(application, approve)
add(application, deny)
add(application, cancel)
add(application, activate)
add(application, extend)
add(application, close_one, "close")
add(application, review)
add(application, report)
