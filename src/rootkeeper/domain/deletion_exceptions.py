"""Accounts that deletion skips for a while: with an owner, a reason and an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.organizations import AccountId


@dataclass(frozen=True, slots=True)
class DeletionException:
    """One exception; it ends by itself."""

    account_id: AccountId
    owner: str
    reason: str
    until: datetime
    added_by: str
    added_at: datetime

    def is_in_force(self, now: datetime) -> bool:
        return now < self.until
