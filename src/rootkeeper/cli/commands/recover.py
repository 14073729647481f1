"""``rootkeeper recover``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions, end_dry_run
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import RecoveryOptions
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.windows import end_unopened, list_waits, show_closing, show_window
from rootkeeper.cli.terminal import StopRequests
from rootkeeper.windows.rules import OpenOutcome

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import Operator, Recovery


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
    with _open_operator(invocation, leave_open=leave_open, emergency=emergency) as operator:
        request = options.to_request(operator.longest_window, is_emergency=emergency)
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_REQUEST)
        recovery = operator.plan_recovery(request, leave_open=leave_open)
        if change.dry_run:
            return end_dry_run(confirmation, recovery.statement, invocation.terminal)
        confirmation.require_consent(recovery.statement)
        return _open(operator, recovery, output, leave_open=leave_open)


def _open_operator(invocation: Invocation, *, leave_open: bool, emergency: bool) -> Operator:
    if emergency and invocation.server_address is None:
        from rootkeeper.cli.operator.opening import open_for_emergency

        return open_for_emergency(invocation, leave_open=leave_open)
    return open_operator(invocation)


def _open(operator: Operator, recovery: Recovery, output: OutputFormat, *, leave_open: bool) -> int:
    """From before the opening on, a signal means to close, unless the window is to be left open."""
    terminal = operator.terminal
    stop = StopRequests()
    with nullcontext() if leave_open else stop:
        opening = recovery.open()
        if opening.outcome is None:
            for line in list_waits(opening.window):
                terminal.remark(line)
        elif opening.outcome is not OpenOutcome.OPEN:
            return end_unopened(opening, terminal)
        else:
            for line in recovery.list_steps(opening.window):
                terminal.remark(line)
            if not leave_open:
                return show_closing(recovery.wait(opening.window, stop), output, terminal, operator.now())
    show_window(opening.window, output, terminal, operator.now())
    return ExitStatus.GOOD


application = single(recover)
