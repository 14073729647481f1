"""One lock per organization and account, with a fencing token that grows with every owner."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from rootkeeper.domain.organizations import AccountId


@dataclass(frozen=True, slots=True)
class AccountLock:
    """The right to act on one account, as long as nobody took it over."""

    account_id: AccountId
    owner_id: str
    fencing_token: int


class AccountLocks(Protocol):
    """Hands out account locks of one organization."""

    def hold(self, account_id: AccountId, purpose: str, wait_seconds: float = 0) -> AbstractContextManager[AccountLock]:
        """Hold the account's lock; released at the end, taken over by others only when the owner is dead.

        :raises AccountBusyError: if another owner keeps it for longer than ``wait_seconds``; the message says who, for
            what and since when.
        """
        ...

    def list_held(self, account_ids: Collection[AccountId]) -> frozenset[AccountId]:
        """Those of these accounts that a living owner holds, this one included: a glance that keeps nobody waiting.

        :raises DatabaseError: if it can't be read.
        """
        ...
