"""What ``unlock s3`` and ``unlock sqs`` do, for either kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rootkeeper.cli.confirmation import ChangeOptions, end_dry_run
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.unlock_options import UnlockOptions
from rootkeeper.domain.access import Permission
from rootkeeper.domain.job_requests import UnlockRequest
from rootkeeper.domain.ledger import Result
from rootkeeper.domain.resource_policies.lockouts import LockoutVerdict
from rootkeeper.domain.resource_policies.resources import ResourceKind, require_resource_name

_LIST_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
_ONE_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)


def unlock(
    invocation: Invocation,
    change: ChangeOptions,
    options: UnlockOptions,
    kind: ResourceKind,
    account: str,
    name: str | None,
    regions: str | None = None,
) -> int:
    """List, show or change; the exit status."""
    from rootkeeper.cli.rendering.unlocks import (
        show_listing_of_resources,
        show_outcome,
        show_resource_policy,
        show_unneeded,
    )

    wanted = options.choose_change(name)
    if name is not None:
        require_resource_name(kind, name)
    policy, terminal = options.read_file(), invocation.terminal
    output = invocation.choose_output(*(_LIST_OUTPUTS if name is None else _ONE_OUTPUTS))
    asked_regions = tuple(region.strip() for region in (regions or "").split(",") if region.strip())
    request = UnlockRequest(account, kind, name, wanted, asked_regions, options.included_failsafes)
    with invocation.open_operator() as operator:
        if wanted is None and not change.dry_run:
            operator.warn_overdue()
            record = operator.open_unlocking(request, policy, str(options.file or "")).read()
            if name is None:
                show_listing_of_resources(record, output, terminal)
            else:
                show_resource_policy(record, output, terminal)
            return ExitStatus.BAD if _has_unknown(record, kind) else ExitStatus.GOOD
        confirmation = operator.begin_change(change, output, Permission.POLICIES_UNLOCK)
        unlocking = operator.open_unlocking(request, policy, str(options.file or ""))
        if change.dry_run:
            return end_dry_run(confirmation, unlocking.describe(), terminal)
        statement, unneeded = unlocking.plan()
        if unneeded is None:
            confirmation.require_consent(statement)
            outcome, found = unlocking.change()
            if outcome["result"] != "unchanged":
                show_outcome(outcome, found, output, terminal)
                return ExitStatus.GOOD if outcome["result"] == Result.DONE else ExitStatus.INCOMPLETE
            unneeded = outcome
        show_unneeded(unneeded, output, terminal)
        return ExitStatus.GOOD


def _has_unknown(record: Mapping[str, Any], kind: ResourceKind) -> bool:
    """Whether a policy, or which there are, couldn't be read."""
    listed = record.get(f"{kind.noun}s", [record])
    return bool(record.get("unknown")) or any(one["verdict"] == LockoutVerdict.UNKNOWN for one in listed)
