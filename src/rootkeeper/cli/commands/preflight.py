"""``rootkeeper preflight``."""

from __future__ import annotations

from dataclasses import replace

from rootkeeper.cli.invocation import Invocation, gives_findings, single, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import PaceOptions, SelectionOptions
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.guardrails.rules import has_blocked


@gives_findings
@through_server
def preflight(invocation: Invocation, selection: SelectionOptions, pace: PaceOptions) -> int:
    """Show which tasks SCPs and RCPs would block.

    Reads each service control policy and resource control policy with its attachments. Evaluates for every ACTIVE
    member account: the five task policies, a root user who signs in directly (RootUserSignIn), and AssumeRoot by a
    caller in a delegated administrator account. A verdict is allowed, blocked, depends (on a condition that isn't known
    beforehand) or unknown (something couldn't be read). For each block it names the policy and the statement, and shows
    the smallest change that fixes it.

    Changes: nothing. Opens no root session.

    AWS permissions: organizations:DescribeOrganization, organizations:ListAccounts, organizations:ListRoots,
    organizations:ListOrganizationalUnitsForParent, organizations:ListAccountsForParent,
    organizations:ListDelegatedAdministrators, organizations:ListAWSServiceAccessForOrganization,
    organizations:ListPolicies, organizations:ListTargetsForPolicy, organizations:DescribePolicy,
    organizations:ListPoliciesForTarget (only faster, for a few accounts of a large organization),
    organizations:ListTagsForResource (only with --tag); iam:ListOrganizationsFeatures.

    Exit statuses: 0 nothing is blocked or unknown; 1 something is; 2 wrong usage; 3 AWS refused or can't be reached.
    """
    from rootkeeper.cli.rendering.listings import show_output
    from rootkeeper.cli.rendering.preflights import show_preflight
    from rootkeeper.findings.sources import list_preflight_findings

    output = invocation.choose_output_or_findings(
        OutputFormat.TABLE, OutputFormat.TREE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV
    )
    request = selection.to_request()
    if request.is_empty:
        request = replace(request, everything=True)
    with open_operator(invocation, api_share=pace.api_share) as operator:
        operator.warn_overdue()
        report = operator.preflight(request)
    show_output(report, output, invocation.terminal, show_preflight, list_preflight_findings)
    return ExitStatus.BAD if has_blocked(report.rows) else ExitStatus.GOOD


application = single(preflight)
