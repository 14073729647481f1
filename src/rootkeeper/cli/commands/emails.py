"""``rootkeeper emails``.

A one-time password comes from a hidden prompt, a file or stdin; never from an argument, which other processes and the
shell's history can show.
"""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rootkeeper.access.rules import Permission
from rootkeeper.aws.rules import OneTimePassword
from rootkeeper.cli.changes import ChangeOptions, begin_change
from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.invocation import Invocation, PanelGroup, add, gives_findings
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import AccountArgument, FailOnOptions, SelectionOptions, parse_moment
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.rendering.listings import render_timestamp
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError, OneTimePasswordError, RootkeeperError
from rootkeeper.root_emails.rules import EmailChangeRequest, has_email_findings, parse_one_time_password

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import EmailChange
    from rootkeeper.root_emails.records import EmailChangeRecord


@gives_findings
def list_emails(invocation: Invocation, selection: SelectionOptions, fail_on: FailOnOptions) -> int:
    """Check the root e-mail address of every account.

    Anyone who reads that mailbox can reset the root user's password. The rules are the settings emails.allowed_domains,
    emails.approved_pattern and emails.groups. An address belongs to a group if emails.groups lists it or an attestation
    exists (rootkeeper emails attest); an address with a plus sign counts by its mailbox. Two accounts can't share an
    address. For --fail-on, a broken rule counts as "present" and a missing fact as "unknown". Without a selection it
    lists the whole organization, including the management account.

    Changes: nothing. Lists the accounts once, makes no call per account and opens no root session. A server checks the
    addresses of its last listing.

    AWS permissions: those of reading the organization (see rootkeeper audit).

    Exit statuses: 0 no findings; 1 findings that --fail-on names; 2 wrong usage; 3 AWS refused or can't be reached.
    """
    from rootkeeper.cli.rendering.listings import show_output
    from rootkeeper.cli.rendering.root_emails import show_emails
    from rootkeeper.findings.sources import list_email_findings

    output = invocation.choose_output_or_findings(*LIST_OUTPUTS)
    findings = fail_on.to_set()
    request = selection.to_request_or_everything()
    with open_operator(invocation) as operator:
        operator.warn_overdue()
        report = operator.list_root_emails(request)
    show_output(report, output, invocation.terminal, show_emails, list_email_findings)
    return ExitStatus.BAD if has_email_findings(report.emails, findings) else ExitStatus.GOOD


def attest_email(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    address: Annotated[str, argument("ADDRESS", "A root e-mail address, in use or planned.")],
    attested_by: Annotated[str, option("--by NAME", "The person who attests it.")],
    until: Annotated[str, option("--until DATE", "When it ends, such as 2026-12-31 or 90d.")],
) -> int:
    """Record an attestation that a group reads an address.

    Changes: nothing in AWS; stores the attestation in the database and the ledger. It ends by itself; a later
    attestation of the address replaces it. It also covers the address with a plus sign.

    AWS permissions: organizations:DescribeOrganization; opens no root session.

    Exit statuses: 0 recorded; 2 wrong usage or not confirmed; 3 AWS, the database or the ledger refused.
    """
    from rootkeeper.cli.rendering.root_emails import show_attestation

    output = invocation.choose_output(*LIST_OUTPUTS)
    with invocation.open_application() as application:
        end = parse_moment(until, "--until", application.clock.now(), day_ends=True)
        attesting = application.email_attestation_service
        attestation = attesting.prepare(address, attested_by=attested_by, until=end)
        progress = open_progress(invocation.terminal)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        statement = (
            f"Record that {attestation.attested_by} attests until {render_timestamp(end)}: a group reads "
            f"{attestation.address}."
        )
        if not confirmation.confirm([statement]):
            return ExitStatus.GOOD
        attesting.attest(attestation)
        show_attestation(attestation, output, invocation.terminal)
    return ExitStatus.GOOD


_STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class OneTimePasswordSource:
    """Reads one-time passwords."""

    terminal: Terminal
    path: Path | None
    """``-`` for stdin; ``None`` for a person at the terminal."""

    @property
    def attempts(self) -> int:
        """How many one-time passwords can be tried."""
        return 3 if self.path is None else 1

    @property
    def can_read(self) -> bool:
        return self.path is not None or self.terminal.can_ask

    def require_fits(self, *, is_started: bool) -> None:
        """Check before anything is sent that a one-time password can come from here.

        :raises InputError: if the file can't be read, or can't hold the password because no change is started.
        """
        if self.path is None or self.path == _STDIN:
            return
        try:
            is_plain_file = stat.S_ISREG(self.path.stat().st_mode)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if is_plain_file and not is_started:
            raise InputError(
                f"The ledger has no started change to this address, so {self.path} can't hold its one-time "
                "password. Nothing was sent.",
                hint="Leave out --otp-from to start the change, or use stdin (-) or a named pipe, which is read later.",
            )

    def read(self, email: str) -> OneTimePassword:
        """Wait for the one-time password.

        :raises InputError: if the text isn't a one-time password; the message doesn't repeat it.
        """
        if self.path is None:
            return parse_one_time_password(
                self.terminal.ask_secret(
                    f"One-time password sent to {email}:", "one-time password", "Give it with --otp-from."
                )
            )
        if self.path == _STDIN:
            return parse_one_time_password(sys.stdin.readline())
        try:
            with self.path.open(encoding="ascii", errors="replace") as source:
                return parse_one_time_password(source.read(4096))
        except OSError as error:
            raise _unreadable(self.path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} can't be read: {error.strerror}.", hint="Check the path given with --otp-from.")


def change_email(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: AccountArgument,
    address: Annotated[str, argument("ADDRESS", "The new root e-mail address.")],
    reason: Annotated[str, option("--reason", "Why the address is changed.")],
    ticket: Annotated[str | None, option("--ticket", "The ticket or change number.")] = None,
    otp_from: Annotated[
        Path | None,
        option("--otp-from FILE", "Read the one-time password from a file, a named pipe or stdin (-)."),
    ] = None,
    override: Annotated[
        bool, option("--override", "Ignore the rules, an exception or a failsafe; the reason is recorded.")
    ] = False,
    restart: Annotated[
        bool, option("--restart", "Send another one-time password; the previous one becomes invalid.")
    ] = False,
) -> int:
    """Change the root e-mail address of an account.

    Anyone who reads the new mailbox can reset the root user's password, so this is guarded like a recovery. AWS sends a
    one-time password to the new address. The command asks for it without showing it, gives it to AWS and reads the
    address again. If it is interrupted, the same command continues within 24 hours and sends no second password.
    Without a terminal and without --otp-from it only starts the change. A server makes the change after as many other
    people approved it, on the console's page Root e-mails, as a recovery window needs. It overrides nothing.

    Changes: the root e-mail address of one member account. Password and MFA devices stay. AWS doesn't ask the old
    address.

    AWS permissions: those of reading the organization (see rootkeeper audit); account:GetPrimaryEmail,
    account:GetPrimaryEmailUpdateStatus, account:StartPrimaryEmailUpdate and account:AcceptPrimaryEmailUpdate, in the
    management account or the delegated administrator for Account Management, with trusted access for
    account.amazonaws.com. It opens no root session.

    Exit statuses: 0 changed, as a re-read shows, or nothing to change; 2 wrong usage, not confirmed, the address breaks
    the rules, or the account can't be changed now; 3 AWS or the ledger refused, or AWS can't be reached; 4 the one-time
    password is wrong or missing, or the change isn't proven yet, which can take 4 hours.
    """
    from rootkeeper.root_emails.records import UNNEEDED

    output = invocation.choose_output(*LIST_OUTPUTS)
    passwords = OneTimePasswordSource(invocation.terminal, otp_from)
    with open_operator(invocation) as operator:
        confirmation = operator.begin_change(change, output, Permission.ROOT_EMAILS_CHANGE)
        request = EmailChangeRequest(address, reason, ticket, overrides=override, restarts=restart)
        planned = operator.plan_email_change(account, request)
        run = _EmailChangeCommand(planned, request, passwords, output, invocation.terminal)
        if planned.is_unneeded:
            return run.end(planned.describe("unneeded", UNNEEDED))
        passwords.require_fits(is_started=planned.is_started)
        if not confirmation.confirm(planned.statement):
            return ExitStatus.GOOD
        return run.carry_out()


@dataclass(frozen=True, slots=True)
class _EmailChangeCommand:
    """Runs one change, from the yes to its result."""

    change: EmailChange
    request: EmailChangeRequest
    passwords: OneTimePasswordSource
    output: OutputFormat
    terminal: Terminal

    def carry_out(self) -> int:
        if not self.change.is_started:
            started = self.change.start()
            if started["outcome"] != "started":
                return self.end(started)
            self.terminal.remark(started["explanation"])
        if not self.passwords.can_read:
            explanation = f"AWS waits for the one-time password. {self._next_step}"
            return self.end(self.change.describe("started", explanation))
        try:
            accepted = self._accept()
        except (RootkeeperError, KeyboardInterrupt):
            self.terminal.remark(f"Not finished. {self._next_step}")
            raise
        return self.end(accepted)

    def end(self, record: EmailChangeRecord) -> int:
        from rootkeeper.cli.rendering.root_emails import show_email_change

        show_email_change(record, self.output, self.terminal)
        return ExitStatus.GOOD if record["outcome"] in {"changed", "unneeded"} else ExitStatus.INCOMPLETE

    def _accept(self) -> EmailChangeRecord:
        """Ask again after a typing error; the ledger records each attempt."""
        for _ in range(self.passwords.attempts - 1):
            try:
                otp = self.passwords.read(self.request.address)
            except InputError as error:
                self._report(error)
                continue
            try:
                return self.change.accept(otp)
            except OneTimePasswordError as error:
                self._report(error)
        return self.change.accept(self.passwords.read(self.request.address))

    def _report(self, error: RootkeeperError) -> None:
        self.terminal.remark(f"{error.message} {render_hint(error.hint) or ''}", style="bold red")

    @property
    def _next_step(self) -> str:
        request = self.request
        return (
            f"Continue within 24 hours of the start: rootkeeper emails change {self.change.account_id} "
            f"{request.address} --reason …{' --override' if request.overrides else ''}"
        )


application = PanelGroup(help="Check, attest and change root e-mail addresses.")
add(application, list_emails, "list")
add(application, attest_email, "attest")
add(application, change_email, "change")
