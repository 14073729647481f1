"""The preflight: what policies would block, for every selected account and task, before anything is tried.

Reading calls on the caller's own credentials alone: no root session is opened and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.organizations import Account, Caller, Endpoint, Inventory, Organization
from rootkeeper.domain.preflight import PreflightRow
from rootkeeper.domain.preflight_judging import PreflightEvaluator
from rootkeeper.domain.selection import EVERYTHING, SelectionRequest, require_request
from rootkeeper.errors import InputError, SelectionEmptyError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.inventory import InventoryReader
from rootkeeper.workflows.policy_reading import BackgroundPolicyRead, PolicyTreeReader
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

    inventory: InventoryReader
    policies: PolicyReader
    clock: Clock

    def run(self, progress: Progress, request: SelectionRequest = EVERYTHING) -> PreflightReport:
        """Judge the selected accounts.

        Two quotas that have nothing to do with one another set the pace of a whole organization, so that its policies
        are read while its accounts are listed.

        :raises InputError: if the selection is wrong, or asks for statuses, which only a root session can tell.
        :raises SelectionEmptyError: if it holds no ACTIVE member account.
        :raises OrganizationIncompleteError: if the listing of accounts isn't complete.
        :raises AwsError: if AWS can't be asked; what the caller may not read makes rows unknown instead.
        """
        _require_answerable(request)
        _require_partition(self.inventory.organization)
        underway = self._begin(request, progress)
        inventory = self.inventory.read(progress)
        selected = select_accounts(request, inventory, self.inventory.reader).included
        evaluator = self._read_evaluator(selected, inventory, underway, progress)
        _remark_delegates(inventory, progress)
        evaluated = tuple(account for account in selected if evaluator.is_evaluated(account))
        _require_some(evaluated)
        rows = tuple(row for account in evaluated for row in evaluator.evaluate(account))
        return PreflightReport(
            inventory=inventory,
            caller=self.inventory.caller,
            endpoint=self.inventory.reader.endpoint,
            observed_at=self.clock.now(),
            accounts=evaluated,
            skipped=tuple(account for account in selected if not evaluator.is_evaluated(account)),
            rows=rows,
            evaluations=evaluator.evaluations,
        )

    def _begin(self, request: SelectionRequest, progress: Progress) -> BackgroundPolicyRead | None:
        """``None`` where a few accounts may be asked instead, which must be known first."""
        if not _takes_most(request):
            return None
        progress.remark("Reading service and resource control policies, while accounts are listed.")
        return BackgroundPolicyRead(self.policies)

    def _read_evaluator(
        self,
        selected: tuple[Account, ...],
        inventory: Inventory,
        underway: BackgroundPolicyRead | None,
        progress: Progress,
    ) -> PreflightEvaluator:
        if underway is None:
            progress.remark("Reading service and resource control policies.")
            return PolicyTreeReader(self.policies).read_evaluator_over(selected, inventory)
        if not underway.is_done():
            progress.remark("The accounts are listed; policies are still being read.")
        return underway.finish(inventory)


def _remark_delegates(inventory: Inventory, progress: Progress) -> None:
    if inventory.delegated_administrator_ids == frozenset():
        progress.remark("No delegated administrator for IAM is registered: there is no row AssumeRoot.")


def _require_answerable(request: SelectionRequest) -> None:
    require_request(request)
    if request.statuses:
        raise InputError(
            "A preflight opens no root session, so that it can't select by the status of root user credentials.",
            hint="Select by account, --ou, --tag or --account-state.",
        )


def _takes_most(request: SelectionRequest) -> bool:
    """Whether it asks for the whole organization, but for what it names to leave out; tags and states may leave few."""
    return request.everything and not (request.tags or request.account_states)


def _require_partition(organization: Organization) -> None:
    if organization.partition == "aws-cn":
        raise InputError("The partition aws-cn has no root users.", hint="There is nothing to check there.")


def _require_some(evaluated: Iterable[Account]) -> None:
    if not tuple(evaluated):
        raise SelectionEmptyError(
            "The selection holds no ACTIVE member account, and no others can be reached by root sessions.",
            hint="See what there is: rootkeeper audit --output table.",
        )
