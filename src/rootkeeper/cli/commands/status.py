"""``rootkeeper status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changes import ChangeOptions, begin_change, warn_overdue
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.options import FailOnOptions
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.organization.statuses import FailOn

if TYPE_CHECKING:
    from rootkeeper.composition.application import Application
    from rootkeeper.setup.rules import SetupDrift
    from rootkeeper.setup.service import SetupReport


@through_server
def status(
    invocation: Invocation,
    fail_on: FailOnOptions,
    change: ChangeOptions,
    *,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept the set-up as it is: drift is judged by it from now on.")
    ] = False,
) -> int:
    """Show whether root access management is set up, and as you accepted it.

    Shows the caller, the organization, trusted access for IAM, both features and the delegated administrators; for
    each missing part the command that mends it. Once a set-up was accepted, every difference from it is shown with
    what could have changed it: the same parts, and the guardrails, which are the organization's own service control
    and resource control policies with their content and attachments.

    A missing part and drift count as "present" for --fail-on, one that can't be read or compared as "unknown".

    Through a server (--server) it shows who you are there, what your role permits, and of what organization it is.

    Changes: nothing in AWS, and opens no root session. With --accept the set-up is kept in the database and recorded
    in the ledger; --yes and --dry-run belong to it.

    AWS permissions: organizations:DescribeOrganization, organizations:ListAWSServiceAccessForOrganization,
    organizations:ListDelegatedAdministrators, iam:ListOrganizationsFeatures. sts:GetCallerIdentity needs none. For
    guardrails organizations:ListRoots, organizations:ListPolicies, organizations:ListTargetsForPolicy,
    organizations:DescribePolicy.

    Exit statuses: 0 everything is set up, and as it was accepted; 1 something is missing, unknown or has drifted; 2
    wrong usage or not confirmed; 3 AWS, or with --accept the ledger, refused or can't be reached.
    """
    from rootkeeper.cli.rendering.setups import show_report

    if invocation.server_address is not None:
        if accept or fail_on.fail_on or change.yes or change.dry_run:
            raise InputError("Through a server status only shows who you are there.", hint="Leave out other options.")
        return _show_membership(invocation)
    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    findings = fail_on.to_set()
    if accept:
        return _accept(invocation, change, output)
    if change.yes or change.dry_run:
        raise InputError("--yes and --dry-run belong to --accept.", hint="Add --accept, or leave them out.")
    with invocation.open_application() as application:
        report = application.setup_reader.read()
        drift = _compare(application, report)
        warn_overdue(application, invocation.terminal)
    show_report(report, drift, output, invocation.terminal)
    is_bad = FailOn.PRESENT in findings and (report.missing or drift.differences)
    is_unknown = FailOn.UNKNOWN in findings and (report.setup.unknown or drift.unknown)
    return ExitStatus.BAD if is_bad or is_unknown else ExitStatus.GOOD


def _show_membership(invocation: Invocation) -> int:
    """The one question that a server answers differently: who you are there, instead of how AWS is set up."""
    from rootkeeper.cli.rendering.identities import show_membership

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    server = invocation.open_server()
    show_membership(server.url, server.read_membership(), output, invocation.terminal)
    return ExitStatus.GOOD


def _compare(application: Application, report: SetupReport) -> SetupDrift:
    """A database that can't be opened doesn't keep the set-up from being shown."""
    from rootkeeper.setup.drift import describe_unreadable

    try:
        reading = application.drift_reader
    except DatabaseError as error:
        return describe_unreadable(error)
    return reading.compare(report.setup)


def _accept(invocation: Invocation, change: ChangeOptions, output: OutputFormat) -> int:
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.setups import accepted_lines, show_accepted

    with invocation.open_application() as application:
        progress = open_progress(invocation.terminal)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        report = application.setup_reader.read()
        state = application.drift_reader.read_state(report.setup)
        statement = ["This will be accepted as it should be:", *accepted_lines(state)]
        if change.dry_run:
            confirmation.show_context()
            for line in statement:
                invocation.terminal.remark(line)
            return ExitStatus.GOOD
        confirmation.require_consent(statement)
        accepted = application.setup_acceptance.accept(state)
        show_accepted(report, accepted, output, invocation.terminal)
    return ExitStatus.GOOD


application = single(status)
