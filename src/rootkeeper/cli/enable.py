"""``rootkeeper enable``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat, single
from rootkeeper.domain.organizations import parse_account_id
from rootkeeper.domain.setup import Feature


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
    from rootkeeper.cli.setup_changes import run_change

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
