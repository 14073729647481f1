"""What is remembered of the organization between two commands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from rootkeeper.domain.organizations import AccountId, Inventory
from rootkeeper.domain.statuses import AccountStatus


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

    def record_audit(self, started_at: datetime, ended_at: datetime, summary: dict[str, int]) -> None: ...
