"""``rootkeeper recover``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.operator.opening import open_for_emergency, open_operator
from rootkeeper.cli.options import CredentialsOptions, RecoveryOptions
from rootkeeper.cli.outputs import ONE_OUTPUTS, ExitStatus, OutputFormat, option
from rootkeeper.cli.rendering.windows import end_unopened, list_waits, show_closing, show_window
from rootkeeper.cli.terminal import StopRequests
from rootkeeper.windows.rules import OpenOutcome

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import Operator, Recovery


def recover(
    invocation: Invocation,
    change: ChangeOptions,
    options: RecoveryOptions,
    credentials: CredentialsOptions,
    *,
    leave_open: Annotated[
        bool,
        option(
            "--leave-open/--wait",
            "Return at once and close the window yourself later; or wait and close it at the end.",
        ),
    ] = False,
    emergency: Annotated[
        bool,
        option(
            "--emergency",
            "Open without approval, even without the database. Sends an alert; a second person reviews it within "
            "24 hours.",
        ),
    ] = False,
) -> int:
    """Allow root password recovery for a limited time.

    Records the reason, lets the root user of the account reset its password by e-mail, shows the next steps, waits, and
    closes the window: deletes every root user credential of the account and reads the account again. Ctrl-C closes at
    once. With --leave-open the command returns, and only a later command closes the window.

    A window that could outlive your AWS credentials is refused, because nothing could close it. If it can't be read
    when they end, say it with --credentials-end or --credentials-outlive-window; the ledger records that.

    Through a server (--server) it requests the window and, if no approval is needed, opens it. The server closes it at
    its end, also with --leave-open. If an approval is missing, the command shows who can approve and ends.

    With --emergency, which the setting windows.emergency must allow, it needs no approval. Without a server, the window
    is recorded in the database, or in a new file if the database can't be reached; import that file later with
    rootkeeper ledger import.

    Changes: creates the login profile of the account's root user; at the end deletes all its root user credentials.

    AWS permissions: those of rootkeeper audit and rootkeeper preflight, and sts:AssumeRoot with the task policies
    IAMCreateRootUserPassword and IAMDeleteRootUserCredentials.

    Exit statuses: 0 opened and, unless left open, closed as a re-read shows; 2 wrong usage, not confirmed, or the
    account can't be recovered now; 3 AWS or the ledger refused, or AWS can't be reached; 4 opening or closing failed or
    isn't proven.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    opened: Operator
    if emergency and invocation.server_address is None:
        opened = open_for_emergency(invocation, leave_open=leave_open)
    else:
        opened = open_operator(invocation)
    with opened as operator:
        request = options.to_request(operator.longest_window, is_emergency=emergency)
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_REQUEST)
        recovery = operator.plan_recovery(request, credentials.to_statement(operator.now()), leave_open=leave_open)
        if not confirmation.confirm(recovery.statement):
            return ExitStatus.GOOD
        return _open(operator, recovery, output, leave_open=leave_open)


def _open(operator: Operator, recovery: Recovery, output: OutputFormat, *, leave_open: bool) -> int:
    """Once the opening begins, a signal means to close, unless the window is left open."""
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


application = command(recover)
