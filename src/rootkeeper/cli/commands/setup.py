"""``rootkeeper status``, ``rootkeeper enable`` and ``rootkeeper disable``."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from rootkeeper.cli.changes import ChangeOptions, Confirmation, begin_change, warn_overdue, warn_wrong_clock
from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.options import FailOnOptions
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OutputFormat, option
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.organization.accounts import Feature, parse_account_id
from rootkeeper.organization.statuses import FailOn, count_root_logins_left

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
_FEATURES = {FeatureName.CREDENTIALS: Feature.ROOT_CREDENTIALS_MANAGEMENT, FeatureName.SESSIONS: Feature.ROOT_SESSIONS}


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

    Changes: enables trusted access for IAM, then the features, then registers the delegated administrator; skips steps
    already done. Root user credentials don't change.

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
    from rootkeeper.setup.service import SetupDisabler

    output = invocation.choose_output(*LIST_OUTPUTS)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        setup_disabler = SetupDisabler(application, progress)
        plan = setup_disabler.plan(to_features(feature), trusted_access=trusted_access)
        done = run_change(plan, setup_disabler.apply, confirmation, change, output, invocation.terminal)
    return ExitStatus.GOOD if done else ExitStatus.INCOMPLETE


application = command(enable)
disable_application = command(disable)


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
    which other accounts need rules that this caller can't read.

    For --fail-on, each line with ✗ counts as "present": a missing part, drift, and Regions without the rule. Each line
    with ? counts as "unknown": a part, drift or a rule that can't be read or compared. Root logins left to secure count
    for rootkeeper audit.

    Through a server (--server) it shows your name, role and permissions on the server, and the server's organization.

    Changes: nothing in AWS; opens no root session. With --accept, stores the set-up in the database and the ledger;
    --yes and --dry-run belong to --accept.

    AWS permissions: organizations:DescribeOrganization, organizations:ListAWSServiceAccessForOrganization,
    organizations:ListDelegatedAdministrators, iam:ListOrganizationsFeatures. sts:GetCallerIdentity needs none. For
    guardrails organizations:ListRoots, organizations:ListPolicies, organizations:ListTargetsForPolicy,
    organizations:DescribePolicy. For the rules account:ListRegions and events:DescribeRule.

    Exit statuses: 0 the set-up is complete, watched and as accepted; 1 a line with ✗ or ? is shown, which --fail-on
    names; 2 wrong usage or not confirmed; 3 AWS, or with --accept the ledger, refused or can't be reached.
    """
    if invocation.server_address is not None:
        from rootkeeper.cli.rendering.identities import show_membership

        if accept or fail_on.fail_on or change.yes or change.dry_run:
            raise InputError(
                "Through a server, status only shows who you are on it.", hint="Leave out the other options."
            )
        output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
        server = invocation.open_server()
        show_membership(server.connection.url, server.read_membership(), output, invocation.terminal)
        return ExitStatus.GOOD
    output = invocation.choose_output(*LIST_OUTPUTS)
    findings = fail_on.to_set()
    if accept:
        return _accept(invocation, change, output)
    if change.yes or change.dry_run:
        raise InputError("--yes and --dry-run belong to --accept.", hint="Add --accept, or leave them out.")
    from rootkeeper.cli.rendering.setups import show_report
    from rootkeeper.setup.drift import describe_unreadable
    from rootkeeper.watching.coverage import RuleCoverageReader

    with invocation.open_application() as application:
        report = application.read_setup()
        left = count_root_logins_left(())
        try:
            reading = application.drift_reader
            left = count_root_logins_left(application.list_stored_statuses())
        except DatabaseError as error:  # a database that can't be read doesn't prevent the set-up from being shown
            drift, is_reopened = describe_unreadable(error), False
        else:
            drift = reading.compare(report.setup)
            is_reopened = any(window.is_reopened for window in application.windows.list_windows(unfinished_only=True))
        coverage = RuleCoverageReader(application.aws).read(report)
        warn_overdue(application, invocation.terminal)
        warn_wrong_clock(application, invocation.terminal)
    show_report(report, left, drift, coverage, output, invocation.terminal)
    rule_is_missing = coverage is not None and coverage.uncovered
    rule_is_unknown = coverage is not None and coverage.unknown
    is_bad = FailOn.PRESENT in findings and (report.missing or drift.differences or rule_is_missing or is_reopened)
    is_unknown = FailOn.UNKNOWN in findings and (report.setup.unknown or drift.unknown or rule_is_unknown)
    return ExitStatus.BAD if is_bad or is_unknown else ExitStatus.GOOD


def _accept(invocation: Invocation, change: ChangeOptions, output: OutputFormat) -> int:
    from rootkeeper.cli.rendering.setups import accepted_lines, show_accepted
    from rootkeeper.setup.drift import SetupAcceptance
    from rootkeeper.watching.coverage import RuleCoverageReader

    with invocation.open_application() as application:
        progress = open_progress(invocation.terminal)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        report = application.read_setup()
        state = application.drift_reader.read_state(report.setup)
        statement = ["Accept this set-up:", *accepted_lines(state)]
        if not confirmation.confirm(statement):
            return ExitStatus.GOOD
        accepted = SetupAcceptance(application).accept(state)
        left = count_root_logins_left(application.list_stored_statuses())
        coverage = RuleCoverageReader(application.aws).read(report)
        show_accepted(report, left, coverage, accepted, output, invocation.terminal)
    return ExitStatus.GOOD


status_application = command(status)
