"""``rootkeeper breakglass``."""

from __future__ import annotations

from rootkeeper.cli.changes import warn_overdue
from rootkeeper.cli.invocation import Invocation, single
from rootkeeper.cli.options import FailOnOptions
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.failsafe.rules import has_bad_checks


def breakglass(invocation: Invocation, fail_on: FailOnOptions) -> int:
    """Show who could open root today, and the way in when Identity Center is down.

    Lists everybody whose policies let root sessions be opened, per task: IAM users and roles of the management account
    and of each failsafe, and permission sets of IAM Identity Center with who holds them. Says whether a way in is left
    without Identity Center, and when it was last tried. IAM tells a caller of its own account alone: run this once in
    the management account and once in each failsafe; a line that this caller can't read says who could. A check that
    fails counts as "present" for --fail-on. JSON Lines and CSV hold the checks, JSON the list of people too.

    Changes: nothing in AWS but the management account's credential report, which iam:GenerateCredentialReport makes
    where there is none of the last four hours. Opens a root session in each failsafe that can only read.

    AWS permissions: those of rootkeeper failsafe check; iam:GetAccountAuthorizationDetails, iam:GetPolicy,
    iam:GetPolicyVersion, iam:GetLoginProfile, iam:ListAccessKeys, iam:ListMFADevices, iam:GetAccountSummary,
    iam:GenerateCredentialReport, iam:GetCredentialReport; sso:List*, sso:Describe*, sso:Get*;
    identitystore:DescribeUser, identitystore:DescribeGroup, identitystore:ListGroupMemberships.

    Exit statuses: 0 all good; 1 a check fails or is unknown, as --fail-on says; 2 wrong usage; 3 AWS or the ledger
    refused, or AWS can't be reached.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.failsafes import show_breakglass

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    findings = fail_on.to_set()
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        report = application.breakglass_reading.read(progress)
    progress.finish()
    show_breakglass(report, output, invocation.terminal)
    return ExitStatus.BAD if has_bad_checks(report.checks, findings) else ExitStatus.GOOD


application = single(breakglass)
