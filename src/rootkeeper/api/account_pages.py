"""What accounts were known to be when somebody began to page through them.

So that pages join without gaps, and that an organization of 10,000 accounts isn't read anew for each of its pages. The
first page is always what is known now.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from rootkeeper.api.services import ServerServices
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.statuses import AccountStatus
from rootkeeper.domain.stored_statuses import judge_stored

KEPT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class KnownAccounts:
    """All accounts at one moment; none where the organization was never listed."""

    inventory: Inventory | None
    statuses: tuple[AccountStatus, ...]
    taken_at: float
    """Monotonic seconds."""


class AccountPages:
    """The last moment that somebody began to page from; safe in many threads."""

    def __init__(self) -> None:
        self._last: KnownAccounts | None = None
        self._guard = threading.Lock()

    def take(self, services: ServerServices, *, goes_on: bool) -> KnownAccounts:
        """All accounts.

        :param goes_on: whether it is for a page after the first one.
        :raises DatabaseError: if the database can't be read.
        """
        now = services.clock.monotonic()
        with self._guard:
            last = self._last
        if goes_on and last is not None and now - last.taken_at < KEPT_SECONDS:
            return last
        known = read_accounts(services, now)
        with self._guard:
            self._last = known
        return known


def read_accounts(services: ServerServices, now: float) -> KnownAccounts:
    """All accounts as they are known now.

    :raises DatabaseError: if the database can't be read.
    """
    inventory = services.inventory_store.find_last()
    if inventory is None:
        return KnownAccounts(None, (), now)
    statuses = judge_stored(inventory, services.inventory_store.list_statuses(), services.windows.list_windows())
    return KnownAccounts(inventory, statuses, now)
