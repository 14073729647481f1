from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.errors import AwsAccessDeniedError, TargetRefusedError
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory, Organization
from rootkeeper.unlock.rules import require_unlockable
from tests.fakes.clock import START

MANAGEMENT, FAILSAFE, MEMBER = AccountId("111122223333"), AccountId("222233334444"), AccountId("333344445555")


def account(account_id: AccountId, state: AccountState = AccountState.ACTIVE) -> Account:
    return Account(account_id, "name", "a@example.com", state, ("r-exam",), "Root")


INVENTORY = Inventory(
    Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws"),
    (account(MANAGEMENT), account(FAILSAFE), account(MEMBER)),
    (),
    START,
    frozenset({FAILSAFE}),
)


def test_an_active_member_may_be_unlocked() -> None:
    require_unlockable(account(MEMBER), INVENTORY)


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (account(MANAGEMENT), "management account"),
        (account(FAILSAFE), "failsafe"),
        (account(MEMBER, AccountState.SUSPENDED), "SUSPENDED"),
    ],
)
def test_what_may_not_be_touched_is_refused_with_a_hint(refused: Account, reason: str) -> None:
    with pytest.raises(TargetRefusedError, match=reason) as raised:
        require_unlockable(refused, INVENTORY)
    assert raised.value.hint


def test_the_failsafe_is_unlocked_only_by_its_id() -> None:
    require_unlockable(account(FAILSAFE), INVENTORY, frozenset({FAILSAFE}))
    with pytest.raises(TargetRefusedError, match="failsafe"):
        require_unlockable(account(FAILSAFE), INVENTORY, frozenset({MEMBER}))


def test_a_partition_without_root_users_is_refused() -> None:
    china = replace(INVENTORY, organization=replace(INVENTORY.organization, partition="aws-cn"))
    with pytest.raises(TargetRefusedError, match="aws-cn"):
        require_unlockable(account(MEMBER), china)


def test_in_govcloud_an_unlock_is_possible() -> None:
    govcloud = replace(INVENTORY, organization=replace(INVENTORY.organization, partition="aws-us-gov"))
    require_unlockable(account(MEMBER), govcloud)


def test_a_failsafe_that_is_not_known_stops_everything() -> None:
    with pytest.raises(AwsAccessDeniedError, match="failsafe isn't known"):
        require_unlockable(account(MEMBER), replace(INVENTORY, delegated_administrator_ids=None))
