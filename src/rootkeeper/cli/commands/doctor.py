"""``rootkeeper doctor``."""

from __future__ import annotations

from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.options import FailOnOptions
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus


def doctor(invocation: Invocation, fail_on: FailOnOptions) -> int:
    """Check whether this machine is ready to work: one line for each check, with the fix.

    Checks the installation, the settings, the AWS credentials and how long they last, the clock, the Region, the
    endpoint, the organization, the permissions for each kind of work, the database and the ledger. Works when nothing
    is configured yet.

    Permissions are simulated by IAM, which makes none of the calls. AWS simulates identity policies, permissions
    boundaries and service control policies; it doesn't know session policies. If the caller isn't allowed to simulate,
    they are unknown. With the settings aws.roles, the permissions of these roles are simulated.

    Through a server (--server) it checks that the server answers, whether it is ready, and who you are on it.

    For --fail-on, a problem counts as "present"; a check that couldn't be made counts as "unknown".

    Changes: nothing.

    AWS permissions: iam:SimulatePrincipalPolicy and, for a role, iam:GetRole; organizations:DescribeOrganization,
    organizations:ListDelegatedAdministrators, organizations:ListAccounts. sts:GetCallerIdentity needs none.

    Exit statuses: 0 no findings; 1 findings that --fail-on names; 2 wrong usage.
    """
    from rootkeeper.cli.rendering.checks import show_checks
    from rootkeeper.clock import SystemClock
    from rootkeeper.doctor.rules import has_findings
    from rootkeeper.doctor.service import Doctor, check_own_installation, check_server

    output = invocation.choose_output(*LIST_OUTPUTS)
    findings = fail_on.to_set()
    options, address = invocation.options, invocation.server_address
    here = Doctor(options.config, options.organization, options.profile, options.region, SystemClock())
    checks = [
        *(here.run() if address is None else [check_own_installation()]),
        *check_server(address, invocation.open_server),
    ]
    show_checks(checks, output, invocation.terminal)
    return ExitStatus.BAD if has_findings(checks, findings) else ExitStatus.GOOD


application = command(doctor)
