"""``rootkeeper recover``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.countdown import open_countdown
from rootkeeper.cli.emergencies import REVIEW, RecoveryPlace, open_for_emergency
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat, single, through_server
from rootkeeper.cli.recovery_options import RecoveryOptions
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


@through_server
def recover(
    invocation: Invocation,
    change: ChangeOptions,
    options: RecoveryOptions,
    *,
    leave_open: Annotated[
        bool,
        typer.Option(
            "--leave-open/--wait", help="Return at once and leave the closing to you, or wait and close at the end."
        ),
    ] = False,
    emergency: Annotated[
        bool,
        typer.Option(
            "--emergency",
            help="Open before anybody approves, with or without the database: somebody else reviews it within 24 "
            "hours. Alerts loudly.",
        ),
    ] = False,
) -> int:
    """Allow root password recovery for a time.

    Records why and for how long, allows the root user of the account to reset its password by mail, tells what to do
    next, waits, and closes: every root user credential of the account is deleted and the account is read again. Ctrl-C
    closes at once. With --leave-open nothing closes the window but a later command.

    Through a server (--server) it is requested and, where nobody has to approve it, opened; the server closes it at its
    end, also with --leave-open. Where an approval is owed, the command tells who waits for what and ends.

    With --emergency, which the settings must allow (windows.emergency), no approval is waited for. Without a server the
    window is recorded in the database, or in a fresh file where that can't be reached: import it afterwards with
    rootkeeper ledger import.

    Changes: creates the login profile of the account's root user, and at the end deletes all its root user credentials.

    AWS permissions: those of rootkeeper audit and rootkeeper preflight, and sts:AssumeRoot with the task policies
    IAMCreateRootUserPassword and IAMDeleteRootUserCredentials.

    Exit statuses: 0 opened and, unless left open, closed as a re-read shows; 2 wrong usage, not confirmed, or the
    account may not be recovered now; 3 AWS or the ledger refused, or AWS can't be reached; 4 opening or closing failed
    or isn't proven.
    """
    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    if (server := invocation.find_server()) is not None:
        from rootkeeper.cli.on_server import recover as on_server

        return on_server.recover(invocation, server, change, options, leave_open=leave_open, is_emergency=emergency)
    length = parse_duration(
        options.duration,
        option="--for",
        shortest=SHORTEST_DURATION,
        longest=invocation.load_settings().windows.longest,
    )
    place = (
        open_for_emergency(invocation, leave_open=leave_open)
        if emergency
        else RecoveryPlace(invocation.open_application())
    )
    try:
        with place.application as application:
            wish = _Wish(options, int(length.total_seconds()), leave_open, emergency)
            return _recover(invocation, application, change, wish, output)
    finally:
        place.tell_end(invocation.terminal)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was asked for, on the command line itself."""

    options: RecoveryOptions
    duration_seconds: int
    leave_open: bool
    emergency: bool


def _recover(
    invocation: Invocation, application: Application, change: ChangeOptions, wish: _Wish, output: OutputFormat
) -> int:
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.workflows.recovery_checks import RecoveryRequest

    progress = open_progress(invocation.terminal)
    confirmation = begin_change(invocation, application, change, output, progress)
    inventory = application.inventory_reading.read(progress)
    progress.finish()
    found = find_account(NamedAccount(wish.options.account), inventory.accounts)
    request = RecoveryRequest(found, wish.options.reason, wish.options.ticket, wish.duration_seconds)
    plan = application.recovery_planning.plan(inventory, request)
    if change.dry_run:
        confirmation.show_context()
        for line in _statement(plan, wish):
            invocation.terminal.remark(line)
        return ExitStatus.GOOD
    confirmation.ensure(_statement(plan, wish))
    if wish.leave_open:
        opening = _open(application, plan, wish, progress)
        return _end_left_open(application, opening, plan, output, invocation.terminal)
    return _open_and_wait(application, plan, wish, output, invocation.terminal, progress)


def _statement(plan: RecoveryPlan, wish: _Wish) -> list[str]:
    account = plan.request.account
    length = render_duration(timedelta(seconds=plan.request.duration_seconds))
    end = (
        "Nothing will close the window at its end: no server is running."
        if wish.leave_open
        else "This command waits and then deletes every root user credential of the account."
    )
    drill = ", as a drill" if wish.options.drill else ""
    urgent = [f"EMERGENCY: it is opened before anybody approved it. {REVIEW}"] if wish.emergency else []
    return [
        *urgent,
        (
            f"Allow password recovery for the root user of account {account.account_id} ({account.name}) for "
            f"{length}{drill}."
        ),
        f"Whoever reads the mailbox {account.email} can then set a password and sign in as root user.",
        end,
        *plan.remarks,
    ]


def _open(application: Application, plan: RecoveryPlan, wish: _Wish, progress: Progress) -> Opening:
    opening = application.recovery_opening(progress)
    return opening.open(plan, is_drill=wish.options.drill, is_emergency=wish.emergency)


def _open_and_wait(
    application: Application,
    plan: RecoveryPlan,
    wish: _Wish,
    output: OutputFormat,
    terminal: Terminal,
    progress: Progress,
) -> int:
    """From before the opening on, a signal means to close and never to leave the window open."""
    with StopRequests() as stops:
        opening = _open(application, plan, wish, progress)
        if opening.outcome is not OpeningOutcome.OPEN:
            return _end_unopened(opening, terminal)
        for line in list_next_steps(plan.request.account, opening.window, application.endpoint.people_url):
            terminal.remark(line)
        waiting = application.window_waiting(progress)
        with open_countdown(terminal, opening.window, application.clock) as countdown:
            end = waiting.wait(opening.window, lambda: countdown.tick() or stops.asked_once(), countdown.show)
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
