"""``rootkeeper emails``."""

from __future__ import annotations

import getpass
import stat
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.aws.rules import OneTimePassword
from rootkeeper.cli.changes import ChangeOptions, begin_change, warn_overdue
from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.invocation import Invocation, add, group
from rootkeeper.cli.options import FailOnOptions, SelectionOptions, parse_moment
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.listings import render_timestamp
from rootkeeper.cli.rendering.root_emails import show_email_change
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError, OneTimePasswordError, RootkeeperError
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.root_emails.rules import has_email_findings, parse_one_time_password
from rootkeeper.untrusted_text import printable

if TYPE_CHECKING:
    from rootkeeper.root_emails.service import EmailChangeExecutor, EmailChangePlan, EmailChangeStep

_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)


def list_emails(invocation: Invocation, selection: SelectionOptions, fail_on: FailOnOptions) -> int:
    """Hold every account's root e-mail address to the rules.

    Whoever reads that mailbox can have the root user's password reset. The rules are settings: emails.allowed_domains,
    emails.approved_pattern, emails.groups. An address counts as a group's only when it stands in emails.groups or is
    attested (rootkeeper emails attest); one with a plus sign counts by its mailbox. No two accounts may share one. A
    broken rule counts as "present" for --fail-on, what isn't known as "unknown". Without a selection the whole
    organization is listed, the management account included.

    Changes: nothing. Costs one listing of the accounts and no call per account; opens no root session.

    AWS permissions: those of reading the organization (see rootkeeper audit).

    Exit statuses: 0 no findings; 1 findings as --fail-on says; 2 wrong usage; 3 AWS refused or can't be reached.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.root_emails import show_emails

    output = invocation.choose_output(*_OUTPUTS)
    findings = fail_on.to_set()
    request = selection.to_request()
    if request.is_empty:
        request = replace(request, everything=True)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        report = application.root_email_reader.read(request, progress)
    progress.finish()
    show_emails(report, output, invocation.terminal)
    return ExitStatus.BAD if has_email_findings(report.emails, findings) else ExitStatus.GOOD


def attest_email(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="A root e-mail address, in use or to come.")],
    attested_by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who knows that a group reads it.")],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="When it ends, such as 2026-12-31 or 90d.")],
) -> int:
    """Record somebody's word that a group reads an address.

    Changes: nothing in AWS; the attestation is kept in the database and recorded in the ledger. It ends by itself; a
    later one for the same address replaces it. It covers the address, and those that only add a plus sign to it.

    AWS permissions: organizations:DescribeOrganization; no root session is opened.

    Exit statuses: 0 kept; 2 wrong usage or not confirmed; 3 AWS, the database or the ledger refused.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.root_emails import show_attestation

    output = invocation.choose_output(*_OUTPUTS)
    with invocation.open_application() as application:
        end = parse_moment(until, "--until", application.clock.now(), day_ends=True)
        attesting = application.email_attestation_service
        attestation = attesting.prepare(address, attested_by=attested_by, until=end)
        progress = open_progress(invocation.terminal)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        statement = (
            f"{attestation.address} will count as read by a group until {render_timestamp(end)}, "
            f"as {attestation.attested_by} attests."
        )
        if change.dry_run:
            confirmation.show_context()
            invocation.terminal.remark(statement)
            return ExitStatus.GOOD
        confirmation.require_consent([statement])
        attesting.attest(attestation)
        show_attestation(attestation, output, invocation.terminal)
    return ExitStatus.GOOD


_STDIN = Path("-")
_ATTEMPTS_AT_A_TERMINAL = 3
_LONGEST_FILE = 4096


@dataclass(frozen=True, slots=True)
class OneTimePasswordSource:
    """Reads one-time passwords."""

    terminal: Terminal
    path: Path | None
    """``-`` for stdin; ``None`` for a person at the terminal."""

    @property
    def attempts(self) -> int:
        """How often a wrong one may be followed by another."""
        return _ATTEMPTS_AT_A_TERMINAL if self.path is None else 1

    @property
    def can_read(self) -> bool:
        return self.path is not None or self.terminal.can_ask

    def require_fits(self, *, is_started: bool) -> None:
        """Check before anything is sent that a one-time password can come from here.

        :raises InputError: if the file can't be read, or holds what can't belong to a change that isn't started yet.
        """
        if self.path is None or self.path == _STDIN:
            return
        try:
            is_plain_file = stat.S_ISREG(self.path.stat().st_mode)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if is_plain_file and not is_started:
            raise InputError(
                f"No change to this address is open in this ledger, so the one-time password in {self.path} can't "
                "belong to one. Nothing was sent.",
                hint="Leave --otp-from out to start it, or give stdin (-) or a named pipe, which is read afterwards.",
            )

    def read(self, email: str) -> OneTimePassword:
        """Wait for it.

        :raises InputError: if it isn't one; the message doesn't repeat it.
        """
        if self.path is None:
            return parse_one_time_password(_ask(f"One-time password sent to {email}: "))
        if self.path == _STDIN:
            return parse_one_time_password(sys.stdin.readline())
        try:
            with self.path.open(encoding="ascii", errors="replace") as source:
                return parse_one_time_password(source.read(_LONGEST_FILE))
        except OSError as error:
            raise _unreadable(self.path, error) from error


def _ask(question: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(printable(question), stream=sys.stderr)
        except (EOFError, getpass.GetPassWarning) as error:
            raise InputError(
                "The one-time password can't be asked for here without showing it.", hint="Give it with --otp-from."
            ) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} can't be read: {error.strerror}.", hint="Check the path given with --otp-from.")


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
    from rootkeeper.root_emails.service import EmailChangeRequest

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
        *(render_hint(remark) or "" for remark in plan.remarks),
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
        return self.end(_OUTCOMES[accepted.result], render_hint(accepted.explanation) or "")

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


application = group("Hold root e-mail addresses to rules, attest and change them.")
add(application, list_emails, "list")
add(application, attest_email, "attest")
add(application, change_email, "change")
