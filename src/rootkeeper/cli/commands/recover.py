"""``rootkeeper recover``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Annotated

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.failures import report_error
from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.operator.opening import open_for_emergency, open_operator
from rootkeeper.cli.options import CredentialsOptions, RecoveryOptions
from rootkeeper.cli.outputs import ONE_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.cli.progress import Countdown
from rootkeeper.cli.rendering.listings import counted
from rootkeeper.cli.rendering.windows import (
    describe_requests,
    end_refused,
    end_unopened,
    list_waits,
    remark_closing,
    show_closing,
    show_window,
    show_windows,
)
from rootkeeper.cli.terminal import StopRequests
from rootkeeper.errors import InputError, RootkeeperError
from rootkeeper.organization.threads import WorkResult, begin_in_thread
from rootkeeper.windows.rules import OpenOutcome

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import CheckedRecovery, Operator, Recovery
    from rootkeeper.organization.accounts import AccountId
    from rootkeeper.windows.credentials import CredentialsStatement
    from rootkeeper.windows.rules import CloseResult, RecoveryWindow, WindowRequest


def recover(
    invocation: Invocation,
    change: ChangeOptions,
    accounts: Annotated[list[str], argument("ACCOUNT", "Account ids or unique names.")],
    options: RecoveryOptions,
    credentials: CredentialsOptions,
    *,
    leave_open: Annotated[
        bool,
        option(
            "--leave-open/--wait",
            "Return at once and close the windows yourself later; or wait and close them at the end.",
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

    Several accounts get a window each, with one question. All are checked first: if one of them can't be recovered now,
    nothing is opened, and each that is the cause is named. If the opening fails in one of them, the others open. The
    windows close each at its end, Ctrl-C closes all of them.

    A window that could outlive your AWS credentials is refused, because nothing could close it. If it can't be read
    when they end, say it with --credentials-end or --credentials-outlive-window; the ledger records that.

    Through a server (--server) it requests the window and, if no approval is needed, opens it. The server closes it at
    its end, also with --leave-open. If an approval is missing, the command shows who can approve and ends.

    If an account has a root password already, --existing-login governs this login: nothing is opened in AWS, and the
    end of the window deletes the login.

    With --emergency, which the setting windows.emergency must allow, it needs no approval. Without a server, the window
    is recorded in the database, or in a new file if the database can't be reached; import that file later with
    rootkeeper ledger import.

    Changes: creates the login profile of the account's root user, unless an existing login is governed; at the end
    deletes all its root user credentials.

    AWS permissions: those of rootkeeper audit and rootkeeper preflight, and sts:AssumeRoot with the task policies
    IAMCreateRootUserPassword and IAMDeleteRootUserCredentials.

    Exit statuses: 0 opened and, unless left open, closed as a re-read shows; 2 wrong usage, not confirmed, or an
    account can't be recovered now; 3 AWS or the ledger refused, or AWS can't be reached; 4 opening or closing failed or
    isn't proven, of several accounts in at least one.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    opened: Operator
    if emergency and invocation.server_address is None:
        opened = open_for_emergency(invocation, leave_open=leave_open)
    else:
        opened = open_operator(invocation)
    with opened as operator:
        requests = [
            options.to_request(account, operator.longest_window, is_emergency=emergency) for account in accounts
        ]
        confirmation = operator.begin_change(change, output, Permission.WINDOWS_REQUEST)
        stated = credentials.to_statement(operator.now())
        if len(requests) == 1:
            recovery = operator.plan_recovery(requests[0], stated, leave_open=leave_open)
            if not confirmation.confirm(recovery.statement):
                return ExitStatus.GOOD
            return _open(operator, recovery, output, leave_open=leave_open)
        recoveries, refusals = _check_all(operator, requests, stated, leave_open=leave_open)
        if refusals:
            return end_refused(refusals, len(requests), operator.terminal)
        checked = [found for found, _ in recoveries]
        if not confirmation.confirm(describe_requests(requests, checked, operator.now()), accounts=len(requests)):
            return ExitStatus.GOOD
        return _open_all(operator, recoveries, output, leave_open=leave_open)


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
                with Countdown(terminal, operator.now) as countdown:
                    closing = recovery.wait(opening.window, stop, countdown)
                return show_closing(closing, output, terminal, operator.now())
    show_window(opening.window, output, terminal, operator.now())
    return ExitStatus.GOOD


def _check_all(
    operator: Operator, requests: Sequence[WindowRequest], stated: CredentialsStatement, *, leave_open: bool
) -> tuple[Sequence[tuple[CheckedRecovery, Recovery]], Mapping[str, RootkeeperError]]:
    """Check every account without a change, and return the refusals by the accounts as they were named.

    :raises RootkeeperError: a refusal that all of several accounts share, because it isn't about an account.
    """
    recoveries: dict[AccountId, tuple[CheckedRecovery, Recovery]] = {}
    refusals: dict[str, RootkeeperError] = {}
    for request in requests:
        try:
            recovery = operator.plan_recovery(request, stated, leave_open=leave_open)
            checked = recovery.check()
        except RootkeeperError as error:
            refusals[request.account] = error
            continue
        if checked.account_id in recoveries:
            twice = f"Account {checked.account_id} is named twice."
            refusals[request.account] = InputError(twice, hint="Name each account once.")
        recoveries[checked.account_id] = (checked, recovery)
    messages = {error.message for error in refusals.values()}
    if len(refusals) == len(requests) and len(messages) == 1:
        raise refusals[requests[0].account]
    return tuple(recoveries.values()), refusals


def _open_all(
    operator: Operator,
    recoveries: Sequence[tuple[CheckedRecovery, Recovery]],
    output: OutputFormat,
    *,
    leave_open: bool,
) -> int:
    """Open one window after the other. A failure in an account doesn't stop the others."""
    terminal = operator.terminal
    with StopRequests() as stop, Countdown(terminal, operator.now) as countdown:
        opened = _OpenedWindows(operator, stop, countdown)
        try:
            for checked, recovery in recoveries:
                terminal.remark(f"Account {checked.account_id} ({checked.name}):", style="bold")
                opened.open(checked.account_id, recovery, leave_open=leave_open)
        finally:  # also after a bug: each window that is open is closed
            opened.finish()
    failures = opened.failures
    status = ExitStatus.INCOMPLETE if failures else ExitStatus.GOOD
    if failures:
        terminal.remark(
            f"error: Opening or closing failed, or isn't proven, in {counted(len(failures), 'account')} of "
            f"{len(recoveries)}: {', '.join(failures)}.",
            style="bold red",
        )
    with terminal.showing_result(status):
        show_windows(tuple(opened.windows.values()), output, terminal, operator.now(), failures)
    return status


@dataclass(slots=True)
class _OpenedWindows:
    """The windows of several accounts.

    Each is waited for and closed in a thread of its own, from its opening on, so that neither the next openings nor
    another closing delays its end.
    """

    operator: Operator
    stop: StopRequests
    countdown: Countdown
    windows: dict[AccountId, RecoveryWindow] = field(default_factory=dict)
    failures: dict[AccountId, str] = field(default_factory=dict)
    _ended: SimpleQueue[tuple[AccountId, WorkResult[CloseResult]]] = field(default_factory=SimpleQueue)
    _waits: int = 0

    def open(self, account_id: AccountId, recovery: Recovery, *, leave_open: bool) -> None:
        terminal = self.operator.terminal
        try:
            if self.stop.asked_once():
                raise InputError("Nothing was opened in this account, because the command was asked to stop.")
            opening = recovery.open()
            window = self.windows[account_id] = opening.window
            if opening.outcome is None:
                steps: Sequence[str] = list_waits(window)
            elif opening.outcome is not OpenOutcome.OPEN:
                self.failures[account_id] = opening.explanation
                end_unopened(opening, terminal)
                return
            else:
                if not leave_open:
                    wait = partial(recovery.wait, window, self.stop, self.countdown)
                    begin_in_thread("window", wait, lambda done: self._ended.put((account_id, done)))
                    self._waits += 1
                steps = recovery.list_steps(window)
            for line in steps:
                terminal.remark(line)
        except RootkeeperError as error:
            self.failures[account_id] = error.message
            report_error(error, terminal)

    def finish(self) -> None:
        """Wait until each window is closed, or its closing has failed."""
        bugs = []
        for _ in range(self._waits):
            account_id, done = self._ended.get()
            if isinstance(done.error, RootkeeperError):
                self.failures[account_id] = done.error.message
                report_error(done.error, self.operator.terminal)
            elif done.error is not None:
                bugs.append(done.error)
            else:
                closing = done.get()
                self.windows[account_id] = closing.window
                remark_closing(closing, self.operator.terminal)
                if not closing.is_closed:
                    self.failures[account_id] = closing.explanation
        if bugs:
            raise bugs[0]


application = command(recover)
