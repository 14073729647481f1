"""Where each account stands in the tree: from the account's ``Paths``, or else by asking every unit for its accounts.

Source: Organizations Account, member ``Paths``: ``o-…/r-…/ou-…/<account id>/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from rootkeeper.aws.answers import required
from rootkeeper.aws.calls import ServiceCalls
from rootkeeper.domain.organizations import AccountId, OrganizationalUnit
from rootkeeper.errors import OrganizationIncompleteError

_PAGE_SIZE = 20


class AccountPlaces:
    """Places of the accounts of one listing."""

    def __init__(self, units: Mapping[str, OrganizationalUnit], organizations: ServiceCalls) -> None:
        self._units = units
        self._organizations = organizations

    def find(self, account_id: AccountId, paths: Sequence[str] | None) -> tuple[str, ...]:
        """Ids from the organization's root down to the parent.

        :raises OrganizationIncompleteError: if neither the account nor any unit tells its place.
        """
        for path in paths or ():
            steps = path.strip("/").split("/")
            if len(steps) >= 3 and steps[-1] == account_id:
                return tuple(steps[1:-1])
        parent_id = self._parents.get(account_id)
        if parent_id is None:
            raise OrganizationIncompleteError(
                f"Account {account_id} is listed, but no organizational unit holds it.",
                hint="Run the command again; the organization may have changed while it was read.",
                operation="organizations:ListAccountsForParent",
            )
        return self._lineage(parent_id)

    def describe(self, ou_ids: Sequence[str]) -> str:
        """The same as readable names; a unit newer than the tree appears by its id."""
        return "/".join(self._units[ou_id].name if ou_id in self._units else ou_id for ou_id in ou_ids)

    def _lineage(self, ou_id: str) -> tuple[str, ...]:
        lineage: list[str] = []
        unit = self._units.get(ou_id)
        while unit is not None:
            lineage.append(unit.ou_id)
            unit = self._units.get(unit.parent_id) if unit.parent_id else None
        return tuple(reversed(lineage))

    @cached_property
    def _parents(self) -> dict[AccountId, str]:
        """organizations:ListAccountsForParent for every unit, once."""
        return {
            AccountId(required(account, "Id", "organizations:ListAccountsForParent")): ou_id
            for ou_id in self._units
            for account in self._organizations.list_all(
                "ListAccountsForParent", "Accounts", ParentId=ou_id, MaxResults=_PAGE_SIZE
            )
        }
