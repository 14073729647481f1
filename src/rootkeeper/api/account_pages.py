"""What accounts are known to be, read once for all who look until something of it changes.

So that an organization of 10,000 accounts isn't read anew for each page and each viewer. The first page is what is
known now: whether anything has changed is asked of the database each time, which costs next to nothing. While an audit
changes much, what was read is given for a few times as long as its reading took.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rootkeeper.api.services import ServerServices
from rootkeeper.domain.organizations import Account, Inventory
from rootkeeper.domain.statuses import AccountStatus, count_left_to_secure, count_statuses
from rootkeeper.domain.stored_statuses import evaluate_stored
from rootkeeper.ports.inventory import Revisions

KEPT_SECONDS = 30.0
"""For so long a page after the first one is of the same moment."""
LONGEST_SECONDS = 60.0
"""Then all is read again: a process of the version before doesn't count its changes."""
_REST = 4
"""How many times as long as a reading took it is given without another one."""


@dataclass(frozen=True, slots=True)
class KnownAccounts:
    """All accounts at one moment, without the details of their credentials; none where nothing was ever listed."""

    inventory: Inventory | None
    statuses: tuple[AccountStatus, ...]
    taken_at: float
    """Monotonic seconds."""
    summary: dict[str, int] = field(init=False)
    left_to_secure: int = field(init=False)

    def narrow(self, fits: Callable[[AccountStatus], bool]) -> KnownAccounts:
        """Of them those that fit."""
        return KnownAccounts(self.inventory, tuple(one for one in self.statuses if fits(one)), self.taken_at)

    def __post_init__(self) -> None:
        object.__setattr__(self, "summary", count_statuses(self.statuses))
        object.__setattr__(self, "left_to_secure", count_left_to_secure(self.statuses))


@dataclass(frozen=True, slots=True)
class _CachedAccounts:
    """What was read, of which revisions, and until when nobody looks whether it is still so."""

    known: KnownAccounts
    revisions: Revisions
    good_until: float
    ends_at: float


class AccountsCache:
    """The last reading; safe in many threads. The same object is given as long as nothing has changed."""

    def __init__(self) -> None:
        self._last: _CachedAccounts | None = None
        self._guard = threading.Lock()

    def take(self, services: ServerServices, *, goes_on: bool) -> KnownAccounts:
        """All accounts.

        :param goes_on: whether it is for a page after the first one.
        :raises DatabaseError: if the database can't be read.
        """
        last, now = self._last, services.clock.monotonic()
        if last is not None and (now < last.good_until or (goes_on and now - last.known.taken_at < KEPT_SECONDS)):
            return last.known
        with self._guard:
            if self._last is not last and self._last is not None:
                return self._last.known
            self._last = _refresh(services, last)
            return self._last.known


def read_in_detail(
    services: ServerServices, inventory: Inventory, accounts: Sequence[Account]
) -> tuple[AccountStatus, ...]:
    """Some accounts of the inventory as they are known now, with the details of their credentials.

    :raises DatabaseError: if the database can't be read.
    """
    statuses = services.inventory_store.find_statuses([account.account_id for account in accounts])
    some = replace(inventory, accounts=tuple(accounts))
    return evaluate_stored(some, statuses, services.windows.list_windows())


def _refresh(services: ServerServices, last: _CachedAccounts | None) -> _CachedAccounts:
    began_at, revisions = services.clock.monotonic(), services.inventory_store.find_revisions()
    if last is not None and began_at < last.ends_at and revisions == last.revisions:
        return last
    is_listed_anew = last is None or began_at >= last.ends_at or revisions.inventory != last.revisions.inventory
    inventory = services.inventory_store.find_last() if last is None or is_listed_anew else last.known.inventory
    statuses = _evaluate(services, inventory)
    ended_at = services.clock.monotonic()
    known = KnownAccounts(inventory, statuses, ended_at)
    if last is not None and (inventory, statuses) == (last.known.inventory, last.known.statuses):
        known = last.known
    return _CachedAccounts(known, revisions, ended_at + _REST * (ended_at - began_at), ended_at + LONGEST_SECONDS)


def _evaluate(services: ServerServices, inventory: Inventory | None) -> tuple[AccountStatus, ...]:
    if inventory is None:
        return ()
    accounts = {account.account_id: account for account in inventory.accounts}
    statuses = services.inventory_store.list_brief_statuses(accounts)
    return evaluate_stored(inventory, statuses, services.windows.list_windows())
