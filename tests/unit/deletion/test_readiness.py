"""Which accounts a deletion can include now: nothing that isn't known counts as safe."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rootkeeper.deletion.readiness import DeletionReadiness, classify_readiness
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    FailedAttempt,
    LoginProfile,
    RootCredentials,
    SigningCertificate,
    Status,
    StatusReason,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT = Account(AccountId("111122223333"), "payments", "p@example.com", AccountState.ACTIVE, ("r-1",), "Root")
FOUND = RootCredentials(
    ACCOUNT.account_id,
    LoginProfile(NOW - 900 * DAY, NOW - 200 * DAY),
    (AccessKey("AKIA", True, NOW - 800 * DAY, None),),
    (),
    (),
    NOW,
)
READ = AccountStatus(
    ACCOUNT, AccountRole.MEMBER, Status.PRESENT, summary=FOUND.summary, credentials=FOUND, observed_at=NOW
)


def classify(status: AccountStatus) -> DeletionReadiness | None:
    return classify_readiness(status, 90 * DAY, 30 * DAY)


def with_details(**changes: Any) -> AccountStatus:
    found = replace(FOUND, **changes)
    return replace(READ, credentials=found, summary=found.summary)


def test_credentials_that_nothing_used_lately_are_safe_to_delete() -> None:
    assert classify(READ) is DeletionReadiness.SAFE


def test_a_use_within_the_time_before_the_reading_blocks() -> None:
    used = with_details(login_profile=LoginProfile(NOW - 900 * DAY, NOW - 89 * DAY))
    assert classify(used) is DeletionReadiness.USED
    # Also where a newer key wasn't read in detail.
    earlier = replace(used, credentials=None, earlier_details=used.credentials)
    assert classify(earlier) is DeletionReadiness.USED


@pytest.mark.parametrize(
    "status",
    [
        replace(READ, credentials=None),
        replace(READ, credentials=None, earlier_details=replace(FOUND, observed_at=NOW - 31 * DAY)),
        replace(READ, credentials=None, earlier_details=replace(FOUND, access_keys=())),
        replace(READ, failed_attempt=FailedAttempt(NOW, None, StatusReason.THROTTLED, None)),
        with_details(signing_certificates=(SigningCertificate("C", True, NOW - 900 * DAY),)),
    ],
    ids=["never in detail", "long ago", "a newer kind", "the last attempt failed", "a certificate"],
)
def test_what_is_not_known_is_not_safe(status: AccountStatus) -> None:
    assert classify(status) is DeletionReadiness.UNREAD


def test_details_of_an_earlier_audit_count_while_they_are_young() -> None:
    young = replace(READ, credentials=None, earlier_details=replace(FOUND, observed_at=NOW - 29 * DAY))
    assert classify(young) is DeletionReadiness.SAFE


@pytest.mark.parametrize("role", [AccountRole.MANAGEMENT, AccountRole.FAILSAFE])
def test_kept_root_users_are_never_offered(role: AccountRole) -> None:
    assert classify(replace(READ, role=role)) is None


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PRESENT])
def test_only_an_account_with_credentials_is_offered(status: Status) -> None:
    assert classify(replace(READ, status=status)) is None
