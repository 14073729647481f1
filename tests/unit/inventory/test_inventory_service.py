from __future__ import annotations

import pytest

from rootkeeper.errors import AwsThrottledError, OrganizationIncompleteError
from rootkeeper.organization.accounts import AccountId
from tests.fakes.desk import CLEAN, FAILSAFE, PROD, Desk
from tests.fakes.organization import MANAGEMENT


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_unit("ou-exam-work", "Workloads")
    desk.organization.add_account(PROD, "prod", ou_id="ou-exam-work")
    desk.organization.add_account(CLEAN, "clean")
    return desk


def test_the_inventory_holds_every_account_in_the_order_of_the_tree(desk: Desk) -> None:
    desk.organization.add_account(FAILSAFE, "security")
    desk.organization.delegated_administrators.append(FAILSAFE)
    inventory = desk.read_inventory()
    assert [account.account_id for account in inventory.accounts] == [CLEAN, MANAGEMENT, FAILSAFE, PROD]
    assert inventory.delegated_administrator_ids == frozenset({FAILSAFE})
    assert desk.store.last == inventory
    assert desk.organization.changing_calls == []


def test_delegates_that_cannot_be_read_are_unknown_not_none(desk: Desk) -> None:
    desk.organization.fail("ListDelegatedAdministrators")
    assert desk.read_inventory().delegated_administrator_ids is None


def test_p13_an_empty_list_is_an_error(desk: Desk) -> None:
    desk.organization.accounts.clear()
    with pytest.raises(OrganizationIncompleteError, match="no accounts"):
        desk.read_inventory()
    assert desk.store.last is None


@pytest.mark.parametrize("missing", [MANAGEMENT, FAILSAFE])
def test_p13_a_list_without_an_account_that_must_be_in_it_is_an_error(desk: Desk, missing: AccountId) -> None:
    desk.organization.add_account(FAILSAFE, "security")
    desk.organization.delegated_administrators.append(FAILSAFE)
    del desk.organization.accounts[missing]
    with pytest.raises(OrganizationIncompleteError, match=missing):
        desk.read_inventory()


class CutOff:
    """An account listing that loses an account, though the organization still has it."""

    def __init__(self, desk: Desk) -> None:
        self.account = desk.organization.accounts.pop(PROD)
        desk.organization.has_account = lambda account_id: True  # type: ignore[method-assign]  # AWS still knows it


def test_p13_a_list_that_was_cut_off_is_an_error(desk: Desk) -> None:
    before = desk.read_inventory()
    CutOff(desk)
    with pytest.raises(OrganizationIncompleteError, match=f"isn't complete: {PROD}"):
        desk.read_inventory()
    assert desk.store.last == before


def test_an_account_that_has_left_is_remarked(desk: Desk) -> None:
    desk.read_inventory()
    del desk.organization.accounts[PROD]
    inventory = desk.read_inventory()
    assert PROD not in [account.account_id for account in inventory.accounts]
    assert any(PROD in remark and "has left" in remark for remark in desk.progress.remarks)


def test_p13_an_account_whose_leaving_cannot_be_read_is_an_error(desk: Desk) -> None:
    desk.read_inventory()
    del desk.organization.accounts[PROD]
    desk.organization.fail("DescribeAccount")
    with pytest.raises(OrganizationIncompleteError) as error:
        desk.read_inventory()
    assert "organizations:DescribeAccount" in (error.value.hint or "")


def test_p13_a_page_that_fails_is_an_error_and_nothing_is_remembered(desk: Desk) -> None:
    desk.organization.page_size = 1
    desk.organization.fail("ListAccounts", AwsThrottledError("slow down"), at=2)
    with pytest.raises(AwsThrottledError):
        desk.read_inventory()
    assert desk.store.last is None
