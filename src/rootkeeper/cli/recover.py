"""``rootkeeper recover``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.countdown import open_countdown
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat, single
from rootkeeper.cli.rendering.windows import show_window
from rootkeeper.cli.stopping import StopRequests
from rootkeeper.domain.durations import parse_duration, render_duration
from rootkeeper.domain.openings import OpeningOutcome
from rootkeeper.domain.selection import NamedAccount, find_account
from rootkeeper.domain.windows import SHORTEST_DURATION
from rootkeeper.workflows.recovery_guidance import list_next_steps
from rootkeeper.workflows.waiting import WaitEnd

if TYPE_CHECKING:
    from rootkeeper.bootstrap import Application
    from rootkeeper.cli.terminal import Terminal
    from rootkeeper.ports.progress import Progress
    from rootkeeper.workflows.recovery import Opening
    from rootkeeper.workflows.recovery_checks import RecoveryPlan


def recover(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account id or unique name.")],
    reason: Annotated[str, typer.Option("--reason", help="What the root user is needed for.")],
    ticket: Annotated[str | None, typer.Option("--ticket", help="The ticket or change number.")] = None,
    duration: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long, from 10s to 72h.")] = "4h",
    leave_open: Annotated[
        bool,
        typer.Option(
            "--leave-open/--wait", help="Return at once and leave the closing to you, or wait and close at the end."
        ),
    ] = False,
) -> int:
    """Allow root password recovery for a time.

    Records why and for how long, allows the root user of the account to reset its password by mail, tells what to do
    next, waits, and closes: every root user credential of the account is deleted and the account is read again. Ctrl-C
    closes at once. With --leave-open nothing closes the window but a later command.

    Changes: creates the login profile of the account's root user, and at the end deletes all its root user credentials.

    AWS permissions: those of rootkeeper audit and rootkeeper preflight, and sts:AssumeRoot with the task policies
    IAMCreateRootUserPassword and IAMDeleteRootUserCredentials.

    Exit statuses: 0 opened and, unless left open, closed as a re-read shows; 2 wrong usage, not confirmed, or the
    account may not be recovered now; 3 AWS or the ledger refused, or AWS can't be reached; 4 opening or closing failed
    or isn't proven.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.workflows.recovery_checks import RecoveryRequest

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    length = parse_duration(
        duration,
        option="--for",
        shortest=SHORTEST_DURATION,
        longest=invocation.load_settings().windows.longest,
    )
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        inventory = application.inventory_reading.read(progress)
        progress.finish()
        found = find_account(NamedAccount(account), inventory.accounts)
        request = RecoveryRequest(found, reason, ticket, int(length.total_seconds()))
        plan = application.recovery_planning.plan(inventory, request)
        if change.dry_run:
            confirmation.show_context()
            for line in _statement(plan, leave_open=leave_open):
                invocation.terminal.remark(line)
            return ExitStatus.GOOD
        confirmation.ensure(_statement(plan, leave_open=leave_open))
        if leave_open:
            opening = application.recovery_opening(progress).open(plan)
            return _end_left_open(application, opening, plan, output, invocation.terminal)
        return _open_and_wait(application, plan, output, invocation.terminal, progress)


def _statement(plan: RecoveryPlan, *, leave_open: bool) -> list[str]:
    account = plan.request.account
    length = render_duration(timedelta(seconds=plan.request.duration_seconds))
    end = (
        "Nothing will close the window at its end: no server is running."
        if leave_open
        else "This command waits and then deletes every root user credential of the account."
    )
    return [
        f"Allow password recovery for the root user of account {account.account_id} ({account.name}) for {length}.",
        f"Whoever reads the mailbox {account.email} can then set a password and sign in as root user.",
        end,
        *plan.remarks,
    ]


def _open_and_wait(
    application: Application, plan: RecoveryPlan, output: OutputFormat, terminal: Terminal, progress: Progress
) -> int:
    """From before the opening on, a signal means to close and never to leave the window open."""
    with StopRequests() as stops:
        opening = application.recovery_opening(progress).open(plan)
        if opening.outcome is not OpeningOutcome.OPEN:
            return _end_unopened(opening, terminal)
        for line in list_next_steps(plan.request.account, opening.window, application.endpoint.people_url):
            terminal.remark(line)
        waiting = application.window_waiting(progress)
        with open_countdown(terminal, opening.window, application.clock) as countdown:
            end = waiting.wait(opening.window, lambda: countdown.tick() or stops.asked_once())
        terminal.remark("Closing now." if end is WaitEnd.STOPPED else "Closing.")
        closing = waiting.close(opening.window, stops.asked_twice)
    terminal.remark(closing.explanation, style=None if closing.is_closed else "bold red")
    show_window(closing.window, output, terminal, application.clock.now())
    return ExitStatus.GOOD if closing.is_closed else ExitStatus.INCOMPLETE


def _end_left_open(
    application: Application, opening: Opening, plan: RecoveryPlan, output: OutputFormat, terminal: Terminal
) -> int:
    if opening.outcome is not OpeningOutcome.OPEN:
        return _end_unopened(opening, terminal)
    steps = list_next_steps(plan.request.account, opening.window, application.endpoint.people_url, leave_open=True)
    for line in steps:
        terminal.remark(line)
    show_window(opening.window, output, terminal, application.clock.now())
    return ExitStatus.GOOD


def _end_unopened(opening: Opening, terminal: Terminal) -> int:
    terminal.remark(f"error: {opening.explanation}", style="bold red")
    if opening.error is not None and opening.error.hint:
        terminal.remark(f"hint: {opening.error.hint}")
    return opening.exit_status


application = single(recover)
