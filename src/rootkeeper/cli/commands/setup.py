"""``rootkeeper enable`` and ``rootkeeper disable``."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from rootkeeper.cli.changes import ChangeOptions, Confirmation, begin_change
from rootkeeper.cli.invocation import Invocation, single
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OutputFormat, option
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import Feature, parse_account_id

if TYPE_CHECKING:
    from rootkeeper.setup.service import SetupChange, SetupPlan


def run_change(
    plan: SetupPlan,
    apply: Callable[[SetupPlan], SetupChange],
    confirmation: Confirmation,
    options: ChangeOptions,
    output: OutputFormat,
    terminal: Terminal,
) -> bool:
    """Show the plan, ask and apply it; return whether the result is proven. A dry run only shows the plan."""
    from rootkeeper.cli.rendering.setups import plan_lines, show_change, show_plan

    if options.dry_run:
        confirmation.show_context()
        show_plan(plan, output, terminal)
        return True
    if plan.steps:
        confirmation.confirm(["Changes:", *plan_lines(plan)])
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
    list[FeatureName] | None, option("--feature", "Only this feature; repeatable. Default: both.")
]
_FEATURES = {
    FeatureName.CREDENTIALS: Feature.ROOT_CREDENTIALS_MANAGEMENT,
    FeatureName.SESSIONS: Feature.ROOT_SESSIONS,
}


def to_features(names: list[FeatureName] | None) -> frozenset[Feature]:
    """Map the names to features; both if none is named."""
    return frozenset(_FEATURES[name] for name in names or FeatureName)


def enable(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    feature: FeatureOption = None,
    delegated_administrator: Annotated[
        str | None, option("--delegated-administrator ID", "Also register this account, the failsafe.")
    ] = None,
) -> int:
    """Enable root access management.

    Changes: enables trusted access for IAM, then the features, then registers the delegated administrator; only what
    isn't done yet. Root user credentials don't change.

    AWS permissions: in the management account, organizations:EnableAWSServiceAccess,
    iam:EnableOrganizationsRootCredentialsManagement, iam:EnableOrganizationsRootSessions,
    organizations:RegisterDelegatedAdministrator, organizations:DescribeAccount, and those of rootkeeper status.

    Exit statuses: 0 everything requested is on, as a re-read shows; 2 wrong usage or not confirmed; 3 AWS or the ledger
    refused, or AWS can't be reached; 4 a change failed or isn't proven.
    """
    output = invocation.choose_output(*LIST_OUTPUTS)
    delegate = parse_account_id(delegated_administrator) if delegated_administrator else None
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        setup_enabler = application.setup_enabler(progress)
        plan = setup_enabler.plan(to_features(feature), delegate)
        done = run_change(plan, setup_enabler.apply, confirmation, change, output, invocation.terminal)
    return ExitStatus.GOOD if done else ExitStatus.INCOMPLETE


def disable(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    feature: FeatureOption = None,
    trusted_access: Annotated[
        bool, option("--trusted-access", "Also deregister the delegated administrators and disable trusted access.")
    ] = False,
) -> int:
    """Disable root access management.

    Refuses while a recovery window is open, because the window couldn't be closed any more.

    Changes: disables the features; with --trusted-access also deregisters the delegated administrators and disables
    trusted access for IAM. Deleted credentials stay deleted.

    AWS permissions: iam:DisableOrganizationsRootCredentialsManagement, iam:DisableOrganizationsRootSessions, and in the
    management account organizations:DeregisterDelegatedAdministrator and organizations:DisableAWSServiceAccess.

    Exit statuses: 0 everything requested is off, as a re-read shows; 2 wrong usage, not confirmed, or a window is open;
    3 AWS or the ledger refused, or AWS can't be reached; 4 a change failed or isn't proven.
    """
    output = invocation.choose_output(*LIST_OUTPUTS)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        setup_disabler = application.setup_disabler(progress)
        plan = setup_disabler.plan(to_features(feature), trusted_access=trusted_access)
        done = run_change(plan, setup_disabler.apply, confirmation, change, output, invocation.terminal)
    return ExitStatus.GOOD if done else ExitStatus.INCOMPLETE


application = single(enable)
disable_application = single(disable)
