from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Inventory,
    Organization,
    OrganizationalUnit,
    describe_changes,
    find_gap,
    find_vanished,
    sort_accounts,
)

MANAGEMENT, MEMBER = AccountId("111122223333"), AccountId("444455556666")


def account(account_id: AccountId, ou_path: str = "Root", name: str = "some") -> Account:
    return Account(account_id, name, "some@example.com", AccountState.ACTIVE, ("r-exam",), ou_path)


BOTH = (account(MANAGEMENT), account(MEMBER))


ROOT = OrganizationalUnit("r-exam", "Root", None)


def gap(
    *accounts: Account, expected: frozenset[AccountId] = frozenset(), units: tuple[OrganizationalUnit, ...] = (ROOT,)
) -> str | None:
    return find_gap(accounts, units, management_account_id=MANAGEMENT, expected=expected)


@pytest.mark.parametrize(
    ("accounts", "expected", "words"),
    [
        ((), frozenset(), "no accounts"),
        ((account(MEMBER),), frozenset(), "management account 111122223333 is missing"),
        (BOTH, frozenset({AccountId("222233334444")}), "222233334444"),
    ],
)
def test_p13_a_list_that_cannot_be_complete_is_reported(
    accounts: tuple[Account, ...], expected: frozenset[AccountId], words: str
) -> None:
    assert words in (gap(*accounts, expected=expected) or "")


def test_p13_a_list_of_units_that_lacks_one_with_accounts_in_it_is_reported() -> None:
    below = replace(account(MEMBER), ou_ids=("r-exam", "ou-exam-11111111"))
    assert "ou-exam-11111111" in (gap(account(MANAGEMENT), below) or "")
    assert "r-exam" in (gap(*BOTH, units=()) or "")
    unit = OrganizationalUnit("ou-exam-11111111", "Prod", "r-exam")
    assert gap(account(MANAGEMENT), below, units=(ROOT, unit)) is None


def test_nothing_speaks_against_a_list_with_all_that_must_be_in_it() -> None:
    assert gap(*BOTH, expected=frozenset({MEMBER})) is None


def test_accounts_stand_in_the_order_of_the_tree() -> None:
    wanted = [
        account(AccountId("000000000001"), "Root", "z"),
        account(AccountId("000000000002"), "Root/A", "b"),
        account(AccountId("000000000003"), "Root/A", "c"),
        account(AccountId("000000000004"), "Root/A/Deep", "a"),
        account(AccountId("000000000005"), "Root/A B", "a"),
    ]
    assert sort_accounts(wanted[::-1]) == tuple(wanted)


def test_accounts_that_a_new_listing_lacks_are_found() -> None:
    organization = Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws")
    last = Inventory(organization, BOTH, (), datetime(2026, 1, 15, tzinfo=UTC))
    assert find_vanished(last, {MANAGEMENT}) == BOTH[1:]
    assert find_vanished(replace(last, accounts=BOTH[:1]), {MANAGEMENT, MEMBER}) == ()
    assert find_vanished(None, ()) == ()


UNITS = {
    "r-exam": ROOT,
    "ou-a": OrganizationalUnit("ou-a", "A", "r-exam"),
    "ou-b": OrganizationalUnit("ou-b", "B", "r-exam"),
}


def changes(
    before: tuple[Account, ...] | None,
    now: tuple[Account, ...],
    *,
    moved: dict[AccountId, tuple[str, ...]] | None = None,
    left: tuple[Account, ...] = (),
) -> tuple[str, ...]:
    organization = Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws")
    last = None if before is None else Inventory(organization, before, (), datetime(2026, 1, 15, tzinfo=UTC))
    return describe_changes(
        last, {one.account_id: one for one in now}, moved or {}, {one.account_id: one for one in left}, UNITS
    )


def test_what_joined_left_and_moved_is_shown() -> None:
    in_a = replace(account(MEMBER), ou_ids=("r-exam", "ou-a"))
    in_b = replace(in_a, ou_ids=("r-exam", "ou-b"))
    assert changes(BOTH[:1], (BOTH[0], in_a)) == ("Account 444455556666 (some) has joined the organization.",)
    assert changes(BOTH, BOTH[:1], left=BOTH[1:]) == ("Account 444455556666 (some) has left the organization.",)
    moved = ("Account 444455556666 (some) has moved from Root/A to Root/B.",)
    assert changes((in_a,), (in_b,)) == moved
    assert changes(None, (in_b,), moved={MEMBER: in_a.ou_ids}) == moved
    assert changes(None, BOTH) == ()
    assert changes(BOTH, BOTH) == ()


def test_of_many_changes_only_some_are_shown_one_by_one() -> None:
    many = tuple(account(AccountId(f"{number:012d}")) for number in range(50))
    reported = changes((), many)
    assert len(reported) == 21
    assert reported[-1] == "30 more accounts have joined, moved or left."
