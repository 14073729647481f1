"""``rootkeeper status``."""

from __future__ import annotations

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.fail_on import FailOnOptions
from rootkeeper.cli.housekeeping import name_overdue
from rootkeeper.cli.invocation import Invocation, OutputFormat, single
from rootkeeper.domain.statuses import FailOn


def status(invocation: Invocation, fail_on: FailOnOptions) -> int:
    """Show whether root access management is set up.

    Shows the caller, the organization, trusted access for IAM, both features and the delegated administrators; for
    each missing part the command that mends it. A missing part counts as "present" for --fail-on, one that can't be
    read as "unknown".

    Changes: nothing. Opens no root session.

    AWS permissions: organizations:DescribeOrganization, organizations:ListAWSServiceAccessForOrganization,
    organizations:ListDelegatedAdministrators, iam:ListOrganizationsFeatures. sts:GetCallerIdentity needs none.

    Exit statuses: 0 everything is set up; 1 something is missing or unknown; 2 wrong usage; 3 AWS refused or can't be
    reached.
    """
    from rootkeeper.cli.rendering.setups import show_report

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    findings = fail_on.to_set()
    with invocation.open_application() as application:
        report = application.setup_reading.read()
        name_overdue(application, invocation.terminal)
    show_report(report, output, invocation.terminal)
    is_bad = (FailOn.PRESENT in findings and report.missing) or (FailOn.UNKNOWN in findings and report.setup.unknown)
    return ExitStatus.BAD if is_bad else ExitStatus.GOOD


application = single(status)
