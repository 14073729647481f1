"""The preflight: what policies would block, for every selected account and task, before anything is tried.

Reading calls on the caller's own credentials alone: no root session is opened and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.organizations import Account, Caller, Endpoint, Inventory
from rootkeeper.domain.preflight import PreflightRow
from rootkeeper.domain.selection import EVERYTHING, SelectionRequest, ensure_request
from rootkeeper.errors import InputError, SelectionEmptyError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.inventory import InventoryReading
from rootkeeper.workflows.policy_reading import PolicyReading
from rootkeeper.workflows.targets import select_accounts


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """What a preflight found."""

    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    observed_at: datetime
    accounts: tuple[Account, ...]
    """The accounts that have rows, in the order of the inventory."""
    skipped: tuple[Account, ...]
    """Selected accounts that have none: the management account, and those that aren't ACTIVE."""
    rows: tuple[PreflightRow, ...]
    """Account by account, in the order of the tasks."""
    evaluations: int
    """How many distinct sets of policies were evaluated."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """Evaluates SCPs and RCPs for accounts; each policy is read once."""

    inventory: InventoryReading
    policies: PolicyReader
    clock: Clock

    def run(self, progress: Progress, request: SelectionRequest = EVERYTHING) -> PreflightReport:
        """Judge the selected accounts.

        :raises InputError: if the selection is wrong, or asks for statuses, which only a root session can tell.
        :raises SelectionEmptyError: if it holds no ACTIVE member account.
        :raises OrganizationIncompleteError: if the listing of accounts isn't complete.
        :raises AwsError: if AWS can't be asked; what the caller may not read makes rows unknown instead.
        """
        _ensure_answerable(request)
        inventory = self.inventory.read(progress)
        _ensure_partition(inventory)
        selected = select_accounts(request, inventory, self.inventory.reader).included
        progress.remark("Reading service and resource control policies.")
        judge = PolicyReading(self.policies).judge_over(selected, inventory)
        _remark_delegates(inventory, progress)
        judged = tuple(account for account in selected if judge.is_judged(account))
        _ensure_some(judged)
        rows = tuple(row for account in judged for row in judge.judge(account))
        return PreflightReport(
            inventory=inventory,
            caller=self.inventory.caller,
            endpoint=self.inventory.reader.endpoint,
            observed_at=self.clock.now(),
            accounts=judged,
            skipped=tuple(account for account in selected if not judge.is_judged(account)),
            rows=rows,
            evaluations=judge.evaluations,
        )


def _remark_delegates(inventory: Inventory, progress: Progress) -> None:
    if inventory.delegated_administrator_ids == frozenset():
        progress.remark("No delegated administrator for IAM is registered: there is no row AssumeRoot.")


def _ensure_answerable(request: SelectionRequest) -> None:
    ensure_request(request)
    if request.statuses:
        raise InputError(
            "A preflight opens no root session, so that it can't select by the status of root user credentials.",
            hint="Select by account, --ou, --tag or --account-state.",
        )


def _ensure_partition(inventory: Inventory) -> None:
    if inventory.organization.partition == "aws-cn":
        raise InputError("The partition aws-cn has no root users.", hint="There is nothing to check there.")


def _ensure_some(judged: Iterable[Account]) -> None:
    if not tuple(judged):
        raise SelectionEmptyError(
            "The selection holds no ACTIVE member account, and no others can be reached by root sessions.",
            hint="See what there is: rootkeeper audit --output table.",
        )
