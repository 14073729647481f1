"""Which accounts a command means, and what keeps them from being touched."""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.domain.organizations import Account, AccountId, Inventory
from rootkeeper.domain.selection import (
    AccountProtections,
    Selection,
    SelectionRequest,
    Skip,
    SkipReason,
    narrow_by_tags,
    require_not_empty,
    select_before_tags,
)
from rootkeeper.errors import TargetRefusedError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.deletion_exceptions import DeletionExceptions
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.windows import RecoveryWindows


def select_accounts(request: SelectionRequest, inventory: Inventory, reader: OrganizationReader) -> Selection:
    """What the request catches; organizations:ListTagsForResource once for each candidate, only with ``--tag``.

    For one account named to ``recover`` or ``exceptions add`` use ``domain.selection.find_account``.

    :raises SelectionEmptyError: if it asks for nothing, or matches nothing.
    :raises TargetRefusedError: if an id isn't in the organization.
    :raises InputError: if a name or path is unknown or ambiguous.
    """
    selection = select_before_tags(request, inventory)
    if request.tags:
        candidates = [selected.account.account_id for selected in selection.accounts]
        selection = narrow_by_tags(
            selection, request.tags, {account_id: reader.read_tags(account_id) for account_id in candidates}
        )
    require_not_empty(selection)
    return selection


def require_in_organization(account: Account, inventory: Inventory) -> None:
    """Check that the inventory has the account.

    :raises TargetRefusedError: if it hasn't.
    """
    if all(known.account_id != account.account_id for known in inventory.accounts):
        raise TargetRefusedError(
            f"{account.account_id} isn't an account of the organization {inventory.organization.organization_id}.",
            hint="Check the id and whose credentials you use.",
        )


@dataclass(frozen=True, slots=True)
class ProtectionReader:
    """Reads what keeps accounts from being touched: exceptions and windows that aren't over. No AWS call."""

    exceptions: DeletionExceptions
    windows: RecoveryWindows
    clock: Clock

    def read(self, included_failsafes: frozenset[AccountId] = frozenset()) -> AccountProtections:
        """As the database holds it now; an exception is named before a window."""
        now = self.clock.now()
        recorded = {
            window.account_id: Skip(
                SkipReason.WINDOW_OPEN, f"Recovery window {window.window_id} is {window.state.value}."
            )
            for window in self.windows.list_windows(unfinished_only=True)
        }
        for one in self.exceptions.list_exceptions():
            if one.is_in_force(now):
                detail = f"Exception of {one.owner} until {one.until.date().isoformat()}: {one.reason}"
                recorded[one.account_id] = Skip(SkipReason.EXCEPTION, detail)
        return AccountProtections(recorded, included_failsafes)
