"""Reading the policies over some accounts at the least cost.

FullAWSAccess is attached to everything, so that its targets are as many pages as the organization has. They are listed
only where the answer hangs on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rootkeeper.domain.organization_policies import PolicyListing, PolicyTree, build_tree
from rootkeeper.domain.organizations import Account, Inventory
from rootkeeper.domain.preflight_judging import PreflightEvaluator
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.workflows.worker_threads import WorkerThreads

_LOOK_SECONDS = 0.2
"""How long a wait lasts before Ctrl-C is seen."""
_PAGE_SIZE = 20
_KINDS = 2


@dataclass(frozen=True, slots=True)
class PolicyTreeReader:
    """Reads policies; changes nothing and opens no root session."""

    reader: PolicyReader

    def read_evaluator_over(self, accounts: Iterable[Account], inventory: Inventory) -> PreflightEvaluator:
        """What is needed to judge these accounts.

        :raises AwsCredentialsError, AwsUnreachableError: if AWS can't be asked; what it refuses to tell makes answers
            unknown instead.
        """
        return _make_evaluator(self._read_tree(accounts, inventory), inventory)

    def read_denial_evaluator(self, inventory: Inventory) -> PreflightEvaluator:
        """What is needed to find explicit Denies over any account; FullAWSAccess is taken to be attached everywhere.

        What it shows as blocked by a Deny is so; what it shows as allowed may lack an Allow. See ``is_short`` for where
        it isn't worth it.

        :raises AwsCredentialsError, AwsUnreachableError: as above.
        """
        return _make_evaluator(build_tree(self.reader.list_policies_under_full_access()), inventory)

    def is_short(self, accounts: Iterable[Account], inventory: Inventory) -> bool:
        """Whether these accounts are few enough to be asked for their policies, instead of policies for their targets.

        FullAWSAccess costs no more than any other policy then.
        """
        return _KINDS * len(_list_targets(accounts, inventory)) < _count_pages(inventory)

    def _read_tree(self, accounts: Iterable[Account], inventory: Inventory) -> PolicyTree:
        """Whoever may not ask accounts for their policies reads everything, which takes longer."""
        accounts = tuple(accounts)
        if self.is_short(accounts, inventory):
            listing = self.reader.list_policies_over(_list_targets(accounts, inventory))
            if not listing.problems:
                return build_tree(listing)
        return build_tree(self.reader.list_policies())


class BackgroundPolicyRead:
    """The policies of the whole organization while a thread of its own reads them, which ends with the program.

    Nobody has to wait for it: its calls change nothing.
    """

    def __init__(self, reader: PolicyReader) -> None:
        self._threads = WorkerThreads[PolicyListing](1, "policies")
        self._threads.begin(reader.list_policies)
        self._threads.close()
        self._found: list[PolicyListing] = []

    def is_done(self) -> bool:
        """Whether ``finish`` wouldn't wait.

        :raises AwsCredentialsError, AwsUnreachableError: if AWS couldn't be asked.
        """
        self._wait(0)
        return bool(self._found)

    def finish(self, inventory: Inventory) -> PreflightEvaluator:
        """Wait for them; what is needed to judge any account.

        :raises AwsCredentialsError, AwsUnreachableError: if AWS couldn't be asked.
        """
        while not self._found:
            self._wait(_LOOK_SECONDS)
        return _make_evaluator(build_tree(self._found[0]), inventory)

    def _wait(self, seconds: float) -> None:
        if not self._found:
            self._found = self._threads.take_done(seconds)


def _make_evaluator(tree: PolicyTree, inventory: Inventory) -> PreflightEvaluator:
    return PreflightEvaluator(inventory.organization, tree, _find_delegates(inventory))


def _list_targets(accounts: Iterable[Account], inventory: Inventory) -> frozenset[str]:
    """The accounts, those of the callers, and every place above them."""
    evaluated = (*accounts, *(_find_delegates(inventory) or ()))
    return frozenset(target for account in evaluated for target in (*account.ou_ids, account.account_id))


def _count_pages(inventory: Inventory) -> float:
    return (len(inventory.accounts) + len(inventory.organizational_units)) / _PAGE_SIZE


def _find_delegates(inventory: Inventory) -> tuple[Account, ...] | None:
    ids = inventory.delegated_administrator_ids
    return None if ids is None else tuple(account for account in inventory.accounts if account.account_id in ids)
