"""Accounts are read once for all who look, until something of them changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from rootkeeper.organization.accounts import Inventory
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status
from rootkeeper.server.accounts import KEPT_SECONDS, LONGEST_SECONDS, AccountsCache, read_in_detail
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.api_services import ORGANIZATION_ID, PAYMENTS_ID, FakeServices, make_account, make_inventory
from tests.fakes.stores import InMemoryInventory


@dataclass(slots=True)
class CountingInventory(InMemoryInventory):
    """Counts how often everything is read; each reading takes ``seconds``."""

    services: FakeServices = field(default_factory=FakeServices)
    listed: int = 0
    read: int = 0
    seconds: float = 0.0

    def find_last(self) -> Inventory | None:
        self.listed += 1
        return InMemoryInventory.find_last(self)

    def list_brief_statuses(self, accounts):  # type: ignore[no-untyped-def]  # as the fake has it
        self.read += 1
        self.services.clock.advance(self.seconds)
        return InMemoryInventory.list_brief_statuses(self, accounts)


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    store = CountingInventory(make_inventory(), services=services)
    store.count_window_changes = lambda: hash(tuple(services.windows.kept.values()))
    services.inventory_store = store
    return services


@pytest.fixture
def store(services: FakeServices) -> CountingInventory:
    assert isinstance(services.inventory_store, CountingInventory)
    return services.inventory_store


def status(services: FakeServices, found: Status = Status.NOT_PRESENT) -> AccountStatus:
    return AccountStatus(make_inventory().accounts[1], AccountRole.MEMBER, found, observed_at=services.clock.now())


def test_what_hasnt_changed_isnt_read_again(services: FakeServices, store: CountingInventory) -> None:
    pages = AccountsCache()
    first = pages.take(services.as_server, is_later_page=False)
    assert all(pages.take(services.as_server, is_later_page=False) is first for _ in range(10))
    assert (store.listed, store.read) == (1, 1)
    assert (first.summary["accounts"], first.left_to_secure["unknown"]) == (2, 2)


def test_a_new_reading_shows_at_once_and_the_inventory_isnt_read_for_it(
    services: FakeServices, store: CountingInventory
) -> None:
    pages = AccountsCache()
    pages.take(services.as_server, is_later_page=False)
    store.save_statuses([status(services)])
    assert [one.status for one in pages.take(services.as_server, is_later_page=False).statuses][1] is Status.NOT_PRESENT
    assert (store.listed, store.read) == (1, 2)


def test_an_account_that_joined_shows_at_once(services: FakeServices, store: CountingInventory) -> None:
    pages = AccountsCache()
    pages.take(services.as_server, is_later_page=False)
    inventory = make_inventory()
    store.save(replace(inventory, accounts=(*inventory.accounts, make_account("333344445555", "new"))))
    assert len(pages.take(services.as_server, is_later_page=False).statuses) == 3
    assert store.listed == 2


def test_a_window_that_was_opened_shows_at_once(services: FakeServices) -> None:
    pages = AccountsCache()
    pages.take(services.as_server, is_later_page=False)
    now = services.clock.now()
    services.windows.add(
        RecoveryWindow(
            window_id="w-1",
            organization_id=ORGANIZATION_ID,
            account_id=PAYMENTS_ID,
            state=WindowState.OPEN,
            reason="drill",
            ticket=None,
            requested_by="ana",
            requested_at=now,
            duration_seconds=600,
        )
    )
    assert pages.take(services.as_server, is_later_page=False).statuses[1].status is Status.RECOVERY_OPEN


def test_a_page_that_continues_is_of_the_same_moment_for_a_while(
    services: FakeServices, store: CountingInventory
) -> None:
    pages = AccountsCache()
    first = pages.take(services.as_server, is_later_page=False)
    store.save_statuses([status(services)])
    assert pages.take(services.as_server, is_later_page=True) is first
    services.clock.advance(KEPT_SECONDS)
    assert pages.take(services.as_server, is_later_page=True) is not first


def test_while_much_changes_most_of_the_time_is_left_to_others(
    services: FakeServices, store: CountingInventory
) -> None:
    pages, store.seconds = AccountsCache(), 0.5
    pages.take(services.as_server, is_later_page=False)
    for _ in range(30):
        store.save_statuses([status(services)])
        services.clock.advance(0.1)
        pages.take(services.as_server, is_later_page=False)
    assert store.read == 2


def test_everything_so_far_is_included_on_request(services: FakeServices, store: CountingInventory) -> None:
    pages, store.seconds = AccountsCache(), 0.5
    first = pages.take(services.as_server, is_later_page=False)
    store.save_statuses([status(services)])
    assert pages.take(services.as_server, is_later_page=False) is first
    newest = pages.take(services.as_server, is_later_page=False, includes_all_so_far=True)
    assert newest.statuses[1].status is Status.NOT_PRESENT
    assert pages.take(services.as_server, is_later_page=False, includes_all_so_far=True) is newest


def test_after_a_while_all_is_read_again_regardless_of_the_counts(
    services: FakeServices, store: CountingInventory
) -> None:
    pages = AccountsCache()
    first = pages.take(services.as_server, is_later_page=False)
    services.clock.advance(LONGEST_SECONDS)
    assert pages.take(services.as_server, is_later_page=False) is first, "nothing has changed"
    assert (store.listed, store.read) == (2, 2)
    store.statuses[PAYMENTS_ID] = status(services)
    assert pages.take(services.as_server, is_later_page=False) is first
    services.clock.advance(LONGEST_SECONDS)
    assert pages.take(services.as_server, is_later_page=False).statuses[1].status is Status.NOT_PRESENT


def test_an_organization_that_was_never_listed_has_no_accounts(
    services: FakeServices, store: CountingInventory
) -> None:
    store.last = None
    known = AccountsCache().take(services.as_server, is_later_page=False)
    assert (known.inventory, known.statuses, known.summary["accounts"]) == (None, (), 0)


def test_some_accounts_are_read_in_detail(services: FakeServices, store: CountingInventory) -> None:
    inventory = make_inventory()
    store.save_statuses([status(services)])
    (found,) = read_in_detail(services.as_server, inventory, inventory.accounts[1:])
    assert (found.account.account_id, found.status) == (PAYMENTS_ID, Status.NOT_PRESENT)
    assert store.read == 0
