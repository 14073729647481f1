"""``rootkeeper status``."""

from __future__ import annotations

from typing import Annotated

from rootkeeper.cli.changes import ChangeOptions, begin_change, warn_overdue
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.options import FailOnOptions
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OutputFormat, option
from rootkeeper.cli.progress import open_progress
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.organization.headline import count_root_logins_left
from rootkeeper.organization.statuses import FailOn


@through_server
def status(
    invocation: Invocation,
    fail_on: FailOnOptions,
    change: ChangeOptions,
    *,
    accept: Annotated[
        bool, option("--accept", "Accept the set-up as it is; later drift is measured against it.")
    ] = False,
) -> int:
    """Show the set-up of root access management, and its drift.

    Shows the caller, the organization, trusted access for IAM, both features and the delegated administrators, and for
    each missing part the command that adds it. Also shows how many root logins are left to secure, by the last reading
    of each account. If a set-up was accepted, it shows every difference from it with the possible causes: of these
    parts, and of the guardrails, which are the organization's own service control and resource control policies with
    their content and attachments.

    It also shows in which enabled Regions of the caller's account the rule rootkeeper-strange-caller doesn't watch, and
    which other accounts need rules that this caller can't read. That never changes the exit status.

    For --fail-on, a missing part and drift count as "present"; a part that can't be read or compared counts as
    "unknown".

    Through a server (--server) it shows your name, role and permissions on the server, and the server's organization.

    Changes: nothing in AWS; opens no root session. With --accept, stores the set-up in the database and the ledger;
    --yes and --dry-run belong to --accept.

    AWS permissions: organizations:DescribeOrganization, organizations:ListAWSServiceAccessForOrganization,
    organizations:ListDelegatedAdministrators, iam:ListOrganizationsFeatures. sts:GetCallerIdentity needs none. For
    guardrails organizations:ListRoots, organizations:ListPolicies, organizations:ListTargetsForPolicy,
    organizations:DescribePolicy. For the rules account:ListRegions and events:DescribeRule.

    Exit statuses: 0 the set-up is complete and as accepted; 1 a part is missing, unknown or has drifted; 2 wrong usage
    or not confirmed; 3 AWS, or with --accept the ledger, refused or can't be reached.
    """
    from rootkeeper.cli.rendering.identities import show_membership
    from rootkeeper.cli.rendering.setups import show_report
    from rootkeeper.setup.drift import describe_unreadable

    if invocation.server_address is not None:
        if accept or fail_on.fail_on or change.yes or change.dry_run:
            raise InputError(
                "Through a server, status only shows who you are on it.", hint="Leave out the other options."
            )
        output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
        server = invocation.open_server()
        show_membership(server.url, server.read_membership(), output, invocation.terminal)
        return ExitStatus.GOOD
    output = invocation.choose_output(*LIST_OUTPUTS)
    findings = fail_on.to_set()
    if accept:
        return _accept(invocation, change, output)
    if change.yes or change.dry_run:
        raise InputError("--yes and --dry-run belong to --accept.", hint="Add --accept, or leave them out.")
    with invocation.open_application() as application:
        report = application.read_setup()
        left = count_root_logins_left(())
        try:
            reading = application.drift_reader
            left = count_root_logins_left(application.list_stored_statuses())
        except DatabaseError as error:  # a database that can't be read doesn't prevent the set-up from being shown
            drift = describe_unreadable(error)
        else:
            drift = reading.compare(report.setup)
        coverage = application.rule_coverage_reader.read(report)
        warn_overdue(application, invocation.terminal)
    show_report(report, left, drift, coverage, output, invocation.terminal)
    is_bad = FailOn.PRESENT in findings and (report.missing or drift.differences)
    is_unknown = FailOn.UNKNOWN in findings and (report.setup.unknown or drift.unknown)
    return ExitStatus.BAD if is_bad or is_unknown else ExitStatus.GOOD


def _accept(invocation: Invocation, change: ChangeOptions, output: OutputFormat) -> int:
    from rootkeeper.cli.rendering.setups import accepted_lines, show_accepted

    with invocation.open_application() as application:
        progress = open_progress(invocation.terminal)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        report = application.read_setup()
        state = application.drift_reader.read_state(report.setup)
        statement = ["Accept this set-up:", *accepted_lines(state)]
        if not confirmation.confirm(statement):
            return ExitStatus.GOOD
        accepted = application.setup_acceptance.accept(state)
        left = count_root_logins_left(application.list_stored_statuses())
        coverage = application.rule_coverage_reader.read(report)
        show_accepted(report, left, coverage, accepted, output, invocation.terminal)
    return ExitStatus.GOOD


application = single(status)
