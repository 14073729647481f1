"""``rootkeeper audit``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.fail_on import FailOnOptions
from rootkeeper.cli.housekeeping import name_overdue
from rootkeeper.cli.invocation import Invocation, OutputFormat, single
from rootkeeper.cli.selection_options import SelectionOptions
from rootkeeper.domain.statuses import has_findings


def audit(
    invocation: Invocation,
    selection: SelectionOptions,
    fail_on: FailOnOptions,
    *,
    details: Annotated[
        bool, typer.Option("--details", help="Read the credentials one by one, with their ages and last use.")
    ] = False,
) -> int:
    """Show which accounts have root user credentials.

    Opens a root session in each ACTIVE member account that can only read, and asks for the account's summary: two
    calls per account. Without a selection the whole organization is read. The tree ends with the number of root logins
    that are left to secure.

    Changes: nothing in AWS. Each account records two events in CloudTrail, which alarms on root activity may see.

    AWS permissions: sts:AssumeRoot with the task policy IAMAuditRootUserCredentials;
    organizations:DescribeOrganization,
    organizations:ListAccounts, organizations:ListRoots, organizations:ListOrganizationalUnitsForParent,
    organizations:ListAccountsForParent, organizations:ListDelegatedAdministrators,
    organizations:ListAWSServiceAccessForOrganization, organizations:ListTagsForResource (only with --tag);
    iam:ListOrganizationsFeatures, and iam:GetAccountSummary for the management account's own root user.

    Exit statuses: 0 no findings; 1 findings as --fail-on says; 2 wrong usage; 3 AWS or the ledger refused, or AWS can't
    be reached.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.audits import show_audit

    output = invocation.choose_output(
        OutputFormat.TREE, OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV
    )
    findings = fail_on.to_set()
    request = selection.to_request()
    if request.is_empty:
        request = replace(request, everything=True)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        name_overdue(application, invocation.terminal)
        report = application.audit.run(progress, request, details=details)
    progress.finish()
    show_audit(report, output, invocation.terminal, details=details)
    return ExitStatus.BAD if has_findings(report.accounts, findings) else ExitStatus.GOOD


application = single(audit)
