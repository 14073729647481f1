"""Lists the organization's accounts, completely or not at all.

A thread walks the pages of accounts, another reads the names of organizational units. Both deliver steps to the
listing thread, the only thread that changes state. If an account comes twice, its last place counts. An empty,
incomplete or inconsistent list never becomes an inventory.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.clock import Clock
from rootkeeper.errors import AwsAccessDeniedError, OrganizationIncompleteError, TargetRefusedError
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    Caller,
    Inventory,
    Organization,
    OrganizationalUnit,
    Setup,
    add_place_names,
    describe_changes,
    find_gap,
    find_lineage,
    find_unnamed_parents,
    find_vanished,
    sort_accounts,
    sort_units,
)
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.selection import (
    Selection,
    SelectionRequest,
    narrow_by_tags,
    require_not_empty,
    select_before_tags,
)
from rootkeeper.organization.threads import WorkResult, begin_in_thread

NOT_USED = "The list wasn't used. Try again. If the error stays, check what AWS Organizations returns."
_MOST_IDLE_PAGES = 1000
"""A list with more pages in a row without a new account doesn't end."""
Step = Callable[[], None]
"""Is called in the listing thread."""
Question = Callable[[], Step]
"""Calls AWS in another thread, and returns a step with the answer."""


@dataclass(slots=True)
class InventoryCollector:
    """A listing. Call :meth:`start`, then each delivered step until :attr:`is_done`, then :meth:`complete`."""

    reader: OrganizationReader
    organization: Organization
    caller: Caller
    clock: Clock
    progress: Progress
    setup: Setup
    known: Inventory | None
    """The last inventory of this organization."""
    units: dict[str, OrganizationalUnit]
    """Units with known names; the listing adds to them."""
    named_at: datetime | None
    """When the oldest of the names was read."""
    deliver: Callable[[Step], None]
    take_page: Callable[[tuple[Account, ...]], None] = lambda _: None
    """Receives the accounts of each page that are new or in another place."""
    take_names: Callable[[tuple[OrganizationalUnit, ...]], None] = lambda _: None
    """Receives the units with names that were just read."""
    accounts: dict[AccountId, Account] = field(default_factory=dict)
    pages: int = 0
    _questions: queue.SimpleQueue[Question | None] = field(default_factory=queue.SimpleQueue)
    _asked: set[str | None] = field(default_factory=set)
    _unanswered: int = 0
    _has_ended: bool = False
    _idle_pages: int = 0
    _moved: dict[AccountId, tuple[str, ...]] = field(default_factory=dict)
    _left: dict[AccountId, Account] = field(default_factory=dict)
    _asks_members: bool = False
    _members_asked: set[str] = field(default_factory=set)
    _failure: BaseException | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def delegated_administrator_ids(self) -> frozenset[AccountId] | None:
        delegates = self.setup.delegated_administrators
        return None if delegates is None else frozenset(delegates)

    @property
    def is_done(self) -> bool:
        """Whether the listing has ended, well or not; see :meth:`complete`."""
        return self._failure is not None or (self._has_ended and not self._unanswered)

    def start(self) -> None:
        """Begin the listing."""
        begin_in_thread("listing", self._walk, lambda ended: self.deliver(partial(self._end, ended)))
        begin_in_thread("listing", self._answer, lambda ended: self.deliver(partial(self._take_failure, ended)))

    def stop(self) -> None:
        """End the listing after the call in flight, without waiting for it; it changes nothing."""
        self._stopped.set()
        self._questions.put(None)

    def complete(self) -> Inventory:
        """:raises OrganizationIncompleteError: if the listing is empty, incomplete or inconsistent."""
        if self._failure is not None:
            raise self._failure
        self._require_none_missing()
        gap = find_gap(
            tuple(self.accounts.values()),
            tuple(self.units.values()),
            management_account_id=self.organization.management_account_id,
            expected=(self.delegated_administrator_ids or frozenset()) | {self.caller.account_id},
        )
        if gap is not None:
            raise _incomplete(gap)
        for change in describe_changes(self.known, self.accounts, self._moved, self._left, self.units):
            self.progress.remark(change)
        return Inventory(
            organization=self.organization,
            accounts=sort_accounts([add_place_names(account, self.units) for account in self.accounts.values()]),
            organizational_units=sort_units(self.units),
            listed_at=self.clock.now(),
            delegated_administrator_ids=self.delegated_administrator_ids,
            named_at=self.named_at,
            endpoint=self.reader.endpoint.label,
        )

    def merge(self, inventory: Inventory) -> Inventory:
        """Update an earlier inventory with the accounts and units listed so far; no account counts as having left."""
        accounts = {account.account_id: account for account in inventory.accounts} | self.accounts
        units = {unit.ou_id: unit for unit in inventory.organizational_units} | self.units
        return replace(
            inventory,
            organization=self.organization,
            accounts=sort_accounts([add_place_names(account, units) for account in accounts.values()]),
            organizational_units=sort_units(units),
            delegated_administrator_ids=self.delegated_administrator_ids,
        )

    # In other threads.

    def _walk(self) -> None:
        for page in self.reader.list_account_pages():
            if self._stopped.is_set():
                return
            self.deliver(partial(self._take_page, page))

    def _answer(self) -> None:
        while (question := self._questions.get()) is not None:
            self.deliver(question())

    # Steps, in the listing thread.

    def _take_failure(self, ended: WorkResult[None]) -> None:
        self._failure = self._failure or ended.error

    def _take_page(self, page: tuple[Account, ...]) -> None:
        self.pages += 1
        news = tuple(account for account in page if self._merge(account))
        self.progress.set_listed(len(self.accounts))
        self._idle_pages = 0 if news else self._idle_pages + 1
        if self._idle_pages > _MOST_IDLE_PAGES:
            self._failure = _incomplete("its pages don't end.")
        for parent_id in find_unnamed_parents(news, self.units):
            self._ask(parent_id)
        self.take_page(news)

    def _merge(self, account: Account) -> bool:
        """Whether the account is new, or in another place than on an earlier page."""
        last = self.accounts.get(account.account_id)
        self.accounts[account.account_id] = account
        if last is None:
            return True
        if last.ou_ids != account.ou_ids:
            self._moved[account.account_id] = last.ou_ids
        return last.ou_ids != account.ou_ids

    def _end(self, ended: WorkResult[None]) -> None:
        self._take_failure(ended)
        self._has_ended = True
        self._asks_members = any(not account.ou_ids for account in self.accounts.values())
        if self._asks_members:
            self._ask(None)
            for ou_id in tuple(self.units):
                self._ask_for_members(ou_id)

    def _ask(self, parent_id: str | None) -> None:
        if parent_id in self._asked:
            return
        self._asked.add(parent_id)
        self._put(lambda: partial(self._take_units, self._list_units(parent_id)))

    def _put(self, question: Question) -> None:
        self._unanswered += 1
        self._questions.put(question)

    def _list_units(self, parent_id: str | None) -> tuple[OrganizationalUnit, ...]:
        return self.reader.list_roots() if parent_id is None else self.reader.list_child_units(parent_id)

    def _take_units(self, units: tuple[OrganizationalUnit, ...]) -> None:
        self._unanswered -= 1
        self.units |= {unit.ou_id: unit for unit in units}
        if self._asks_members:
            for unit in units:
                self._ask_for_members(unit.ou_id)
        self.take_names(units)

    def _ask_for_members(self, ou_id: str) -> None:
        """Read a unit's children and accounts, because AWS returned accounts without ``Paths``."""
        if ou_id in self._members_asked:
            return
        self._members_asked.add(ou_id)
        self._ask(ou_id)
        self._put(lambda: partial(self._take_members, ou_id, self.reader.list_account_ids_of(ou_id)))

    def _take_members(self, ou_id: str, account_ids: tuple[AccountId, ...]) -> None:
        self._unanswered -= 1
        for account_id in account_ids:
            account = self.accounts.get(account_id)
            if account is not None and not account.ou_ids:
                self.accounts[account_id] = replace(account, ou_ids=find_lineage(ou_id, self.units))

    # At the end.

    def _find_missing(self) -> Account | None:
        """Find an account of the last inventory that the listing lacks, although it is in the organization.

        A call for each account that may have left, until one hasn't: organizations:DescribeAccount.
        """
        for account in find_vanished(self.known, self.accounts):
            if account.account_id in self._left:
                continue
            try:
                if self.reader.has_account(account.account_id):
                    return account
            except AwsAccessDeniedError as error:
                raise OrganizationIncompleteError(
                    f"The list of accounts lacks {account.account_id} ({account.name}). AWS denied the call that shows"
                    " whether it has left the organization.",
                    hint="Allow organizations:DescribeAccount.",
                    operation="organizations:DescribeAccount",
                ) from error
            self._left[account.account_id] = account
        return None

    def _require_none_missing(self) -> None:
        """List again if an account is missing: it may have moved between pages during the listing."""
        if self._find_missing() is None:
            return
        for page in self.reader.list_account_pages():
            for account in page:
                self._merge(account)
        for parent_id in find_unnamed_parents(self.accounts.values(), self.units):
            self.units |= {unit.ou_id: unit for unit in self._list_units(parent_id)}
        missing = self._find_missing()
        if missing is not None:
            raise _incomplete(f"{missing.account_id} ({missing.name}) is in the organization, but not in the list.")


def _incomplete(gap: str) -> OrganizationIncompleteError:
    return OrganizationIncompleteError(
        f"The list of accounts isn't complete: {gap}", hint=NOT_USED, operation="organizations:ListAccounts"
    )


RECENT_LASTS = timedelta(minutes=5)
NAMES_LAST = timedelta(hours=24)
"""How long the names of organizational units are used again, unless a refresh is requested."""


@dataclass(frozen=True, slots=True)
class InventoryReader:
    """Reads and stores the organization's inventory; changes nothing in AWS."""

    reader: OrganizationReader
    store: InventoryStore
    clock: Clock
    organization: Organization
    caller: Caller

    def read(self, progress: Progress) -> Inventory:
        """List everything: set-up (three calls), accounts, names of organizational units.

        :raises OrganizationIncompleteError: if the list is empty, incomplete or inconsistent.
        """
        steps: queue.SimpleQueue[Step] = queue.SimpleQueue()
        listing = self.begin(progress, steps.put, refresh=True)
        listing.start()
        try:
            while not listing.is_done:
                steps.get()()
        finally:
            listing.stop()
            progress.finish()
        return self.keep(listing)

    def read_recent(self, progress: Progress) -> Inventory:
        """Use the known inventory if it was listed in the last five minutes: listing 10,000 accounts takes a minute.

        For requests that AWS checks again, such as the opening of a window.

        :raises OrganizationIncompleteError: if a new list is empty, incomplete or inconsistent.
        """
        known = self.find_known()
        is_recent = known is not None and timedelta() <= self.clock.now() - known.listed_at <= RECENT_LASTS
        return known if known is not None and is_recent else self.read(progress)

    def read_within(self, longest: timedelta, progress: Progress) -> Inventory:
        """Use the known inventory if it isn't older, with the delegated administrators as they are now: three calls.

        For requests whose changes list the organization again.

        :raises OrganizationIncompleteError: if a new list is empty, incomplete or inconsistent.
        """
        known = self.find_known()
        if known is None or not timedelta() <= self.clock.now() - known.listed_at <= longest:
            return self.read(progress)
        delegates = self.reader.read_setup().delegated_administrators
        return replace(known, delegated_administrator_ids=None if delegates is None else frozenset(delegates))

    def begin(
        self, progress: Progress, deliver: Callable[[Step], None], *, refresh: bool = False
    ) -> InventoryCollector:
        """Read the set-up, and prepare the listing, which its ``start`` begins; ``refresh`` reads all names again."""
        known = self.find_known()
        named = None
        if not refresh and known is not None and known.named_at is not None:
            is_recent = timedelta(0) <= self.clock.now() - known.named_at <= NAMES_LAST
            named = known if is_recent else None
        return InventoryCollector(
            reader=self.reader,
            organization=self.organization,
            caller=self.caller,
            clock=self.clock,
            progress=progress,
            setup=self.reader.read_setup(),
            known=known,
            units={unit.ou_id: unit for unit in named.organizational_units} if named else {},
            named_at=named.named_at if named else self.clock.now(),
            deliver=deliver,
        )

    def find_known(self) -> Inventory | None:
        """Find the last inventory, if it is of this endpoint: a sandbox may use any organization's id."""
        known = self.store.find_last()
        return known if known is not None and known.endpoint in (None, self.reader.endpoint.label) else None

    def keep(self, listing: InventoryCollector) -> Inventory:
        """:raises OrganizationIncompleteError: if it is empty, incomplete or inconsistent; then nothing is stored."""
        inventory = listing.complete()
        self.store.save(inventory)
        return inventory


def select_accounts(request: SelectionRequest, inventory: Inventory, reader: OrganizationReader) -> Selection:
    """Select accounts. organizations:ListTagsForResource once for each candidate, only if the request has tags.

    :raises SelectionEmptyError: if the request is empty, or matches no account.
    :raises TargetRefusedError: if an id isn't in the organization.
    :raises InputError: if a name or path is unknown or ambiguous.
    """
    selection = select_before_tags(request, inventory)
    if request.tags:
        candidates = [selected.account.account_id for selected in selection.accounts]
        selection = narrow_by_tags(
            selection, request.tags, {account_id: reader.read_tags(account_id) for account_id in candidates}
        )
    require_not_empty(selection)
    return selection


def require_in_organization(account: Account, inventory: Inventory) -> None:
    """:raises TargetRefusedError: if the account isn't in the inventory."""
    if all(known.account_id != account.account_id for known in inventory.accounts):
        raise TargetRefusedError(
            f"{account.account_id} isn't an account of the organization {inventory.organization.organization_id}.",
            hint="Check the id and your credentials.",
        )
