"""What is remembered of the organization between two commands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rootkeeper.domain.organizations import Account, AccountId, Inventory
from rootkeeper.domain.statuses import AccountStatus


@dataclass(frozen=True, slots=True)
class Revisions:
    """How often what is known of the accounts was changed; the same numbers mean the same knowledge."""

    inventory: int = 0
    statuses: int = 0
    windows: int = 0
    """Recovery windows say more of an account than an older reading."""


class InventoryStore(Protocol):
    """The last complete inventory, and the last status of each account, of one organization."""

    def find_last(self) -> Inventory | None: ...

    def save(self, inventory: Inventory) -> None:
        """Replace the last inventory, in one transaction."""
        ...

    def has_audits(self) -> bool:
        """Whether this organization was audited from this database before."""
        ...

    def save_statuses(self, statuses: Sequence[AccountStatus]) -> None:
        """Remember the statuses, in one transaction; called once per batch of an audit and after each deletion."""
        ...

    def list_statuses(self) -> dict[AccountId, AccountStatus]:
        """The last status of each account that was ever read."""
        ...

    def find_revisions(self) -> Revisions:
        """Cheap: to be read before all else that it speaks of."""
        ...

    def list_brief_statuses(self, accounts: Mapping[AccountId, Account]) -> dict[AccountId, AccountStatus]:
        """The last status of each of these accounts that was ever read, without the details of its credentials."""
        ...

    def find_statuses(self, account_ids: Collection[AccountId]) -> dict[AccountId, AccountStatus]:
        """The last status of each of these accounts that was ever read, with all details; at most a page of them."""
        ...

    def record_audit(self, started_at: datetime, ended_at: datetime, summary: dict[str, int]) -> None: ...
