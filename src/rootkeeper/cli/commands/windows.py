"""``rootkeeper windows``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import AccountArgument, RecoveryOptions
from rootkeeper.cli.outputs import LIST_OUTPUTS, ONE_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.cli.rendering.listings import render_timestamp
from rootkeeper.cli.rendering.windows import (
    describe_background,
    describe_purpose,
    describe_request,
    end_unopened,
    list_waits,
    render_window_length,
    show_closing,
    show_report,
    show_window,
    show_windows,
)
from rootkeeper.values import parse_duration, render_duration
from rootkeeper.windows.rules import FINAL_STATES, LONGEST_DURATION, OpenOutcome, RecoveryWindow

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import Operator

WindowArgument = Annotated[str, argument("WINDOW_ID|ACCOUNT", "A window, or an account for its latest window.")]


def list_windows(
    invocation: Invocation,
    *,
    unfinished: Annotated[bool, option("--unfinished", "Only windows that aren't finished.")] = False,
) -> int:
    """List recovery windows, newest first.

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


def show_one(invocation: Invocation, *, window: WindowArgument) -> int:
    """Show one recovery window.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is no such window; 3 AWS or the database refused.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        return _show(operator, operator.find_window(window), output)


def close_one(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Close a recovery window now.

    If the server is stopped or hung, the command closes overdue windows itself.

    Changes: deletes every root user credential of the account, also those from before the window, and reads the account
    again.

    AWS permissions: sts:AssumeRoot with the task policies IAMDeleteRootUserCredentials and IAMAuditRootUserCredentials,
    organizations:DescribeOrganization, organizations:DescribeAccount.

    Exit statuses: 0 closed as a re-read shows, or already closed; 2 wrong usage, not confirmed, or there is no such
    window; 3 AWS or the ledger refused, or AWS can't be reached; 4 not closed, or not proven.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation, needs_ledger=False) as operator:
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_CLOSE, needs_ledger=False)
        found = operator.find_window(window)
        statement = (
            f"Close recovery window {found.window_id} ({found.state.value}): delete every root user credential of "
            f"account {found.account_id}."
        )
        if (change.dry_run or found.state not in FINAL_STATES) and not confirmation.confirm([statement]):
            return ExitStatus.GOOD
        return show_closing(operator.close_window(found), output, invocation.terminal, operator.now())


def request(
    invocation: Invocation,
    account: AccountArgument,
    options: RecoveryOptions,
    change: ChangeOptions,
    *,
    emergency: Annotated[
        bool, option("--emergency", "Need no approval. Sends an alert; a second person reviews it within 24 hours.")
    ] = False,
) -> int:
    """Request a recovery window.

    The server checks for obstacles to the recovery, and notifies the people who can approve it. Nothing is opened:
    after enough approvals, rootkeeper windows activate opens the window. An unused request expires.

    Changes: nothing in AWS; records the request.

    AWS permissions: none; the server uses its own.

    Exit statuses: 0 requested; 2 wrong usage, not confirmed, no server, or the policy or the account doesn't allow it;
    3 the server refused or can't be reached.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        approvals = operator.approvals
        wanted = options.to_request(account, operator.longest_window, is_emergency=emergency)
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_REQUEST)
        statement = [describe_request(wanted), "This opens nothing yet."]
        if not confirmation.confirm(statement):
            return ExitStatus.GOOD
        return _show_decided(operator, approvals.request_window(wanted), output)


def approve(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Approve a recovery window that someone else requested.

    Your approval counts once, for this account and this duration, and for a limited time that the policy sets.

    Changes: nothing in AWS; records the approval.

    AWS permissions: none.

    Exit statuses: 0 recorded; 2 wrong usage, not confirmed, no server, or your approval doesn't count; 3 the server
    refused or can't be reached.
    """
    return _decide(invocation, change, window, Permission.WINDOWS_APPROVE, "Approve {}", "approve")


def deny(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    window: WindowArgument,
    reason: Annotated[str, option("--reason", "Why it is denied.")],
) -> int:
    """Deny a recovery window that waits for approval or activation.

    Changes: nothing in AWS; the window can't be opened any more.

    AWS permissions: none.

    Exit statuses: 0 denied; 2 wrong usage, not confirmed, no server, or the window doesn't wait any more; 3 the server
    refused or can't be reached.
    """
    return _decide(invocation, change, window, Permission.WINDOWS_DENY, "Deny {}", "deny", reason=reason)


def cancel(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Cancel a request before the window is opened.

    Changes: nothing in AWS; the window can't be opened any more.

    AWS permissions: none.

    Exit statuses: 0 cancelled; 2 wrong usage, not confirmed, no server, or the window doesn't wait any more; 3 the
    server refused or can't be reached.
    """
    return _decide(invocation, change, window, Permission.WINDOWS_REQUEST, "Cancel {}", "cancel")


def activate(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Open a recovery window that is approved.

    The server checks everything again, and closes the window at its end.

    Changes: creates the login profile of the account's root user, unless the window governs an existing login; at the
    end the server deletes all its root user credentials.

    AWS permissions: none; the server uses its own.

    Exit statuses: 0 open, as a re-read shows; 2 wrong usage, not confirmed, no server, or the window isn't approved; 3
    AWS or the server refused or can't be reached; 4 opening failed or isn't proven.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        approvals = operator.approvals
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_ACTIVATE)
        found = operator.find_window(window)
        governs_login = approvals.read_background(found)["governs_login"] is True
        what, warning = (
            "Allow password recovery for the root user",
            ["Anyone who reads the root user's mailbox can then set a password and sign in as root user."],
        )
        if governs_login:
            what, warning = "Govern the existing login of the root user", []
        statement = [
            f"{what} of {found.account_id}, {render_window_length(found)}: {found.full_reason}",
            *warning,
            "At its end the server closes it and deletes every root user credential of the account.",
        ]
        if not confirmation.confirm(statement):
            return ExitStatus.GOOD
        opening = approvals.activate_window(found)
        if opening.outcome is not OpenOutcome.OPEN:
            return end_unopened(opening, invocation.terminal)
        for line in approvals.list_steps(opening.window, governs_login=governs_login):
            invocation.terminal.remark(line)
        return _show(operator, opening.window, output)


def extend(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    window: WindowArgument,
    by: Annotated[str, option("--by LENGTH", "How much longer, such as 30m or 2h.")],
) -> int:
    """Approve that an open recovery window is extended.

    The window is extended after enough people have approved the same length. Its total length can't exceed the policy.

    Changes: nothing in AWS; the window's end.

    AWS permissions: none.

    Exit statuses: 0 recorded; 2 wrong usage, not confirmed, no server, or your approval doesn't count; 3 the server
    refused or can't be reached.
    """
    length = parse_duration(by, option="--by", shortest=timedelta(seconds=1), longest=LONGEST_DURATION)
    what, seconds = f"Extend {{}} by {render_duration(length)}", int(length.total_seconds())
    return _decide(invocation, change, window, Permission.WINDOWS_EXTEND, what, "extend", duration_seconds=seconds)


def review(invocation: Invocation, change: ChangeOptions, *, window: WindowArgument) -> int:
    """Confirm that you reviewed a recovery window that was opened in an emergency.

    Changes: nothing in AWS; records your review.

    AWS permissions: none.

    Exit statuses: 0 recorded; 2 wrong usage, not confirmed, no server, the window needs no review, or you opened it; 3
    the server refused or can't be reached.
    """
    what = "Confirm that you reviewed the emergency of {}"
    return _decide(invocation, change, window, Permission.WINDOWS_REVIEW, what, "review")


def report(invocation: Invocation, *, window: WindowArgument) -> int:
    """Report on a recovery window or a drill.

    Shows who requested, approved, opened and closed it; how long each step took, including the first sign-in; the
    watched events; and the results of the re-reads after closing. The table output is Markdown, for a ticket.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is no such window; 3 AWS or the database refused.
    """
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
    what: str,
    decision: str,
    **terms: Any,
) -> int:
    """Show the window, ask, and record the decision.

    :param what: describes the decision, with a place for the window.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        approvals = operator.approvals
        confirmation = operator.begin_change(change, output, needs)
        found = operator.find_window(window)
        statement = f"{what.format(f'recovery window {found.window_id}')}: {describe_purpose(found)}"
        requester = f"Requested by {found.requested_by} at {render_timestamp(found.requested_at)}."
        further = describe_background(approvals.read_background(found)) if decision == "approve" else ()
        if not confirmation.confirm([statement, requester, *further]):
            return ExitStatus.GOOD
        return _show_decided(operator, approvals.decide_window(found, decision, **terms), output)


def _show_decided(operator: Operator, window: RecoveryWindow, output: OutputFormat) -> int:
    for line in list_waits(window):
        operator.terminal.remark(line, style="bold")
    return _show(operator, window, output)


def _show(operator: Operator, window: RecoveryWindow, output: OutputFormat) -> int:
    operator.warn_if_overdue(window)
    show_window(window, output, operator.terminal, operator.now())
    return ExitStatus.GOOD


application = PanelGroup(help="Request, approve, open and close recovery windows.")
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
