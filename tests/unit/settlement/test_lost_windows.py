"""Which accounts the lost part of a restored ledger may have opened."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    LoginProfile,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
)
from rootkeeper.settlement.lost_windows import LostWindow, close_lost, find_lost
from rootkeeper.windows.rules import CLOCK_SKEW, CloseOutcome, WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.evidence import READ, make_account, make_status, make_window
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

BACKUP = READ - timedelta(days=1)
ACCOUNT = make_account(AccountId("222233334444"), "Shop")
PASSWORD = RootCredentialsSummary(True, False, False, False)


def with_profile(age_of_backup: timedelta, role: AccountRole = AccountRole.MEMBER) -> AccountStatus:
    """An account whose login profile is from so long after the backup."""
    profile = LoginProfile(BACKUP + age_of_backup, None)
    credentials = RootCredentials(ACCOUNT.account_id, profile, (), (), (), READ)
    return make_status(ACCOUNT, Status.PRESENT, credentials.summary, role=role, credentials=credentials)


def test_what_was_allowed_after_the_backup_is_found_and_what_is_older_isnt() -> None:
    newer, older = timedelta(hours=1), -CLOCK_SKEW - timedelta(seconds=1)
    (found,) = find_lost([with_profile(newer)], (), (), BACKUP).found
    assert (found.account, found.allowed_at, found.obstacle) == (ACCOUNT, BACKUP + newer, None)
    assert find_lost([with_profile(older)], (), (), BACKUP).found == ()
    assert len(find_lost([with_profile(-CLOCK_SKEW)], (), (), BACKUP).found) == 1, "the clocks may differ so much"


@pytest.mark.parametrize(
    "state", [WindowState.OPENING, WindowState.OPEN, WindowState.CLOSING, WindowState.CLOSE_FAILED]
)
def test_a_window_that_the_database_knows_and_closes_isnt_lost(state: WindowState) -> None:
    windows = [make_window(ACCOUNT.account_id, state)]
    assert find_lost([with_profile(timedelta(hours=1))], windows, (), BACKUP).found == ()


def test_a_login_that_a_window_of_the_database_kept_isnt_lost_but_a_later_one_is() -> None:
    later = timedelta(hours=1)
    kept = replace(make_window(ACCOUNT.account_id, WindowState.KEPT), opened_at=BACKUP + later)
    assert find_lost([with_profile(later)], [kept], (), BACKUP).found == ()
    assert len(find_lost([with_profile(2 * later)], [kept], (), BACKUP).found) == 1
    closed = make_window(ACCOUNT.account_id, WindowState.CLOSED_VERIFIED)
    assert len(find_lost([with_profile(later)], [closed], (), BACKUP).found) == 1


def test_what_mustnt_be_closed_is_listed_with_the_reason_and_not_offered() -> None:
    waiting = [make_window(ACCOUNT.account_id, WindowState.REQUESTED)]
    later, account_id = timedelta(hours=1), ACCOUNT.account_id
    for found, word in (
        (find_lost([with_profile(later, AccountRole.FAILSAFE)], (), (), BACKUP), "failsafe"),
        (find_lost([with_profile(later)], (), {account_id}, BACKUP), "exception"),
        (find_lost([with_profile(later)], waiting, (), BACKUP), "Cancel it first"),
    ):
        assert word in (found.found[0].obstacle or "")
        assert found.closable == ()
    assert find_lost([with_profile(later, AccountRole.MANAGEMENT)], (), (), BACKUP).found == ()


def test_p06_an_account_that_couldnt_be_read_isnt_clean() -> None:
    unknown = make_status(ACCOUNT, Status.UNKNOWN, reason=StatusReason.ACCESS_DENIED)
    undetailed = make_status(ACCOUNT, Status.PRESENT, PASSWORD)
    found = find_lost([unknown, undetailed], (), (), BACKUP)
    assert found.unread == (unknown, undetailed)
    assert found.found == ()


def test_p14_a_window_that_someone_opened_meanwhile_is_left_to_itself_and_stops_no_other_closing() -> None:
    organization = FakeOrganization(FakeClock())
    operator = Operator(organization, FakeDatabase(organization.clock))
    other = replace(make_window(ACCOUNT.account_id, WindowState.OPEN), window_id="w-meanwhile")
    operator.windows.add(other)
    closing = close_lost(operator.closing, LostWindow(ACCOUNT, operator.clock.now() - timedelta(hours=1)))
    assert (closing.outcome, closing.window) == (CloseOutcome.BUSY, other)
    assert "w-meanwhile" in closing.explanation
    assert not closing.is_closed
    assert organization.changing_calls == []
