"""What is known of accounts without asking AWS."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.audit.rules import evaluate_stored
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory, Organization
from rootkeeper.organization.statuses import AccountRole, AccountStatus, RootCredentialsSummary, Status, StatusReason
from rootkeeper.windows.rules import RecoveryWindow, WindowState

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
MANAGEMENT = Account(AccountId("111122223333"), "management", "m@example.com", AccountState.ACTIVE, ("r-1",), "Root")
PAYMENTS = Account(AccountId("222233334444"), "payments", "p@example.com", AccountState.ACTIVE, ("r-1",), "Root")
CLOSED = Account(AccountId("333344445555"), "old", "o@example.com", AccountState.SUSPENDED, ("r-1",), "Root")
INVENTORY = Inventory(
    Organization("o-exampleorgid", MANAGEMENT.account_id, True, "aws"), (MANAGEMENT, PAYMENTS, CLOSED), (), NOW
)
NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)
PASSWORD = replace(NOTHING, has_password=True)
EMPTY = AccountStatus(PAYMENTS, AccountRole.MEMBER, Status.NOT_PRESENT, summary=NOTHING, observed_at=NOW)
PRESENT = AccountStatus(PAYMENTS, AccountRole.MEMBER, Status.PRESENT, summary=PASSWORD, observed_at=NOW)


def window(state: WindowState, opened: timedelta, closed: timedelta | None = None) -> RecoveryWindow:
    return RecoveryWindow(
        window_id="w-1",
        organization_id="o-exampleorgid",
        account_id=PAYMENTS.account_id,
        state=state,
        reason="restore a bucket",
        ticket=None,
        requested_by="ana",
        requested_at=NOW + opened,
        duration_seconds=3600,
        opened_at=NOW + opened,
        expires_at=NOW + opened + timedelta(hours=1),
        closed_at=None if closed is None else NOW + closed,
    )


def judge(last: AccountStatus | None, *windows: RecoveryWindow) -> AccountStatus:
    statuses = {} if last is None else {PAYMENTS.account_id: last}
    return evaluate_stored(INVENTORY, statuses, windows, ())[1]


def test_accounts_stand_in_the_order_of_the_inventory_and_each_has_a_status() -> None:
    found = evaluate_stored(INVENTORY, {}, (), ())
    assert [(one.account.name, one.status, one.reason) for one in found] == [
        ("management", Status.NOT_APPLICABLE, StatusReason.MANAGEMENT_ACCOUNT),
        ("payments", Status.UNKNOWN, StatusReason.NEVER_READ),
        ("old", Status.NOT_APPLICABLE, StatusReason.NOT_ACTIVE),
    ]


def test_a_reading_is_shown_under_the_accounts_present_name_and_role() -> None:
    renamed = replace(EMPTY, account=replace(PAYMENTS, name="before"), role=AccountRole.FAILSAFE)
    assert judge(renamed) == EMPTY


def test_what_was_read_of_the_management_account_is_shown_beside_its_status() -> None:
    last = AccountStatus(
        MANAGEMENT,
        AccountRole.MANAGEMENT,
        Status.NOT_APPLICABLE,
        StatusReason.MANAGEMENT_ACCOUNT,
        summary=PASSWORD,
        observed_at=NOW,
    )
    assert evaluate_stored(INVENTORY, {MANAGEMENT.account_id: last}, (), ())[0] == last


@pytest.mark.parametrize(
    "state", [WindowState.OPENING, WindowState.OPEN, WindowState.CLOSING, WindowState.CLOSE_FAILED]
)
@pytest.mark.parametrize("last", [EMPTY, PRESENT, None])
def test_an_open_window_says_more_than_what_was_read_before_it(state: WindowState, last: AccountStatus | None) -> None:
    found = judge(last, window(state, timedelta(minutes=5)))
    assert (found.status, found.reason, found.summary) == (Status.RECOVERY_OPEN, None, None)


def test_what_was_read_within_an_open_window_is_kept() -> None:
    open_since = window(WindowState.OPEN, -timedelta(minutes=5))
    assert judge(EMPTY, open_since).status is Status.NOT_PRESENT
    found = judge(PRESENT, open_since)
    assert (found.status, found.summary) == (Status.RECOVERY_OPEN, PASSWORD)


@pytest.mark.parametrize("state", [WindowState.REQUESTED, WindowState.APPROVED, WindowState.DENIED, WindowState.KEPT])
def test_a_window_that_owes_no_closing_changes_nothing(state: WindowState) -> None:
    assert judge(PRESENT, window(state, timedelta(minutes=5))) == PRESENT


def test_a_closing_that_was_verified_since_the_reading_shows_the_account_empty() -> None:
    read_while_open = replace(PRESENT, status=Status.RECOVERY_OPEN)
    found = judge(read_while_open, window(WindowState.CLOSED_VERIFIED, -timedelta(hours=1), timedelta(minutes=1)))
    assert (found.status, found.summary) == (Status.NOT_PRESENT, NOTHING)
    assert found.observed_at == NOW + timedelta(minutes=1)


def test_a_reading_after_the_closing_says_more_than_the_closing() -> None:
    closed = window(WindowState.CLOSED_VERIFIED, -timedelta(hours=2), -timedelta(hours=1))
    assert judge(PRESENT, closed) == PRESENT


REOPENED = replace(
    window(WindowState.CLOSING, timedelta(hours=-3)),
    first_closed_at=NOW - timedelta(hours=2),
    reopened_at=NOW + timedelta(hours=1),
)


@pytest.mark.parametrize("last", [None, EMPTY, replace(EMPTY, status=Status.UNKNOWN, summary=None)])
def test_what_a_re_read_found_after_the_closing_is_present(last: AccountStatus | None) -> None:
    found = judge(last, REOPENED)

    assert (found.status, found.summary, found.observed_at) == (Status.PRESENT, None, REOPENED.reopened_at)
    assert "w-1" in (found.detail or "")


def test_a_reading_after_a_reopening_shows_the_credentials_and_no_recovery() -> None:
    later = replace(PRESENT, observed_at=NOW + timedelta(hours=2))

    assert judge(later, REOPENED) == later
    assert judge(replace(later, status=Status.RECOVERY_OPEN), REOPENED) == later
