"""The headline names what is known and what is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rootkeeper.errors import AwsThrottledError
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    RootCredentialsSummary,
    Status,
    count_root_logins_left,
    count_statuses,
    evaluate_failure,
    evaluate_found,
    evaluate_management,
)

NOW = datetime(2026, 1, 15, tzinfo=UTC)
ACCOUNT = Account(AccountId("444455556666"), "prod", "prod@example.com", AccountState.ACTIVE, ("r-exam",), "Root")
NOTHING = RootCredentialsSummary(False, False, False, False)
PASSWORD = replace(NOTHING, has_password=True)
SECURED = RootCredentialsSummary(True, False, False, True)


def found(
    summary: RootCredentialsSummary, role: AccountRole = AccountRole.MEMBER, *, window: bool = False
) -> AccountStatus:
    return evaluate_found(ACCOUNT, role, summary, observed_at=NOW, has_open_window=window)


def failed(role: AccountRole = AccountRole.MEMBER) -> AccountStatus:
    return evaluate_failure(ACCOUNT, role, AwsThrottledError("slow down"), observed_at=NOW)


@pytest.mark.parametrize(
    ("status", "known", "unknown"),
    [
        (found(NOTHING), 0, 0),
        (found(PASSWORD), 1, 0),
        (found(PASSWORD, window=True), 1, 0),
        (failed(), 0, 1),
        (AccountStatus(ACCOUNT, AccountRole.MEMBER, Status.NOT_APPLICABLE), 0, 0),
        (found(PASSWORD, AccountRole.FAILSAFE), 1, 0),
        (found(SECURED, AccountRole.FAILSAFE), 1, 0),
        (replace(found(SECURED, AccountRole.FAILSAFE), is_confirmed=True), 0, 0),
        (failed(AccountRole.FAILSAFE), 0, 1),
        (AccountStatus(ACCOUNT, AccountRole.FAILSAFE, Status.RECOVERY_OPEN), 1, 0),
        (evaluate_management(ACCOUNT, SECURED, NOW), 0, 0),
        (evaluate_management(ACCOUNT, PASSWORD, NOW), 1, 0),
        (evaluate_management(ACCOUNT, None, None), 0, 1),
    ],
)
def test_p30_each_account_is_left_to_secure_or_unknown_or_neither(
    status: AccountStatus, known: int, unknown: int
) -> None:
    left = count_root_logins_left([status])
    assert (left.known, left.unknown) == (known, unknown)
    assert left.is_none == (not known and not unknown)
    assert count_statuses([status])["unknown"] == unknown, "the summary counts as the headline does"


def test_p30_one_known_root_login_does_not_hide_the_unknown_ones() -> None:
    left = count_root_logins_left([found(PASSWORD), *[failed()] * 1_023, found(NOTHING)])
    assert left.headline == "Root logins left to secure: 1 known, 1,023 unknown, 1,023 unread"


def test_p30_no_account_is_no_good_news() -> None:
    left = count_root_logins_left([])
    assert left.headline == "Root logins left to secure: unknown, no account was read"
    assert not left.is_none
