"""Accounts as JSON values and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.records import account_from_record, account_to_record, stored_account_to_record
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
)
from tests.unit.organization.credential_strategies import credentials

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
ACCOUNT = Account(
    AccountId("111122223333"),
    "payments",
    "aws+payments@example.com",
    AccountState.ACTIVE,
    ("r-1234", "ou-1234-abcdefgh"),
    "Root/Workloads",
    NOW,
    {"env": "prod"},
)
SUMMARY = RootCredentialsSummary(
    has_password=True, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=True
)
PRESENT = AccountStatus(ACCOUNT, AccountRole.MEMBER, Status.PRESENT, summary=SUMMARY, observed_at=NOW)


def test_a_kept_status_comes_back_as_it_was() -> None:
    assert account_from_record(stored_account_to_record(PRESENT, details=True)) == PRESENT


@given(credentials())
def test_details_come_back_as_they_were(found: RootCredentials) -> None:
    status = replace(PRESENT, summary=found.summary, credentials=replace(found, account_id=ACCOUNT.account_id))
    assert account_from_record(stored_account_to_record(status, details=True)) == status


def test_what_the_shorter_record_leaves_out_isnt_known() -> None:
    found = account_from_record(account_to_record(PRESENT, details=False))
    assert found == replace(PRESENT, account=replace(ACCOUNT, ou_ids=(), joined_at=None, tags=None), observed_at=None)


@given(st.sampled_from(["password", "access_keys", "signing_certificates", "mfa_devices"]))
def test_a_kind_that_wasnt_read_makes_the_whole_unread(kind: str) -> None:
    record: dict[str, Any] = account_to_record(PRESENT, details=False)
    record["credentials"][kind] = None
    assert account_from_record(record).summary is None


def test_an_unknown_account_stays_unknown() -> None:
    unknown = AccountStatus(
        ACCOUNT, AccountRole.MEMBER, Status.UNKNOWN, StatusReason.THROTTLED, "AWS limited the rate."
    )
    assert account_from_record(stored_account_to_record(unknown, details=True)) == unknown


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("account_id", "12", InputError),
        ("status", "fine", ValueError),
        ("role", "root", ValueError),
        ("state", "open", ValueError),
        ("reason", "mood", ValueError),
        ("details", {"observed_at": 3}, (KeyError, ValueError)),
    ],
)
def test_a_record_that_isnt_one_is_refused(field: str, value: object, error: type[Exception]) -> None:
    record = {**stored_account_to_record(PRESENT, details=True), field: value}
    with pytest.raises(error):
        account_from_record(record)
