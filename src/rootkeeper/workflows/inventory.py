"""Reading the organization: a complete listing of its accounts, or an error.

Nothing may be concluded from a list that is empty, cut off or contradicts itself, so none is ever returned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rootkeeper.domain.inventories import find_gap, find_vanished, sort_accounts
from rootkeeper.domain.organizations import Account, AccountId, Caller, Inventory, Organization, OrganizationalUnit
from rootkeeper.domain.setup import Setup
from rootkeeper.errors import AwsAccessDeniedError, OrganizationIncompleteError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.progress import Progress

_NOTHING_CONCLUDED = "Nothing was concluded from it. Try again; if it stays, check what AWS Organizations answers."


@dataclass(frozen=True, slots=True)
class InventoryReading:
    """Reads and remembers the organization's inventory; changes nothing in AWS."""

    reader: OrganizationReader
    store: InventoryStore
    clock: Clock
    organization: Organization
    caller: Caller

    def read(self, progress: Progress) -> Inventory:
        """List everything: set-up (three calls), organizational units, accounts.

        :raises OrganizationIncompleteError: if the list is empty, cut off or contradicts itself.
        """
        listing = self.begin(progress)
        for _ in listing.list_pages():
            pass
        return listing.complete()

    def begin(self, progress: Progress) -> InventoryListing:
        """Read the set-up and the organizational units; the accounts follow page by page."""
        return InventoryListing(self, progress, self.reader.read_setup(), self.reader.list_organizational_units())


@dataclass(slots=True)
class InventoryListing:
    """An inventory while its accounts are still being listed, so that they can be read meanwhile."""

    reading: InventoryReading
    progress: Progress
    setup: Setup
    organizational_units: tuple[OrganizationalUnit, ...]
    _accounts: list[Account] = field(default_factory=list)

    @property
    def delegated_administrator_ids(self) -> frozenset[AccountId] | None:
        delegates = self.setup.delegated_administrators
        return None if delegates is None else frozenset(delegates)

    def list_pages(self) -> Iterator[tuple[Account, ...]]:
        """The accounts, page by page."""
        by_id = {unit.ou_id: unit for unit in self.organizational_units}
        for page in self.reading.reader.list_account_pages(by_id):
            self._accounts.extend(page)
            yield page

    def complete(self) -> Inventory:
        """The inventory, once every page was listed; it is remembered.

        :raises OrganizationIncompleteError: if it is empty, cut off or contradicts itself; nothing is remembered.
        """
        self._ensure_complete()
        self._ensure_vanished_have_left()
        inventory = Inventory(
            organization=self.reading.organization,
            accounts=sort_accounts(self._accounts),
            organizational_units=self.organizational_units,
            listed_at=self.reading.clock.now(),
            delegated_administrator_ids=self.delegated_administrator_ids,
        )
        self.reading.store.save(inventory)
        return inventory

    def _ensure_complete(self) -> None:
        gap = find_gap(
            self._accounts,
            self.organizational_units,
            management_account_id=self.reading.organization.management_account_id,
            expected=(self.delegated_administrator_ids or frozenset()) | {self.reading.caller.account_id},
        )
        if gap is not None:
            raise OrganizationIncompleteError(
                f"The list of accounts isn't complete: {gap}",
                hint=_NOTHING_CONCLUDED,
                operation="organizations:ListAccounts",
            )

    def _ensure_vanished_have_left(self) -> None:
        """Ask AWS for each account that was there the last time: one call each, organizations:DescribeAccount."""
        for account in find_vanished(self.reading.store.find_last(), self._accounts):
            if self._is_still_there(account):
                raise OrganizationIncompleteError(
                    f"The list of accounts was cut off: {account.account_id} ({account.name}) is in the organization"
                    " and isn't in the list.",
                    hint=_NOTHING_CONCLUDED,
                    operation="organizations:ListAccounts",
                )
            self.progress.remark(f"Account {account.account_id} ({account.name}) has left the organization.")

    def _is_still_there(self, account: Account) -> bool:
        try:
            return self.reading.reader.has_account(account.account_id)
        except AwsAccessDeniedError as error:
            raise OrganizationIncompleteError(
                f"The list of accounts lacks {account.account_id} ({account.name}), and whether it has left the"
                " organization can't be read.",
                hint="Allow organizations:DescribeAccount.",
                operation="organizations:DescribeAccount",
            ) from error
