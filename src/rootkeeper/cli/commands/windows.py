"""``rootkeeper windows``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions, end_dry_run
from rootkeeper.cli.invocation import Invocation, add, group, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import RecoveryOptions
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.windows import (
    describe_request,
    end_unopened,
    list_waits,
    render_reason,
    show_closing,
    show_window,
    show_windows,
    spoken_duration,
    spoken_request,
    spoken_wish,
)
from rootkeeper.values import parse_duration, render_duration
from rootkeeper.windows.rules import FINAL_STATES, LONGEST_DURATION, OpenOutcome, RecoveryWindow

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import Operator
    from rootkeeper.cli.operator.remote import RemoteWindows

_SHORTEST_EXTENSION = timedelta(seconds=1)
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
    output = invocation.choose_output(*LIST_OUTPUTS)
    with open_operator(invocation) as operator:
        found = operator.list_windows(unfinished=unfinished)
        operator.warn_overdue()
        show_windows(found, output, invocation.terminal, operator.now())
    return ExitStatus.GOOD


@through_server
def show_one(invocation: Invocation, *, window: WindowArgument) -> int:
    """Show one recovery window.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is none; 3 AWS or the database refused.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        return _show(operator, operator.find_window(window), output)


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
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation, needs_ledger=False) as operator:
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_CLOSE, needs_ledger=False)
        found = operator.find_window(window)
        statement = (
            f"Close recovery window {found.window_id} ({found.state.value}): delete every root user credential of "
            f"account {found.account_id}."
        )
        if change.dry_run:
            return end_dry_run(confirmation, [statement], invocation.terminal)
        if found.state not in FINAL_STATES:
            confirmation.require_consent([statement])
        return show_closing(operator.close_window(found), output, invocation.terminal, operator.now())


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
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        approvals = operator.approvals
        wanted = options.to_request(operator.longest_window, is_emergency=emergency)
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_REQUEST)
        statement = [describe_request(wanted), "Nothing is opened by that."]
        if change.dry_run:
            return end_dry_run(confirmation, statement, invocation.terminal)
        confirmation.require_consent(statement)
        return _show_decided(operator, approvals.request(wanted), output)


@through_server
def approve(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Approve a recovery window that somebody else requested.

    Your approval counts for this account and this duration, once, and for a time that the policy sets.

    Changes: nothing in AWS; the approval is recorded.

    AWS permissions: none.

    Exit statuses: 0 recorded; 2 wrong usage, not confirmed, no server, or your approval doesn't count; 3 the server
    refused or can't be reached.
    """
    return _decide(
        invocation,
        change,
        window,
        Permission.WINDOWS_APPROVE,
        lambda found: [f"Approve recovery window {found.window_id}: {spoken_wish(found)}", spoken_request(found)],
        lambda approvals, found: approvals.approve(found),
    )


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
    return _decide(
        invocation,
        change,
        window,
        Permission.WINDOWS_DENY,
        lambda found: [f"Deny recovery window {found.window_id}: {spoken_wish(found)}", spoken_request(found)],
        lambda approvals, found: approvals.deny(found, reason),
    )


@through_server
def cancel(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Take a request back before anything was opened.

    Changes: nothing in AWS; the window can't be opened any more.

    AWS permissions: none.

    Exit statuses: 0 cancelled; 2 wrong usage, not confirmed, no server, or it doesn't wait any more; 3 the server
    refused or can't be reached.
    """
    return _decide(
        invocation,
        change,
        window,
        Permission.WINDOWS_REQUEST,
        lambda found: [f"Cancel recovery window {found.window_id}: {spoken_wish(found)}"],
        lambda approvals, found: approvals.cancel(found),
    )


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
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        approvals = operator.approvals
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_ACTIVATE)
        found = operator.find_window(window)
        statement = [
            (
                f"Allow password recovery for the root user of account {found.account_id}, {spoken_duration(found)}: "
                f"{render_reason(found)}"
            ),
            "Anyone who reads the root user's mailbox can then set a password and sign in as root user.",
            "The server closes it at its end and deletes every root user credential of the account.",
        ]
        if change.dry_run:
            return end_dry_run(confirmation, statement, invocation.terminal)
        confirmation.require_consent(statement)
        opening = approvals.activate(found)
        if opening.outcome is not OpenOutcome.OPEN:
            return end_unopened(opening, invocation.terminal)
        for line in approvals.list_steps(opening.window):
            invocation.terminal.remark(line)
        return _show(operator, opening.window, output)


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
    length = parse_duration(by, option="--by", shortest=_SHORTEST_EXTENSION, longest=LONGEST_DURATION)
    return _decide(
        invocation,
        change,
        window,
        Permission.WINDOWS_EXTEND,
        lambda found: [f"Extend recovery window {found.window_id} by {render_duration(length)}: {spoken_wish(found)}"],
        lambda approvals, found: approvals.extend(found, int(length.total_seconds())),
    )


@through_server
def review(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Confirm that you have reviewed a recovery window that was opened in an emergency.

    Changes: nothing in AWS; your review is recorded.

    AWS permissions: none.

    Exit statuses: 0 recorded; 2 wrong usage, not confirmed, no server, it owes no review, or you opened it yourself; 3
    the server refused or can't be reached.
    """
    return _decide(
        invocation,
        change,
        window,
        Permission.WINDOWS_REVIEW,
        lambda found: [
            f"Confirm that you have reviewed the emergency of recovery window {found.window_id}: {spoken_wish(found)}",
            spoken_request(found),
        ],
        lambda approvals, found: approvals.review(found),
    )


@through_server
def report(invocation: Invocation, *, window: WindowArgument) -> int:
    """Report on a recovery window or a drill.

    Who asked, approved, opened and closed; how long each step took, the first sign-in included; what was watched, and
    what the re-reads after the closing found. As a table it is Markdown, for a ticket.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is none; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.windows import show_report

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    with open_operator(invocation) as operator:
        record, markdown = operator.read_window_report(operator.find_window(window))
    show_report(record, markdown, output, invocation.terminal)
    return ExitStatus.GOOD


def _decide(
    invocation: Invocation,
    change: ChangeOptions,
    window: str,
    needs: Permission,
    describe: Callable[[RecoveryWindow], Sequence[str]],
    decide: Callable[[RemoteWindows, RecoveryWindow], RecoveryWindow],
) -> int:
    """Show the window, ask, and record the decision."""
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        approvals = operator.approvals
        confirmation = operator.begin_change(change, output, needs)
        found = operator.find_window(window)
        if change.dry_run:
            return end_dry_run(confirmation, describe(found), invocation.terminal)
        confirmation.require_consent(describe(found))
        return _show_decided(operator, decide(approvals, found), output)


def _show_decided(operator: Operator, window: RecoveryWindow, output: OutputFormat) -> int:
    for line in list_waits(window):
        operator.terminal.remark(line, style="bold")
    return _show(operator, window, output)


def _show(operator: Operator, window: RecoveryWindow, output: OutputFormat) -> int:
    operator.warn_if_overdue(window)
    show_window(window, output, operator.terminal, operator.now())
    return ExitStatus.GOOD


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
