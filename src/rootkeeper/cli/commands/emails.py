"""``rootkeeper emails``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from rootkeeper.cli.changes import ChangeOptions, begin_change, warn_overdue
from rootkeeper.cli.email_changes import change_email
from rootkeeper.cli.invocation import Invocation, add, group
from rootkeeper.cli.options import FailOnOptions, SelectionOptions, parse_moment
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.text import render_timestamp
from rootkeeper.root_emails.rules import has_email_findings

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


application = group("Hold root e-mail addresses to rules, attest and change them.")
add(application, list_emails, "list")
add(application, attest_email, "attest")
add(application, change_email, "change")
