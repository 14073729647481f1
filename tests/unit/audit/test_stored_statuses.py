"""What is known of accounts without asking AWS."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.audit.rules import evaluate_stored
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory, Organization
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    FailedAttempt,
    FailOn,
    RootCredentialsSummary,
    Status,
    StatusReason,
    count_root_logins_left,
    has_findings,
    keep_reading,
)
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


STALE_AFTER = timedelta(days=30)


def evaluate(statuses: dict[AccountId, AccountStatus], now: datetime = NOW) -> tuple[AccountStatus, ...]:
    return evaluate_stored(INVENTORY, statuses, (), (), now=now, stale_after=STALE_AFTER)


def judge(last: AccountStatus | None, *windows: RecoveryWindow, now: datetime = NOW) -> AccountStatus:
    statuses = {} if last is None else {PAYMENTS.account_id: last}
    return evaluate_stored(INVENTORY, statuses, windows, (), now=now, stale_after=STALE_AFTER)[1]


def test_accounts_stand_in_the_order_of_the_inventory_and_each_has_a_status() -> None:
    found = evaluate({})
    assert [(one.account.name, one.status, one.reason) for one in found] == [
        ("management", Status.NOT_APPLICABLE, StatusReason.MANAGEMENT_ACCOUNT),
        ("payments", Status.UNKNOWN, StatusReason.NEVER_READ),
        ("old", Status.NOT_APPLICABLE, StatusReason.NOT_ACTIVE),
    ]


def test_a_reading_is_shown_under_the_accounts_present_name_and_role() -> None:
    renamed = replace(EMPTY, account=replace(PAYMENTS, name="before"), role=AccountRole.FAILSAFE)
    assert judge(renamed) == EMPTY


@pytest.mark.parametrize(
    ("last", "status"), [(None, Status.NOT_APPLICABLE), (EMPTY, Status.NOT_APPLICABLE), (PRESENT, Status.PRESENT)]
)
def test_in_govcloud_credentials_that_a_reading_shows_arent_hidden(last: AccountStatus | None, status: Status) -> None:
    govcloud = replace(INVENTORY, organization=replace(INVENTORY.organization, partition="aws-us-gov"))
    statuses = {} if last is None else {PAYMENTS.account_id: last}
    found = evaluate_stored(govcloud, statuses, (), (), now=NOW, stale_after=STALE_AFTER)[1]
    assert found.status is status


def test_what_was_read_of_the_management_account_is_shown_beside_its_status() -> None:
    last = AccountStatus(
        MANAGEMENT,
        AccountRole.MANAGEMENT,
        Status.NOT_APPLICABLE,
        StatusReason.MANAGEMENT_ACCOUNT,
        summary=PASSWORD,
        observed_at=NOW,
    )
    assert evaluate({MANAGEMENT.account_id: last})[0] == last


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


CALLER = "arn:aws:iam::999999999999:user/weak"
DENIED = AccountStatus(
    PAYMENTS,
    AccountRole.MEMBER,
    Status.UNKNOWN,
    StatusReason.ACCESS_DENIED,
    "AWS denied it.",
    observed_at=NOW + timedelta(days=2),
)


@pytest.mark.parametrize("reading", [PRESENT, EMPTY], ids=["present", "empty"])
def test_p06_a_failed_attempt_stands_beside_the_reading_that_it_does_not_replace(reading: AccountStatus) -> None:
    attempt = FailedAttempt(NOW + timedelta(days=2), CALLER, StatusReason.ACCESS_DENIED, "AWS denied it.")
    kept = keep_reading(reading, DENIED, CALLER)
    assert kept == replace(reading, failed_attempt=attempt)
    assert judge(kept, now=NOW + timedelta(days=3)) == kept
    assert (kept.attempted.status, kept.attempted.reason, kept.attempted.summary) == (
        Status.UNKNOWN,
        StatusReason.ACCESS_DENIED,
        None,
    )


def test_a_second_failed_attempt_replaces_the_first_and_a_reading_ends_both() -> None:
    once = keep_reading(PRESENT, DENIED, CALLER)
    later = replace(DENIED, observed_at=NOW + timedelta(days=4), reason=StatusReason.THROTTLED)
    twice = keep_reading(once, later, "arn:other")
    assert twice == replace(
        PRESENT,
        failed_attempt=FailedAttempt(NOW + timedelta(days=4), "arn:other", StatusReason.THROTTLED, "AWS denied it."),
    )
    assert keep_reading(twice, EMPTY, CALLER) == EMPTY


def test_without_an_earlier_reading_the_attempt_itself_is_the_status() -> None:
    assert keep_reading(None, DENIED, CALLER) == DENIED
    assert keep_reading(DENIED, DENIED, CALLER) == DENIED


@pytest.mark.parametrize("reading", [PRESENT, EMPTY], ids=["present", "empty"])
@pytest.mark.parametrize("was_tried", [True, False])
def test_p06_a_stale_reading_is_unknown_and_never_good(reading: AccountStatus, *, was_tried: bool) -> None:
    kept = keep_reading(reading, DENIED, CALLER) if was_tried else reading
    assert judge(kept, now=NOW + STALE_AFTER).status is reading.status
    found = judge(kept, now=NOW + STALE_AFTER + timedelta(seconds=1))
    assert (found.status, found.summary, found.observed_at) == (Status.UNKNOWN, None, NOW)
    assert found.reason is (StatusReason.ACCESS_DENIED if was_tried else StatusReason.STALE)
    assert "Last read at 2026-01-15" in str(found.detail)
    assert found.is_unread


def test_a_stale_reading_of_the_management_account_shows_nothing_any_more() -> None:
    last = AccountStatus(
        MANAGEMENT,
        AccountRole.MANAGEMENT,
        Status.NOT_APPLICABLE,
        StatusReason.MANAGEMENT_ACCOUNT,
        summary=PASSWORD,
        observed_at=NOW,
    )
    found = evaluate({MANAGEMENT.account_id: last}, NOW + STALE_AFTER + timedelta(days=1))[0]
    assert (found.status, found.summary) == (Status.NOT_APPLICABLE, None)
    assert count_root_logins_left([found]).unknown == 1


def test_a_proven_closing_after_a_failed_attempt_is_the_newest_reading() -> None:
    kept = keep_reading(PRESENT, DENIED, CALLER)
    closed = window(WindowState.CLOSED_VERIFIED, timedelta(days=1), timedelta(days=3))
    found = judge(kept, closed, now=NOW + timedelta(days=3))
    assert (found.status, found.failed_attempt) == (Status.NOT_PRESENT, None)
    earlier = window(WindowState.CLOSED_VERIFIED, timedelta(hours=1), timedelta(days=1))
    found = judge(kept, earlier, now=NOW + timedelta(days=3))
    assert (found.status, found.failed_attempt) == (Status.NOT_PRESENT, kept.failed_attempt)


def test_a_gate_fails_on_an_account_that_the_last_attempt_did_not_read() -> None:
    kept = keep_reading(EMPTY, DENIED, CALLER)
    assert not has_findings([kept], frozenset({FailOn.PRESENT, FailOn.UNKNOWN}))
    assert has_findings([kept], frozenset({FailOn.UNREAD}))
    assert not has_findings([EMPTY], frozenset({FailOn.UNREAD}))
    left = count_root_logins_left([kept, PRESENT])
    assert (left.known, left.unknown, left.unread, left.is_none) == (1, 0, 1, False)
    assert left.headline == "Root logins left to secure: 1 known, 0 unknown, 1 unread"
    assert not count_root_logins_left([kept]).is_none


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
