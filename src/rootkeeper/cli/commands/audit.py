"""rootkeeper audit.

``rootkeeper audit``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from rootkeeper.cli.auditing import AUDIT_OUTPUTS
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import FailOnOptions, PaceOptions, SelectionOptions


@through_server
def audit(
    invocation: Invocation,
    selection: SelectionOptions,
    fail_on: FailOnOptions,
    pace: PaceOptions,
    *,
    details: Annotated[
        bool, typer.Option("--details", help="Read the credentials one by one, with their ages and last use.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Wait for a complete listing of the accounts, names of units included.")
    ] = False,
) -> int:
    """Show which accounts have root user credentials.

    Opens a root session in each ACTIVE member account that can only read, and asks for the account's summary: two
    calls per account. Without a selection the whole organization is read. The tree ends with the number of root logins
    that are left to secure.

    Accounts that are known from before are read at once, while they are listed anew; where reading ends first, the age
    of the list is told. With -o jsonl each account leaves as soon as it is read. Ctrl-C once finishes what is in flight
    and leaves a job that rootkeeper jobs resume goes on with; twice stops now.

    Once a set-up was accepted (rootkeeper status --accept), every difference from it is told beside the answer, with
    what could have changed it. Guardrails are read meanwhile: an audit that is done waits ten seconds for them at most.
    Drift doesn't change the exit status; that of rootkeeper status does.

    Changes: nothing in AWS. Each account records two events in CloudTrail, which alarms on root activity may see.

    AWS permissions: sts:AssumeRoot with the task policy IAMAuditRootUserCredentials;
    organizations:DescribeOrganization,
    organizations:ListAccounts, organizations:ListRoots, organizations:ListOrganizationalUnitsForParent,
    organizations:ListAccountsForParent, organizations:ListDelegatedAdministrators,
    organizations:ListTagsForResource (only with --tag);
    iam:ListOrganizationsFeatures, and iam:GetAccountSummary for the management account's own root user. Once a
    set-up was accepted, and where a policy blocks that AWS doesn't name: organizations:ListPolicies,
    organizations:ListTargetsForPolicy, organizations:DescribePolicy.

    Exit statuses: 0 no findings; 1 findings as --fail-on says; 2 wrong usage; 3 AWS or the ledger refused, or AWS can't
    be reached.
    """
    from rootkeeper.audit.rules import AuditRequest
    from rootkeeper.cli.auditing import run_audit

    output = invocation.choose_output(*AUDIT_OUTPUTS)
    findings = fail_on.to_set()
    chosen = selection.to_request()
    if chosen.is_empty:
        chosen = replace(chosen, everything=True)
    request = AuditRequest(chosen, details, refresh, findings)
    with open_operator(invocation, api_share=pace.api_share) as operator:
        operator.warn_overdue()
        return run_audit(
            lambda stop, emit: operator.audit(request, stop, emit),
            output,
            invocation.terminal,
            findings,
            details=details,
        )


application = single(audit)
