"""``rootkeeper failsafe set-up``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changes import ChangeOptions, begin_change
from rootkeeper.cli.invocation import Invocation
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.progress import open_countdown
from rootkeeper.cli.terminal import StopRequests
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.values import parse_duration, render_duration
from rootkeeper.windows.rules import SHORTEST_DURATION, OpenOutcome

if TYPE_CHECKING:
    from rootkeeper.cli.terminal import Terminal
    from rootkeeper.composition.application import Application
    from rootkeeper.failsafe.service import KeepResult
    from rootkeeper.organization.progress import Progress
    from rootkeeper.organization.statuses import RootCredentials
    from rootkeeper.windows.checks import RecoveryPlan

_DEFAULT_REASON = "Set up the failsafe's root login"


def set_up(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The delegated administrator account.")],
    reason: Annotated[str, typer.Option("--reason", help="Recorded with the window.")] = _DEFAULT_REASON,
    ticket: Annotated[str | None, typer.Option("--ticket", help="The ticket or change number.")] = None,
    duration: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="How long to wait for the person, from 10s to 72h.")
    ] = "4h",
) -> int:
    """Give a failsafe its root login, and keep it.

    Opens a recovery window, tells the person at the mailbox what to do, and looks in audit sessions how far they are.
    As soon as a re-read shows that the new password was used, that MFA guards it and that there is no access key and no
    signing certificate, the window ends KEPT: the login stays. If that doesn't come in time, or at Ctrl-C, the window
    is closed as any other: everything is deleted again. Where a login in order is there already, nothing is done.

    Changes: creates the login profile of the account's root user; deletes all its root user credentials if the login
    isn't completed.

    AWS permissions: those of rootkeeper audit and rootkeeper recover.

    Exit statuses: 0 kept, as a re-read shows, or it was in order already; 2 wrong usage, not confirmed, or the account
    is no failsafe; 3 AWS or the ledger refused, or AWS can't be reached; 4 it wasn't completed, or opening or closing
    failed or isn't proven.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.windows.checks import RecoveryRequest

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    longest = invocation.load_settings().windows.longest
    length = parse_duration(duration, option="--for", shortest=SHORTEST_DURATION, longest=longest)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        inventory = application.inventory_reader.read(progress)
        progress.finish()
        found = find_account(NamedAccount(account), inventory.accounts)
        planning = application.failsafe_set_up_planner
        login = planning.find_login(inventory, found)
        if login is not None:
            return _end_with_login(login, output, invocation.terminal, application)
        request = RecoveryRequest(found, reason, ticket, int(length.total_seconds()), keeps_login=True)
        plan = planning.plan(inventory, request)
        if change.dry_run:
            confirmation.show_context()
            for line in _statement(plan):
                invocation.terminal.remark(line)
            return ExitStatus.GOOD
        confirmation.require_consent(_statement(plan))
        return _open_and_wait(application, plan, output, invocation.terminal, progress)


def _statement(plan: RecoveryPlan) -> list[str]:
    account = plan.request.account
    length = render_duration(timedelta(seconds=plan.request.duration_seconds))
    return [
        f"Give the failsafe {account.account_id} ({account.name}) its root login, within {length}.",
        f"Whoever reads the mailbox {account.email} can then set a password and sign in as root user.",
        "Once it is complete, the login stays; if it isn't complete in time, everything is deleted again.",
        *plan.remarks,
    ]


def _end_with_login(login: RootCredentials, output: OutputFormat, terminal: Terminal, application: Application) -> int:
    from rootkeeper.cli.rendering.failsafes import show_set_up

    terminal.remark(
        f"Nothing to do: {login.account_id} has a root login that was used, with "
        f"{len(login.mfa_devices)} MFA device(s), no access key and no signing certificate. "
        "Next: rootkeeper failsafe check"
    )
    show_set_up(login.account_id, "already_kept", (), None, output, terminal, application.clock)
    return ExitStatus.GOOD


def _open_and_wait(
    application: Application, plan: RecoveryPlan, output: OutputFormat, terminal: Terminal, progress: Progress
) -> int:
    """From before the opening on, a signal means to close and never to leave the window open."""
    from rootkeeper.windows.checks import list_set_up_steps

    with StopRequests() as stops:
        opening = application.window_opener(progress).open(plan)
        if opening.outcome is not OpenOutcome.OPEN:
            terminal.remark(f"error: {opening.explanation}", style="bold red")
            if opening.error is not None and opening.error.hint:
                terminal.remark(f"hint: {opening.error.hint}")
            return opening.exit_status
        for line in list_set_up_steps(plan.request.account, opening.window, application.endpoint.people_url):
            terminal.remark(line)
        watch = application.login_monitor(progress, opening.window)
        with open_countdown(terminal, opening.window, application.clock) as countdown:
            keeping = application.login_completion_waiter(progress).wait(
                opening.window, watch, lambda: countdown.tick() or stops.asked_once()
            )
        if keeping.is_kept:
            return _end_kept(keeping, output, terminal, application)
        return _close(application, keeping, output, terminal, progress, stops)


def _end_kept(keeping: KeepResult, output: OutputFormat, terminal: Terminal, application: Application) -> int:
    from rootkeeper.cli.rendering.failsafes import show_set_up

    terminal.remark(keeping.explanation, style="bold green")
    terminal.remark("Register a second MFA device, one of them hardware. Next: rootkeeper failsafe check")
    show_set_up(keeping.window.account_id, "kept", (), keeping.window, output, terminal, application.clock)
    return ExitStatus.GOOD


def _close(
    application: Application,
    keeping: KeepResult,
    output: OutputFormat,
    terminal: Terminal,
    progress: Progress,
    stops: StopRequests,
) -> int:
    from rootkeeper.cli.rendering.failsafes import show_set_up

    terminal.remark(f"{keeping.explanation} Closing: everything is deleted again.", style="bold red")
    closing = application.window_waiter(progress).close(keeping.window, stops.asked_twice)
    terminal.remark(closing.explanation, style=None if closing.is_closed else "bold red")
    missing = keeping.progress.shortcomings if keeping.progress is not None else ()
    outcome = "closed" if closing.is_closed else "close_failed"
    show_set_up(keeping.window.account_id, outcome, missing, closing.window, output, terminal, application.clock)
    return ExitStatus.INCOMPLETE
