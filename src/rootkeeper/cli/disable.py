"""``rootkeeper disable``."""

from __future__ import annotations

from typing import Annotated

import typer

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.enable import FeatureOption, to_features
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat, single


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
    from rootkeeper.cli.setup_changes import run_change

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        setup_disabler = application.setup_disabler(progress)
        plan = setup_disabler.plan(to_features(feature), trusted_access=trusted_access)
        done = run_change(plan, setup_disabler.apply, confirmation, change, output, invocation.terminal)
    return ExitStatus.GOOD if done else ExitStatus.INCOMPLETE


application = single(disable)
