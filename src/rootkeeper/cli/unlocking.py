"""What ``unlock s3`` and ``unlock sqs`` do, for either kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions, Confirmation
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.housekeeping import name_overdue
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.unlock_options import UnlockOptions
from rootkeeper.domain.ledger import Result
from rootkeeper.domain.resource_policies.changes import ChangeKind
from rootkeeper.domain.resource_policies.lockouts import Verdict
from rootkeeper.domain.resource_policies.resources import ResourceKind, ensure_resource_name
from rootkeeper.domain.resource_policies.targets import ensure_unlockable
from rootkeeper.domain.selection import NamedAccount, find_account

if TYPE_CHECKING:
    from rootkeeper.bootstrap import Application
    from rootkeeper.domain.organizations import Account
    from rootkeeper.ports.progress import Progress
    from rootkeeper.workflows.blocking import BlockNaming
    from rootkeeper.workflows.unlock_planning import ChangeRequest

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
    from rootkeeper.cli.progress import open_progress

    wanted = options.choose_change(name)
    if name is not None:
        ensure_resource_name(kind, name)
    text = options.read_file()
    output = invocation.choose_output(*(_LIST_OUTPUTS if name is None else _ONE_OUTPUTS))
    asked_regions = tuple(region.strip() for region in (regions or "").split(",") if region.strip())
    if (server := invocation.find_server()) is not None:
        from rootkeeper.cli.on_server import unlock as on_server
        from rootkeeper.domain.job_requests import UnlockRequest

        wish = UnlockRequest(account, kind, name, wanted, asked_regions, options.included_failsafes)
        return on_server.unlock(invocation, server, change, on_server.UnlockErrand(wish, text, output))
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        if name is None or wanted is None:
            name_overdue(application, invocation.terminal)
            target, naming = _find_target(application, account, options, progress)
            if change.dry_run:
                return _tell(invocation, _describe_dry_reading(kind, target, name))
            with naming.naming(target, kind.task_policy):
                return _show(invocation, application, target, kind, name, asked_regions, output, progress)
        confirmation = begin_change(invocation, application, change, output, progress)
        target, naming = _find_target(application, account, options, progress)
        request = _make_request(target, kind, name, wanted, asked_regions, text, options)
        if change.dry_run:
            application.unlock_planning.check(request)
            confirmation.show_context()
            return _tell(invocation, _describe_dry_run(request, application))
        with naming.naming(target, kind.task_policy):
            return _change(invocation, application, confirmation, request, output, progress)


def _tell(invocation: Invocation, lines: Sequence[str]) -> int:
    for line in lines:
        invocation.terminal.remark(line)
    return ExitStatus.GOOD


def _find_target(
    application: Application, account: str, options: UnlockOptions, progress: Progress
) -> tuple[Account, BlockNaming]:
    """The account, and what names the policy that blocks in it."""
    inventory = application.inventory_reading.read(progress)
    progress.finish()
    target = find_account(NamedAccount(account), inventory.accounts)
    ensure_unlockable(target, inventory, options.included_failsafes)
    return target, application.block_naming(inventory)


def _show(
    invocation: Invocation,
    application: Application,
    target: Account,
    kind: ResourceKind,
    name: str | None,
    regions: tuple[str, ...],
    output: OutputFormat,
    progress: Progress,
) -> int:
    from rootkeeper.cli.rendering.unlocks import show_listing_of_resources, show_standing

    reading = application.unlock_reading
    organization_id = application.organization.organization_id
    if name is None:
        listing = reading.list_all(target, kind, regions, progress)
        progress.finish()
        show_listing_of_resources(listing, organization_id, output, invocation.terminal)
        return ExitStatus.BAD if listing.has_unknown else ExitStatus.GOOD
    standing = reading.show_one(target, kind, name, regions, progress)
    progress.finish()
    show_standing(standing, organization_id, output, invocation.terminal)
    return ExitStatus.BAD if standing.lockout.verdict is Verdict.UNKNOWN else ExitStatus.GOOD


def _make_request(
    target: Account,
    kind: ResourceKind,
    name: str,
    wanted: ChangeKind,
    regions: tuple[str, ...],
    text: str | None,
    options: UnlockOptions,
) -> ChangeRequest:
    from rootkeeper.workflows.unlock_planning import ChangeRequest

    return ChangeRequest(target, kind, name, wanted, regions, text, str(options.file or ""))


def _describe_dry_run(request: ChangeRequest, application: Application) -> list[str]:
    kind, account = request.kind, request.account
    folder = application.settings.unlock.saved_policies
    deeds = {
        ChangeKind.CORRECTED: "take the statements that lock everyone out out of it",
        ChangeKind.REMOVE: "remove it",
        ChangeKind.REPLACE: f"put the policy in {request.source} in its place",
        ChangeKind.RESTORE: f"put the saved copy {request.source} back",
    }
    task = f"with the task {kind.task_policy.value}"
    return [
        f"Open a root session on account {account.account_id} ({account.name}) {task}.",
        f"Save the policy of {kind.noun} {request.name} to {folder}, and {deeds[request.change]}.",
        *_tell_how_to_see(kind, account, request.name),
    ]


def _describe_dry_reading(kind: ResourceKind, account: Account, name: str | None) -> list[str]:
    what = f"{kind.noun} {name}" if name else f"every {kind.noun}"
    task = f"with the task {kind.task_policy.value}"
    return [
        f"Open a root session on account {account.account_id} ({account.name}) {task}, and read the policy of {what}.",
        "Nothing is changed by that, and nothing is by leaving out --dry-run.",
    ]


def _tell_how_to_see(kind: ResourceKind, account: Account, name: str) -> list[str]:
    command = f"rootkeeper unlock {kind.value} {account.account_id} {name}"
    return [f"A dry run opens no root session, so it doesn't read the policy. To see it: {command}"]


def _change(
    invocation: Invocation,
    application: Application,
    confirmation: Confirmation,
    request: ChangeRequest,
    output: OutputFormat,
    progress: Progress,
) -> int:
    from rootkeeper.cli.rendering.unlocks import show_outcome, show_unneeded
    from rootkeeper.workflows.unlock_planning import describe_plan

    terminal, organization_id = invocation.terminal, application.organization.organization_id
    plan = application.unlock_planning.plan(request, progress)
    progress.finish()
    if plan.obstacle is not None:
        show_unneeded(plan, organization_id, output, terminal)
        return ExitStatus.GOOD
    confirmation.ensure(describe_plan(plan, str(application.settings.unlock.saved_policies)))
    outcome = application.unlock_run.apply(plan, progress)
    show_outcome(outcome, organization_id, output, terminal)
    return ExitStatus.GOOD if outcome.result is Result.DONE else ExitStatus.INCOMPLETE
