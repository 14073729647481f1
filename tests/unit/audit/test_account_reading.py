from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rootkeeper.audit.reading import AccountReader
from rootkeeper.errors import AwsCredentialsError, DatabaseError
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.progress import NullStopSignal
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status, StatusReason
from tests.fakes.desk import CLEAN, PROD, Desk
from tests.fakes.organization import MANAGEMENT
from tests.fakes.root_users import root_user_with_everything
from tests.fakes.stores import InMemoryInventory, make_window


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", root_user=root_user_with_everything())
    desk.organization.add_account(CLEAN, "clean")
    return desk


def reading_of(desk: Desk, *, details: bool = False) -> AccountReader:
    return AccountReader(desk.audit.tools, desk.progress, NullStopSignal(desk.clock), details=details)


def read_one(desk: Desk, account_id: AccountId = PROD, role: AccountRole = AccountRole.MEMBER) -> None:
    with reading_of(desk) as reading:
        reading.feed([(desk.organization.accounts[account_id], role)])
        reading.finish()


def test_what_is_fed_comes_back_as_statuses(desk: Desk) -> None:
    accounts = desk.organization.accounts
    with reading_of(desk) as reading:
        reading.feed([(accounts[PROD], AccountRole.MEMBER), (accounts[MANAGEMENT], AccountRole.MANAGEMENT)])
        reading.finish()
    assert reading.statuses[PROD].status is Status.PRESENT
    assert reading.statuses[MANAGEMENT].reason is StatusReason.MANAGEMENT_ACCOUNT
    assert desk.store.statuses == reading.statuses


def test_accounts_with_an_open_window_are_reported_as_such(desk: Desk) -> None:
    desk.windows.add(make_window(PROD, desk.clock.now()))
    with reading_of(desk) as reading:
        reading.feed([(desk.organization.accounts[PROD], AccountRole.MEMBER)])
        reading.finish()
    assert reading.statuses[PROD].status is Status.RECOVERY_OPEN


def test_an_account_fed_again_in_another_state_counts_as_it_is_now(desk: Desk) -> None:
    account = desk.organization.accounts[CLEAN]
    with reading_of(desk) as reading:
        reading.feed([(account, AccountRole.MEMBER)])
        reading.begin()
        reading.feed([(replace(account, state=AccountState.SUSPENDED), AccountRole.MEMBER)])
        reading.finish()
    assert reading.statuses[CLEAN].reason is StatusReason.NOT_ACTIVE
    assert desk.store.statuses[CLEAN].reason is StatusReason.NOT_ACTIVE


def test_what_was_read_before_needs_no_call(desk: Desk) -> None:
    with reading_of(desk) as reading:
        reading.feed([(desk.organization.accounts[PROD], AccountRole.MEMBER)])
        reading.finish()
    calls = len(desk.organization.calls)
    with reading_of(desk) as again:
        again.note(reading.statuses[PROD])
    assert again.statuses == reading.statuses
    assert len(desk.organization.calls) == calls


def test_credentials_of_the_operator_that_ended_end_the_reading(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot", AwsCredentialsError("expired"))
    with pytest.raises(AwsCredentialsError):
        read_one(desk)
    assert desk.ledger.open_intents == []


def test_leaving_early_takes_in_what_is_in_flight(desk: Desk) -> None:
    with reading_of(desk) as reading:
        reading.feed([(desk.organization.accounts[PROD], AccountRole.MEMBER)])
        reading.begin()
        assert reading.statuses == {}
    assert reading.statuses[PROD].status is Status.PRESENT
    assert set(desk.store.statuses) == {PROD}
    assert desk.ledger.open_intents == []


@pytest.mark.parametrize(("account_id", "role"), [(MANAGEMENT, AccountRole.MANAGEMENT), (PROD, AccountRole.MEMBER)])
def test_a_bug_ends_the_reading_and_nothing_is_waited_for(desk: Desk, account_id: AccountId, role: AccountRole) -> None:
    def break_down(operation: str, _: AccountId | None) -> None:
        if operation == "GetAccountSummary":
            raise ZeroDivisionError

    desk.organization.before_each_call(break_down)
    with pytest.raises(ZeroDivisionError):
        read_one(desk, account_id, role)
    assert desk.ledger.open_intents == []


def test_the_management_account_that_does_not_answer_holds_no_other_up(desk: Desk) -> None:
    released = threading.Event()

    def hang(operation: str, account_id: AccountId | None) -> None:
        if (operation, account_id) == ("GetAccountSummary", MANAGEMENT):
            released.wait(60)

    desk.organization.before_each_call(hang)
    accounts = desk.organization.accounts
    with reading_of(desk) as reading:
        reading.feed([(accounts[MANAGEMENT], AccountRole.MANAGEMENT), (accounts[PROD], AccountRole.MEMBER)])
        while PROD not in reading.statuses:
            reading.begin()
            reading.step()
        assert MANAGEMENT not in reading.statuses
        assert not reading.is_idle
        released.set()
        reading.finish()
    assert reading.statuses[MANAGEMENT].summary is not None


class FullDisk(InMemoryInventory):
    def save_statuses(self, statuses: Sequence[AccountStatus]) -> None:
        raise DatabaseError("The disk is full.")


def test_a_status_that_cannot_be_kept_is_said(desk: Desk) -> None:
    desk.store = FullDisk()
    with pytest.raises(DatabaseError):
        read_one(desk)
    assert any("The disk is full." in remark for remark in desk.progress.remarks)
