"""rootkeeper enable and rootkeeper disable.

Showing, confirming and doing a change of the set-up: the same for ``enable`` and ``disable``.

``rootkeeper enable``.

``rootkeeper disable``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from rootkeeper.cli.changes import ChangeOptions, Confirmation, begin_change
from rootkeeper.cli.invocation import Invocation, single
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.setups import plan_lines, show_change, show_plan
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import Feature, parse_account_id
from rootkeeper.setup.service import SetupChange, SetupPlan


def run_change(
    plan: SetupPlan,
    apply: Callable[[SetupPlan], SetupChange],
    confirmation: Confirmation,
    options: ChangeOptions,
    output: OutputFormat,
    terminal: Terminal,
) -> bool:
    """Whether what was asked for is so; a dry run shows the plan and is always fine."""
    if options.dry_run:
        confirmation.show_context()
        show_plan(plan, output, terminal)
        return True
    if plan.steps:
        confirmation.require_consent(["This will be done:", *plan_lines(plan)])
    else:
        confirmation.show_context()
    change = apply(plan)
    show_change(change, output, terminal)
    return change.is_proven


class FeatureName(StrEnum):
    """The features as ``--feature`` names them."""

    CREDENTIALS = "credentials"
    SESSIONS = "sessions"


FeatureOption = Annotated[
    list[FeatureName] | None,
    typer.Option("--feature", help="Only this feature; may be repeated. Default: both.", show_default=False),
]


_FEATURES = {
    FeatureName.CREDENTIALS: Feature.ROOT_CREDENTIALS_MANAGEMENT,
    FeatureName.SESSIONS: Feature.ROOT_SESSIONS,
}


def to_features(names: list[FeatureName] | None) -> frozenset[Feature]:
    """The features meant; both if none is named."""
    return frozenset(_FEATURES[name] for name in names or FeatureName)


def enable(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    feature: FeatureOption = None,
    delegated_administrator: Annotated[
        str | None,
        typer.Option("--delegated-administrator", metavar="ID", help="Register this account too; it is the failsafe."),
    ] = None,
) -> int:
    """Switch root access management on.

    Changes: trusted access for IAM, then the features, then the delegated administrator; only what isn't so already.
    No root user credentials are touched.

    AWS permissions: in the management account, organizations:EnableAWSServiceAccess,
    iam:EnableOrganizationsRootCredentialsManagement, iam:EnableOrganizationsRootSessions,
    organizations:RegisterDelegatedAdministrator, organizations:DescribeAccount, and those of rootkeeper status.

    Exit statuses: 0 everything asked for is on, as a re-read shows; 2 wrong usage or not confirmed; 3 AWS or the ledger
    refused, or AWS can't be reached; 4 a change failed or isn't proven.
    """
    from rootkeeper.cli.progress import open_progress

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    delegate = parse_account_id(delegated_administrator) if delegated_administrator else None
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        setup_enabler = application.setup_enabler(progress)
        plan = setup_enabler.plan(to_features(feature), delegate)
        done = run_change(plan, setup_enabler.apply, confirmation, change, output, invocation.terminal)
    return ExitStatus.GOOD if done else ExitStatus.INCOMPLETE


application = single(enable)


def disable(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    feature: FeatureOption = None,
    trusted_access: Annotated[
        bool,
        typer.Option("--trusted-access", help="Also deregister the delegated administrators and end trusted access."),
    ] = False,
) -> int:
    """Switch root access management off.

    Refuses while a recovery window is open, since it couldn't be closed any more.

    Changes: the features, and with --trusted-access the delegated administrators and trusted access for IAM.
    Credentials that were deleted stay deleted.

    AWS permissions: iam:DisableOrganizationsRootCredentialsManagement, iam:DisableOrganizationsRootSessions, and in the
    management account organizations:DeregisterDelegatedAdministrator and organizations:DisableAWSServiceAccess.

    Exit statuses: 0 everything asked for is off, as a re-read shows; 2 wrong usage, not confirmed, or a window is open;
    3 AWS or the ledger refused, or AWS can't be reached; 4 a change failed or isn't proven.
    """
    from rootkeeper.cli.progress import open_progress

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        setup_disabler = application.setup_disabler(progress)
        plan = setup_disabler.plan(to_features(feature), trusted_access=trusted_access)
        done = run_change(plan, setup_disabler.apply, confirmation, change, output, invocation.terminal)
    return ExitStatus.GOOD if done else ExitStatus.INCOMPLETE


disable_application = single(disable)
