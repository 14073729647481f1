"""Reading the policies over some accounts at the least cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rootkeeper.domain.organization_policies import PolicyTree, build_tree
from rootkeeper.domain.organizations import Account, Inventory
from rootkeeper.domain.preflight_judging import PreflightJudge
from rootkeeper.ports.policies import PolicyReader

_PAGE_SIZE = 20
_KINDS = 2


@dataclass(frozen=True, slots=True)
class PolicyReading:
    """Reads policies; changes nothing and opens no root session."""

    reader: PolicyReader

    def judge_over(self, accounts: Iterable[Account], inventory: Inventory) -> PreflightJudge:
        """What is needed to judge these accounts.

        :raises AwsCredentialsError, AwsUnreachableError: if AWS can't be asked; what it refuses to tell makes answers
            unknown instead.
        """
        delegates = _find_delegates(inventory)
        tree = self._read_tree((*accounts, *(delegates or ())), inventory)
        return PreflightJudge(inventory.organization, tree, delegates)

    def _read_tree(self, accounts: Iterable[Account], inventory: Inventory) -> PolicyTree:
        """FullAWSAccess is attached to everything, so that its targets are as many pages as the organization has.

        So few accounts are asked the other way round. Whoever may not do that reads everything, which takes longer.
        """
        target_ids = {target for account in accounts for target in (*account.ou_ids, account.account_id)}
        pages = (len(inventory.accounts) + len(inventory.organizational_units)) / _PAGE_SIZE
        if _KINDS * len(target_ids) < pages:
            listing = self.reader.list_policies_over(target_ids)
            if not listing.problems:
                return build_tree(listing)
        return build_tree(self.reader.list_policies())


def _find_delegates(inventory: Inventory) -> tuple[Account, ...] | None:
    ids = inventory.delegated_administrator_ids
    return None if ids is None else tuple(account for account in inventory.accounts if account.account_id in ids)
