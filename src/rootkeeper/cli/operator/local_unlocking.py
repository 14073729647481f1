"""Reads and changes policies of buckets and queues with AWS credentials of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rootkeeper.cli.operator.interface import Unlocking
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.domain.resource_policies.changes import ChangeKind
from rootkeeper.domain.resource_policies.targets import require_unlockable
from rootkeeper.domain.selection import NamedAccount, find_account
from rootkeeper.workflows.unlock_planning import PolicyChangeRequest, describe_plan
from rootkeeper.workflows.unlock_records import (
    listing_to_record,
    outcome_to_record,
    resource_policy_to_record,
    unneeded_to_record,
)

if TYPE_CHECKING:
    from rootkeeper.bootstrap import Application
    from rootkeeper.domain.job_requests import UnlockRequest
    from rootkeeper.domain.organizations import Account
    from rootkeeper.ports.progress import Progress
    from rootkeeper.workflows.blocking import BlockingPolicyFinder
    from rootkeeper.workflows.unlock_planning import UnlockPlan


class LocalUnlocking(Unlocking):
    """One account's bucket or queue, or all of them."""

    def __init__(
        self,
        application: Application,
        progress: Progress,
        account: Account,
        naming: BlockingPolicyFinder,
        request: UnlockRequest,
        policy: str | None,
        source: str,
    ) -> None:
        self._application, self._progress = application, progress
        self._account, self._naming = account, naming
        self._request, self._policy, self._source = request, policy, source
        self._planned: UnlockPlan | None = None

    @property
    def _organization_id(self) -> str:
        return self._application.organization.organization_id

    def describe(self) -> Sequence[str]:
        """:raises InputError: if the change can't be done."""
        kind, account, name = self._request.kind, self._account, self._request.resource
        task = f"with the task {kind.task_policy.value}"
        session = f"Open a root session on account {account.account_id} ({account.name}) {task}"
        if self._request.change is None:
            what = f"{kind.noun} {name}" if name else f"every {kind.noun}"
            return [
                f"{session}, and read the policy of {what}.",
                "That changes nothing, with or without --dry-run.",
            ]
        self._application.unlock_planner.check(self._change_request)
        deeds = {
            ChangeKind.CORRECTED: "take the statements that lock everyone out out of it",
            ChangeKind.REMOVE: "remove it",
            ChangeKind.REPLACE: f"put the policy in {self._source} in its place",
            ChangeKind.RESTORE: f"put the saved copy {self._source} back",
        }
        folder = self._application.settings.unlock.saved_policies
        return [
            f"{session}.",
            f"Save the policy of {kind.noun} {name} to {folder}, and {deeds[self._request.change]}.",
            (
                "A dry run opens no root session, so it doesn't read the policy. To see it: "
                f"rootkeeper unlock {kind.value} {account.account_id} {name}"
            ),
        ]

    def read(self) -> Record:
        request, reading = self._request, self._application.unlock_reader
        with self._naming.explaining_refusals(self._account, request.kind.task_policy):
            if request.resource is None:
                listing = reading.list_all(self._account, request.kind, request.regions, self._progress)
                record = listing_to_record(listing, self._organization_id)
            else:
                standing = reading.show_one(
                    self._account, request.kind, request.resource, request.regions, self._progress
                )
                record = resource_policy_to_record(standing, self._organization_id)
        self._progress.finish()
        return record

    def plan(self) -> tuple[Sequence[str], Record | None]:
        with self._naming.explaining_refusals(self._account, self._request.kind.task_policy):
            plan = self._application.unlock_planner.plan(self._change_request, self._progress)
        self._progress.finish()
        if plan.obstacle is not None:
            return (), unneeded_to_record(plan, self._organization_id)
        self._planned = plan
        return describe_plan(plan, str(self._application.settings.unlock.saved_policies)), None

    def change(self) -> tuple[Record, str | None]:
        assert self._planned is not None  # noqa: S101 - planned before
        with self._naming.explaining_refusals(self._account, self._request.kind.task_policy):
            outcome = self._application.unlock_run.apply(self._planned, self._progress)
        found = None if outcome.found is None else outcome.found.explanation
        return outcome_to_record(outcome, self._organization_id), found

    @property
    def _change_request(self) -> PolicyChangeRequest:
        request = self._request
        assert request.resource is not None and request.change is not None  # noqa: S101, PT018 - the caller asked
        return PolicyChangeRequest(
            self._account, request.kind, request.resource, request.change, request.regions, self._policy, self._source
        )


def open_unlocking(
    application: Application, request: UnlockRequest, policy: str | None, source: str, progress: Progress
) -> LocalUnlocking:
    """Find the account.

    :raises InputError: if there is none, or it may not be touched.
    """
    inventory = application.inventory_reader.read(progress)
    progress.finish()
    account = find_account(NamedAccount(request.account), inventory.accounts)
    require_unlockable(account, inventory, request.included_failsafes)
    naming = application.blocking_policy_finder(inventory)
    return LocalUnlocking(application, progress, account, naming, request, policy, source)
