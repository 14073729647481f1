"""``rootkeeper emails change``: start, wait for the one-time password, accept, re-read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.one_time_passwords import OneTimePasswordSource
from rootkeeper.cli.rendering.root_emails import show_email_change
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.ledger import Result
from rootkeeper.domain.selection import NamedAccount, find_account
from rootkeeper.errors import InputError, OneTimePasswordError, RootkeeperError

if TYPE_CHECKING:
    from rootkeeper.workflows.email_change_checks import EmailChangePlan
    from rootkeeper.workflows.email_changes import EmailChangeExecutor, EmailChangeStep


def change_email(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account id or unique name.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The new root e-mail address.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the address is changed.")],
    ticket: Annotated[str | None, typer.Option("--ticket", help="The ticket or change number.")] = None,
    otp_from: Annotated[
        Path | None,
        typer.Option(
            "--otp-from",
            metavar="FILE",
            allow_dash=True,
            help="Read the one-time password from a file, a named pipe or stdin (-).",
        ),
    ] = None,
    override: Annotated[
        bool,
        typer.Option("--override", help="Go on despite the rules, an exception or a failsafe; the reason is recorded."),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Have another one-time password sent; the one before is void.")
    ] = False,
) -> int:
    """Change an account's root e-mail address.

    Whoever reads the new mailbox can then have the root user's password reset, so this is guarded like a recovery. AWS
    sends a one-time password to the new address; the command asks for it without showing it, hands it back and reads
    the address again. Interrupted in between, the same command goes on within 24 hours and sends no second one. Without
    a terminal and without --otp-from it only starts the change.

    Changes: the root e-mail address of one member account. Password and MFA devices stay; the old address isn't asked.

    AWS permissions: those of reading the organization (see rootkeeper audit); account:GetPrimaryEmail,
    account:GetPrimaryEmailUpdateStatus, account:StartPrimaryEmailUpdate and account:AcceptPrimaryEmailUpdate, in the
    management account or the delegated administrator for Account Management, with trusted access for
    account.amazonaws.com. No root session is opened.

    Exit statuses: 0 changed, as a re-read shows, or so already; 2 wrong usage, not confirmed, the address is against
    the rules, or the account may not be changed now; 3 AWS or the ledger refused, or AWS can't be reached; 4 the
    one-time password was wrong or is still awaited, or the change isn't proven yet, which may take up to 4 hours.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.workflows.email_change_checks import EmailChangeRequest

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    terminal = invocation.terminal
    progress = open_progress(terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        inventory = application.inventory_reader.read(progress)
        progress.finish()
        found = find_account(NamedAccount(account), inventory.accounts)
        request = EmailChangeRequest(found, address, reason, ticket, overrides=override, restarts=restart)
        plan = application.email_change_planner.plan(inventory, request)
        run = _EmailChangeCommand(
            plan, application.email_change_executor, OneTimePasswordSource(terminal, otp_from), output, terminal
        )
        if plan.is_unneeded:
            return run.end("unneeded", f"{plan.current_email} is its root e-mail address already; nothing was done.")
        run.passwords.require_fits(is_started=plan.started is not None)
        if change.dry_run:
            confirmation.show_context()
            for line in _statement(plan):
                terminal.remark(line)
            return ExitStatus.GOOD
        confirmation.require_consent(_statement(plan))
        return run.carry_out()


def _statement(plan: EmailChangePlan) -> list[str]:
    account = plan.request.account
    return [
        f"Change the root e-mail address of account {account.account_id} ({account.name})",
        f"from {plan.current_email}",
        f"to   {plan.new_email}.",
        "Whoever reads the new mailbox can then have the root user's password reset. Password and MFA devices stay.",
        *(f"OVERRIDDEN: {objection.explanation}" for objection in plan.objections),
        *plan.remarks,
    ]


@dataclass(frozen=True, slots=True)
class _EmailChangeCommand:
    """One change, from the yes to its outcome."""

    plan: EmailChangePlan
    changing: EmailChangeExecutor
    passwords: OneTimePasswordSource
    output: OutputFormat
    terminal: Terminal

    def carry_out(self) -> int:
        if self.plan.started is None:
            started = self.changing.start(self.plan)
            if started.result is Result.FAILED:
                return self.end("failed", started.explanation)
            self.terminal.remark(started.explanation)
        if not self.passwords.can_read:
            return self.end("started", f"The one-time password is awaited. {self._hint_continuation}")
        with self._with_continuation_hint():
            accepted = self._accept()
        return self.end(_OUTCOMES[accepted.result], accepted.explanation)

    def end(self, outcome: str, explanation: str) -> int:
        plan = self.plan
        show_email_change(
            plan.request.account,
            plan.current_email,
            plan.new_email,
            outcome,
            explanation,
            self.output,
            self.terminal,
        )
        return ExitStatus.GOOD if outcome in {"changed", "unneeded"} else ExitStatus.INCOMPLETE

    def _accept(self) -> EmailChangeStep:
        """A person may mistype: asked again, and each is an attempt of its own in the ledger."""
        for _ in range(self.passwords.attempts - 1):
            try:
                return self.changing.accept(self.plan, self.passwords.read(self.plan.new_email))
            except (InputError, OneTimePasswordError) as error:
                self.terminal.remark(f"{error.message} {error.hint or ''}", style="bold red")
        return self.changing.accept(self.plan, self.passwords.read(self.plan.new_email))

    @contextmanager
    def _with_continuation_hint(self) -> Iterator[None]:
        try:
            yield
        except (RootkeeperError, KeyboardInterrupt):
            self.terminal.remark(f"Not finished. {self._hint_continuation}")
            raise

    @property
    def _hint_continuation(self) -> str:
        plan = self.plan
        return (
            "Go on within 24 hours of its start: rootkeeper emails change "
            f"{plan.request.account.account_id} {plan.new_email} --reason …{' --override' if plan.objections else ''}"
        )


_OUTCOMES = {Result.DONE: "changed", Result.FAILED: "failed", Result.UNKNOWN: "not_proven"}
