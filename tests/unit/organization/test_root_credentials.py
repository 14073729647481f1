from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    AccessKey,
    CredentialKind,
    LoginProfile,
    RootCredentials,
    RootCredentialsSummary,
)

NOW = datetime(2026, 1, 15, tzinfo=UTC)
EMPTY = RootCredentials(AccountId("444455556666"), None, (), (), (), NOW)
NOTHING = RootCredentialsSummary(False, False, False, False)


def key(last_used_at: datetime | None) -> AccessKey:
    return AccessKey("AKIAIOSFODNN7EXAMPLE", is_active=True, created_at=NOW, last_used_at=last_used_at)


def test_the_last_use_is_the_latest_of_password_and_keys() -> None:
    earlier, later = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
    found = replace(EMPTY, login_profile=LoginProfile(NOW, earlier), access_keys=(key(later), key(None)))
    assert found.last_used_at == later
    assert EMPTY.last_used_at is None


@pytest.mark.parametrize("kind", CredentialKind)
def test_a_summary_distinguishes_each_kind(kind: CredentialKind) -> None:
    order = [
        CredentialKind.PASSWORD,
        CredentialKind.ACCESS_KEYS,
        CredentialKind.SIGNING_CERTIFICATES,
        CredentialKind.MFA_DEVICES,
    ]
    summary = RootCredentialsSummary(*(one is kind for one in order))
    assert [one for one in CredentialKind if summary.has(one)] == [kind]
    assert not summary.is_empty


def test_two_readings_together_show_what_either_shows() -> None:
    password, keys = replace(NOTHING, has_password=True), replace(NOTHING, has_access_keys=True)
    assert password.combined_with(keys) == RootCredentialsSummary(True, True, False, False)
    assert password.combined_with(keys).kind_names == ("a root password", "access keys")
    assert NOTHING.kind_names == ()
    assert NOTHING.combined_with(NOTHING).is_empty
