from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import replace

import pytest

from rootkeeper.errors import OrganizationIncompleteError
from rootkeeper.inventory.listing import InventoryCollector, Step
from rootkeeper.organization.accounts import Account, Inventory
from tests.fakes.desk import CLEAN, PROD, Desk
from tests.fakes.organization import MANAGEMENT


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    organization = desk.organization
    organization.add_unit("ou-work", "Workloads")
    organization.add_unit("ou-prod", "Prod", "ou-work")
    organization.add_unit("ou-test", "Test", "ou-work")
    organization.add_unit("ou-empty", "Empty")
    organization.add_unit("ou-deep", "Deep", "ou-empty")
    organization.add_account(PROD, "prod", ou_id="ou-prod")
    organization.add_account(CLEAN, "clean", ou_id="ou-test")
    return desk


def begin(desk: Desk, *, refresh: bool = False) -> tuple[InventoryCollector, queue.SimpleQueue[Step]]:
    steps: queue.SimpleQueue[Step] = queue.SimpleQueue()
    return desk.inventory.begin(desk.progress, steps.put, refresh=refresh), steps


def walk(listing: InventoryCollector, steps: queue.SimpleQueue[Step]) -> Inventory:
    listing.start()
    while not listing.is_done:
        steps.get(timeout=60)()
    listing.stop()
    return listing.complete()


def read(desk: Desk, *, refresh: bool = False) -> Inventory:
    return desk.inventory.keep(walk_to_end(*begin(desk, refresh=refresh)))


def walk_to_end(listing: InventoryCollector, steps: queue.SimpleQueue[Step]) -> InventoryCollector:
    listing.start()
    while not listing.is_done:
        steps.get(timeout=60)()
    listing.stop()
    return listing


def place_pages(desk: Desk, *pages: tuple[Account, ...]) -> None:
    """Let ListAccounts answer these pages in each listing."""

    def list_account_pages() -> Iterator[tuple[Account, ...]]:
        yield from pages

    desk.organization.list_account_pages = list_account_pages  # type: ignore[method-assign]  # AWS answers so


def test_only_units_that_have_children_are_asked_for_names(desk: Desk) -> None:
    inventory = walk(*begin(desk))
    assert {account.ou_path for account in inventory.accounts} == {
        "Root",
        "Root/Workloads/Prod",
        "Root/Workloads/Test",
    }
    operations = desk.organization.operations()
    assert operations.count("ListRoots") == 1
    assert operations.count("ListOrganizationalUnitsForParent") == 2  # the root and Workloads
    assert [unit.name for unit in inventory.organizational_units] == ["Root", "Empty", "Workloads", "Prod", "Test"]


def test_known_names_are_used_again_for_a_day_unless_a_refresh_is_asked_for(desk: Desk) -> None:
    read(desk)

    def asked_again(*, refresh: bool = False) -> int:
        before = desk.organization.operations().count("ListOrganizationalUnitsForParent")
        read(desk, refresh=refresh)
        return desk.organization.operations().count("ListOrganizationalUnitsForParent") - before

    assert asked_again() == 0
    desk.clock.advance(23 * 3600)
    assert asked_again() == 0
    assert asked_again(refresh=True) == 2
    desk.clock.advance(25 * 3600)
    assert asked_again() == 2


def test_only_the_name_of_a_new_unit_is_asked_for(desk: Desk) -> None:
    read(desk)
    desk.organization.add_unit("ou-new", "New", "ou-work")
    desk.organization.add_account("666677778888", "newcomer", ou_id="ou-new")
    before = desk.organization.operations().count("ListOrganizationalUnitsForParent")
    inventory = read(desk)
    assert "Root/Workloads/New" in {account.ou_path for account in inventory.accounts}
    assert desk.organization.operations().count("ListOrganizationalUnitsForParent") - before == 1


def test_where_aws_gives_no_paths_every_unit_is_asked(desk: Desk) -> None:
    desk.organization.gives_paths = False
    inventory = walk(*begin(desk))
    places = {account.account_id: account.ou_path for account in inventory.accounts}
    assert places == {MANAGEMENT: "Root", PROD: "Root/Workloads/Prod", CLEAN: "Root/Workloads/Test"}
    assert desk.organization.operations().count("ListAccountsForParent") == 6


def test_an_account_that_comes_twice_is_one_account_where_it_was_last(desk: Desk) -> None:
    accounts = desk.organization.accounts
    moved = replace(accounts[PROD], ou_ids=("r-exam", "ou-work", "ou-test"))
    place_pages(desk, (accounts[MANAGEMENT], accounts[PROD]), (accounts[CLEAN], moved))
    inventory = walk(*begin(desk))
    assert len(inventory.accounts) == 3
    assert {one.account_id: one.ou_path for one in inventory.accounts}[PROD] == "Root/Workloads/Test"
    assert desk.progress.remarks == [
        f"Account {PROD} (prod) has moved from Root/Workloads/Prod to Root/Workloads/Test."
    ]


def test_each_page_counts_the_accounts_that_are_listed_so_far(desk: Desk) -> None:
    first, *others = desk.organization.accounts.values()
    place_pages(desk, (first,), (first,), tuple(others))
    read(desk)
    assert desk.progress.listed == [1, 1, 1 + len(others)]


def test_empty_pages_do_not_end_the_list(desk: Desk) -> None:
    accounts = tuple(desk.organization.accounts.values())
    place_pages(desk, (), accounts[:1], (), (), accounts[1:], ())
    assert len(walk(*begin(desk)).accounts) == 3


def test_p13_a_list_that_never_comes_to_an_end_is_an_error(desk: Desk) -> None:
    accounts = tuple(desk.organization.accounts.values())
    place_pages(desk, accounts, *[()] * 1001)
    with pytest.raises(OrganizationIncompleteError, match="don't end"):
        walk(*begin(desk))


def test_an_account_that_slipped_between_pages_is_found_by_a_second_walk(desk: Desk) -> None:
    read(desk)
    accounts = tuple(desk.organization.accounts.values())
    walks = 0

    def list_account_pages() -> Iterator[tuple[Account, ...]]:
        nonlocal walks
        walks += 1
        yield accounts[:-1] if walks == 1 else accounts

    desk.organization.list_account_pages = list_account_pages  # type: ignore[method-assign]  # AWS loses one once
    assert len(read(desk).accounts) == 3
    assert walks == 2


def test_p13_an_account_that_two_walks_lack_although_it_is_there_is_an_error(desk: Desk) -> None:
    before = read(desk)
    place_pages(desk, tuple(desk.organization.accounts.values())[:-1])
    with pytest.raises(OrganizationIncompleteError, match=CLEAN):
        read(desk)
    assert desk.store.last == before


def test_accounts_that_joined_and_left_are_reported(desk: Desk) -> None:
    read(desk)
    newcomer = desk.organization.add_account("666677778888", "newcomer")
    del desk.organization.accounts[CLEAN]
    inventory = read(desk)
    assert newcomer in {account.account_id for account in inventory.accounts}
    assert desk.progress.remarks == [
        f"Account {CLEAN} (clean) has left the organization.",
        f"Account {newcomer} (newcomer) has joined the organization.",
    ]


def test_an_inventory_of_another_endpoint_is_not_known_here(desk: Desk) -> None:
    read(desk)
    assert desk.store.last is not None
    desk.store.last = replace(desk.store.last, endpoint="AWS")
    listing, _ = begin(desk)
    assert listing.known is None
    assert listing.units == {}


def test_an_earlier_inventory_is_brought_up_to_date_by_what_was_listed(desk: Desk) -> None:
    known = read(desk)
    desk.clock.advance(60)
    desk.organization.add_account("666677778888", "newcomer", ou_id="ou-prod")
    del desk.organization.accounts[CLEAN]
    merged = walk_to_end(*begin(desk)).merge(known)
    assert merged.listed_at == known.listed_at
    assert {one.account_id for one in merged.accounts} == {MANAGEMENT, PROD, CLEAN, "666677778888"}


def test_a_listing_that_is_stopped_asks_no_further_page(desk: Desk) -> None:
    desk.organization.page_size = 1
    listing, steps = begin(desk)
    listing.start()
    steps.get(timeout=60)()
    listing.stop()
    assert desk.organization.operations().count("ListAccounts") <= 3
