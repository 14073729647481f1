"""What changed between two audits; what wasn't read never counts as gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.history.rules import AccountChange, AuditDifference, PresenceChange, compare_audits, compare_kinds
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import (
    FAIL_ON_FINDINGS,
    AccessKey,
    AccountRole,
    AccountStatus,
    CredentialKind,
    FailOn,
    LoginProfile,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ID = AccountId("111122223333")
PRESENT_ONLY, UNKNOWN_ONLY = frozenset({FailOn.PRESENT}), frozenset({FailOn.UNKNOWN})


def found(
    *kinds: CredentialKind,
    account_id: str = ID,
    role: AccountRole = AccountRole.MEMBER,
    status: Status | None = None,
    at: datetime = NOW,
) -> AccountStatus:
    summary = RootCredentialsSummary(
        has_password=CredentialKind.PASSWORD in kinds,
        has_access_keys=CredentialKind.ACCESS_KEYS in kinds,
        has_signing_certificates=CredentialKind.SIGNING_CERTIFICATES in kinds,
        has_mfa_devices=CredentialKind.MFA_DEVICES in kinds,
    )
    account = Account(AccountId(account_id), "Shop", "shop@example.com", AccountState.ACTIVE, ("r-abcd",), "Root")
    return AccountStatus(
        account,
        role,
        status or (Status.PRESENT if kinds else Status.NOT_PRESENT),
        summary=summary,
        observed_at=at,
    )


def unread(reason: StatusReason = StatusReason.THROTTLED) -> AccountStatus:
    return replace(found(), status=Status.UNKNOWN, reason=reason, summary=None)


def compare(before: AccountStatus | None, after: AccountStatus | None, *, complete: bool = True) -> AuditDifference:
    return compare_audits(
        {} if before is None else {before.account.account_id: before},
        {} if after is None else {after.account.account_id: after},
        are_complete=complete,
    )


def changes(before: AccountStatus, after: AccountStatus) -> dict[str, str]:
    return {one.kind.value: one.change.value for one in compare_kinds(before, after)}


def test_what_is_as_it_was_is_only_counted() -> None:
    difference = compare(found(), found(at=NOW + timedelta(days=1)))
    assert difference == AuditDifference((), unchanged=1, not_compared=0)


def test_credentials_that_appeared_and_went_are_reported_with_both_readings() -> None:
    after = found(CredentialKind.ACCESS_KEYS, at=NOW + timedelta(days=1))
    (one,) = compare(found(CredentialKind.PASSWORD), after).accounts
    assert (one.account_id, one.name, one.change) == (ID, "Shop", AccountChange.CHANGED)
    assert one.before is not None
    assert one.after is not None
    assert (one.before.observed_at, one.after.observed_at) == (NOW, NOW + timedelta(days=1))
    assert [(kind.kind.value, kind.before, kind.after, kind.change.value) for kind in one.kinds] == [
        ("password", True, False, "gone"),
        ("access_keys", False, True, "appeared"),
    ]


def test_what_isnt_read_any_more_is_never_gone() -> None:
    (one,) = compare(found(CredentialKind.PASSWORD, CredentialKind.MFA_DEVICES), unread()).accounts
    assert {kind.change for kind in one.kinds} == {PresenceChange.UNREAD}
    assert {kind.after for kind in one.kinds} == {None}


def test_what_wasnt_read_before_didnt_appear() -> None:
    assert changes(unread(), found(CredentialKind.PASSWORD)) == dict.fromkeys(
        ("password", "access_keys", "signing_certificates", "mfa_devices"), "read"
    )


def test_another_reason_for_not_knowing_is_a_change() -> None:
    (one,) = compare(unread(StatusReason.THROTTLED), unread(StatusReason.BLOCKED_BY_POLICY)).accounts
    assert one.kinds == ()


def test_keys_that_were_replaced_are_seen_where_both_were_read_in_detail() -> None:
    def detailed(key_id: str) -> AccountStatus:
        keys = (AccessKey(key_id, True, NOW, None),)
        credentials = RootCredentials(ID, LoginProfile(NOW, None), keys, (), (), NOW)
        return replace(found(CredentialKind.ACCESS_KEYS, CredentialKind.PASSWORD), credentials=credentials)

    assert changes(detailed("AKIAIOSFODNN7EXAMPLE"), detailed("AKIAEXAMPLEANOTHER00")) == {"access_keys": "replaced"}
    assert changes(detailed("AKIAIOSFODNN7EXAMPLE"), detailed("AKIAIOSFODNN7EXAMPLE")) == {}
    alone = found(CredentialKind.ACCESS_KEYS, CredentialKind.PASSWORD)
    assert changes(alone, detailed("AKIAIOSFODNN7EXAMPLE")) == {}


def test_accounts_join_and_leave_between_audits_of_the_whole_organization() -> None:
    (joined,) = compare(None, found()).accounts
    (left,) = compare(found(), None).accounts
    assert (joined.change, joined.before) == (AccountChange.JOINED, None)
    assert (left.change, left.after) == (AccountChange.LEFT, None)


def test_a_selection_says_nothing_of_the_accounts_that_it_left_out() -> None:
    assert compare(None, found(), complete=False) == AuditDifference((), unchanged=0, not_compared=1)
    assert compare(found(), None, complete=False) == AuditDifference((), unchanged=0, not_compared=1)


def test_accounts_come_by_their_id() -> None:
    after = [found(CredentialKind.PASSWORD, account_id=f"{number:012d}") for number in (3, 1, 2)]
    difference = compare_audits({}, {one.account.account_id: one for one in after}, are_complete=True)
    assert [one.account_id for one in difference.accounts] == ["000000000001", "000000000002", "000000000003"]


UNCONFIRMED = found(CredentialKind.PASSWORD, CredentialKind.MFA_DEVICES, role=AccountRole.FAILSAFE)
FAILSAFE = replace(UNCONFIRMED, is_confirmed=True)
OPEN = found(CredentialKind.PASSWORD, status=Status.RECOVERY_OPEN)


@pytest.mark.parametrize(
    ("why", "before", "after", "fail_on", "expected"),
    [
        ("a password appeared", found(), found(CredentialKind.PASSWORD), PRESENT_ONLY, True),
        ("a password appeared", found(), found(CredentialKind.PASSWORD), UNKNOWN_ONLY, False),
        (
            "a key beside a password",
            found(CredentialKind.PASSWORD),
            found(CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS),
            PRESENT_ONLY,
            True,
        ),
        (
            "MFA went and the password stayed",
            found(CredentialKind.PASSWORD, CredentialKind.MFA_DEVICES),
            found(CredentialKind.PASSWORD),
            PRESENT_ONLY,
            True,
        ),
        ("all of it went", found(CredentialKind.PASSWORD, CredentialKind.MFA_DEVICES), found(), PRESENT_ONLY, False),
        (
            "MFA was added",
            found(CredentialKind.PASSWORD),
            found(CredentialKind.PASSWORD, CredentialKind.MFA_DEVICES),
            PRESENT_ONLY,
            False,
        ),
        ("no longer known", found(), unread(), UNKNOWN_ONLY, True),
        ("no longer known", found(), unread(), PRESENT_ONLY, False),
        ("not known before", unread(), unread(StatusReason.ERROR), UNKNOWN_ONLY, False),
        ("it was unknown and is there", unread(), found(CredentialKind.PASSWORD), PRESENT_ONLY, True),
        ("it joined with a password", None, found(CredentialKind.PASSWORD), PRESENT_ONLY, True),
        ("it joined and is clean", None, found(), FAIL_ON_FINDINGS, False),
        ("it joined and wasn't read", None, unread(), UNKNOWN_ONLY, True),
        ("it left", found(CredentialKind.PASSWORD), None, FAIL_ON_FINDINGS, False),
        ("a window is open", found(), OPEN, FAIL_ON_FINDINGS, False),
        ("a window was left open", OPEN, found(CredentialKind.PASSWORD), PRESENT_ONLY, True),
        ("a failsafe was set up", found(role=AccountRole.FAILSAFE), FAILSAFE, FAIL_ON_FINDINGS, False),
        ("nothing confirms it", found(role=AccountRole.FAILSAFE), UNCONFIRMED, FAIL_ON_FINDINGS, True),
        (
            "a failsafe lost its MFA",
            FAILSAFE,
            found(CredentialKind.PASSWORD, role=AccountRole.FAILSAFE),
            PRESENT_ONLY,
            True,
        ),
        ("nothing is asked for", found(), found(CredentialKind.PASSWORD), frozenset({FailOn.NONE}), False),
    ],
)
def test_what_is_worse(
    why: str,
    before: AccountStatus | None,
    after: AccountStatus | None,
    fail_on: frozenset[FailOn],
    expected: bool,
) -> None:
    assert compare(before, after).is_worse(fail_on) is expected, why


KINDS = st.sets(st.sampled_from(CredentialKind))
STATUSES = st.one_of(KINDS.map(lambda kinds: found(*kinds)), st.just(unread()))


@given(STATUSES, STATUSES)
def test_nothing_is_gone_or_appears_unless_both_were_read(before: AccountStatus, after: AccountStatus) -> None:
    for one in compare_kinds(before, after):
        certain = one.change in {PresenceChange.GONE, PresenceChange.APPEARED}
        assert certain == (one.before is not None and one.after is not None)
        assert one.before != one.after


@given(st.dictionaries(st.integers(0, 9), STATUSES), st.dictionaries(st.integers(0, 9), STATUSES), st.booleans())
def test_every_account_is_reported_counted_or_not_compared(
    before: dict[int, AccountStatus], after: dict[int, AccountStatus], complete: bool
) -> None:
    one, other = (
        {AccountId(f"{number:012d}"): status for number, status in found.items()} for found in (before, after)
    )
    difference = compare_audits(one, other, are_complete=complete)
    assert len(difference.accounts) + difference.unchanged + difference.not_compared == len({*one, *other})
