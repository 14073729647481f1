"""``rootkeeper preflight``."""

from __future__ import annotations

from dataclasses import replace

from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import PaceOptions, SelectionOptions
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.guardrails.rules import has_blocked


@through_server
def preflight(invocation: Invocation, selection: SelectionOptions, pace: PaceOptions) -> int:
    """Show what SCPs and RCPs would block.

    Reads each service control policy and resource control policy once, and where it is attached, and evaluates for
    every ACTIVE member account what the five task policies permit, what a root user could do who signed in by itself
    (RootUserSignIn), and AssumeRoot by a caller in a delegated administrator account. A verdict is allowed, blocked,
    depends (on a condition that can't be known beforehand) or unknown (something couldn't be read). For what is blocked
    it names policy and statement, and shows the smallest change of the policy that mends it.

    Changes: nothing. Opens no root session.

    AWS permissions: organizations:DescribeOrganization, organizations:ListAccounts, organizations:ListRoots,
    organizations:ListOrganizationalUnitsForParent, organizations:ListAccountsForParent,
    organizations:ListDelegatedAdministrators, organizations:ListAWSServiceAccessForOrganization,
    organizations:ListPolicies, organizations:ListTargetsForPolicy, organizations:DescribePolicy,
    organizations:ListPoliciesForTarget (only makes it quicker for a few accounts of a large organization),
    organizations:ListTagsForResource (only with --tag); iam:ListOrganizationsFeatures.

    Exit statuses: 0 nothing is blocked or unknown; 1 something is; 2 wrong usage; 3 AWS refused or can't be reached.
    """
    from rootkeeper.cli.rendering.preflights import show_preflight

    output = invocation.choose_output(
        OutputFormat.TABLE, OutputFormat.TREE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV
    )
    request = selection.to_request()
    if request.is_empty:
        request = replace(request, everything=True)
    with open_operator(invocation, api_share=pace.api_share) as operator:
        operator.warn_overdue()
        report = operator.preflight(request)
    show_preflight(report, output, invocation.terminal)
    return ExitStatus.BAD if has_blocked(report.rows) else ExitStatus.GOOD


application = single(preflight)
