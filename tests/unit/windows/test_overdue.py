"""Windows that are due, before anything else."""

from __future__ import annotations

import pytest

from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.windows.rules import CloseOutcome, WindowState, list_due
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNTS = [AccountId("222233334444"), AccountId("333344445555"), AccountId("444455556666")]


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    for account_id in ACCOUNTS:
        fake.add_account(account_id)
    return fake


@pytest.fixture
def operator(organization: FakeOrganization) -> Operator:
    return Operator(organization, FakeDatabase(organization.clock))


def overdue(operator: Operator) -> list[AccountId]:
    return [window.account_id for window in list_due(operator.windows.list_windows(), operator.clock.now())]


def test_only_windows_past_their_end_are_due_the_most_overdue_first(operator: Operator) -> None:
    operator.open(ACCOUNTS[0], 3600)
    operator.open(ACCOUNTS[1], 60)
    operator.open(ACCOUNTS[2], 7200)
    assert overdue(operator) == []

    operator.clock.advance(3600)

    assert overdue(operator) == [ACCOUNTS[1], ACCOUNTS[0]]


def test_a_closing_that_failed_is_due_before_the_end(operator: Operator, organization: FakeOrganization) -> None:
    window = operator.open(ACCOUNTS[0], 3600).window
    organization.fail("DeleteLoginProfile")
    operator.close(window)

    assert overdue(operator) == [ACCOUNTS[0]]


def test_a_changing_command_closes_what_is_due_and_leaves_the_rest(
    operator: Operator, organization: FakeOrganization
) -> None:
    operator.open(ACCOUNTS[0], 60)
    operator.open(ACCOUNTS[1], 3600)
    operator.clock.advance(61)

    _, closings = Operator(organization, operator.database).start_changing_command()

    assert [closing.outcome for closing in closings] == [CloseOutcome.CLOSED]
    assert organization.root_users[ACCOUNTS[0]].is_empty
    assert not organization.root_users[ACCOUNTS[1]].is_empty


def test_a_window_that_cannot_be_closed_does_not_stop_the_others(
    operator: Operator, organization: FakeOrganization
) -> None:
    operator.open(ACCOUNTS[0], 60)
    operator.open(ACCOUNTS[1], 120)
    operator.clock.advance(121)
    organization.change_state(ACCOUNTS[0], AccountState.SUSPENDED)

    _, closings = operator.start_changing_command()

    assert [closing.outcome for closing in closings] == [CloseOutcome.FAILED, CloseOutcome.CLOSED]
    assert operator.database.windows["w-1"].state is WindowState.CLOSE_FAILED
    assert overdue(operator) == [ACCOUNTS[0]]
