"""Exceptions from deletion, as the command line keeps them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.errors import InputError, LedgerUnavailableError, TargetRefusedError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import MANAGEMENT, FakeOrganization

ARCHIVE = AccountId("222233334444")
PAYMENTS = AccountId("333344445555")


@pytest.fixture
def operator() -> Operator:
    organization = FakeOrganization(FakeClock())
    organization.add_account(ARCHIVE, "archive")
    organization.add_account(PAYMENTS, "payments")
    return Operator(organization, FakeDatabase(organization.clock))


def add(operator: Operator, account_id: AccountId, days: int, reason: str = "MFA delete") -> None:
    keeping, until = operator.exception_keeping, START + timedelta(days=days)
    account, inventory = operator.account(account_id), operator.inventory()
    keeping.add(keeping.prepare(account, inventory, owner="storage team", reason=reason, until=until))


def test_an_exception_is_kept_and_recorded_with_owner_reason_and_end(operator: Operator) -> None:
    add(operator, ARCHIVE, 30)

    (kept,) = operator.exception_keeping.list_exceptions()
    (entry,) = operator.database.entries
    assert (kept.account_id, kept.owner, kept.added_by) == (ARCHIVE, "storage team", "alice")
    assert entry.action is Action.EXCEPTION_ADD
    assert entry.parameters["reason"] == "MFA delete"


@pytest.mark.parametrize(("days", "reason"), [(0, "MFA delete"), (-1, "MFA delete"), (30, "  ")])
def test_an_exception_that_may_not_be_is_neither_kept_nor_recorded(operator: Operator, days: int, reason: str) -> None:
    with pytest.raises(InputError):
        add(operator, ARCHIVE, days, reason)

    assert operator.exception_keeping.list_exceptions() == ()
    assert operator.database.entries == []


def test_the_management_account_gets_no_exception(operator: Operator) -> None:
    with pytest.raises(TargetRefusedError, match="is the management account"):
        add(operator, MANAGEMENT, 30)

    assert operator.exception_keeping.list_exceptions() == ()
    assert operator.database.entries == []


def test_ended_exceptions_are_listed_last(operator: Operator) -> None:
    add(operator, ARCHIVE, 1)
    add(operator, PAYMENTS, 30)
    operator.clock.advance(2 * 86400)

    assert [one.account_id for one in operator.exception_keeping.list_exceptions()] == [PAYMENTS, ARCHIVE]


def test_a_removed_exception_is_gone_and_recorded(operator: Operator) -> None:
    add(operator, ARCHIVE, 30)

    removed = operator.exception_keeping.remove(ARCHIVE)

    assert removed.owner == "storage team"
    assert operator.exception_keeping.list_exceptions() == ()
    assert operator.database.entries[-1].action is Action.EXCEPTION_REMOVE


def test_removing_an_exception_that_is_not_there_is_an_error(operator: Operator) -> None:
    with pytest.raises(InputError, match=ARCHIVE):
        operator.exception_keeping.remove(ARCHIVE)
    assert operator.database.entries == []


def test_without_a_ledger_no_exception_is_kept(operator: Operator) -> None:
    operator.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        add(operator, ARCHIVE, 30)
    assert operator.exception_keeping.list_exceptions() == ()
