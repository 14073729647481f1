from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnreachableError,
    DenialCause,
    RootkeeperError,
)
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory, Organization
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    FailOn,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
    classify_account_role,
    count_root_logins_left,
    count_statuses,
    evaluate_failure,
    evaluate_found,
    evaluate_management,
    find_status_without_reading,
    has_findings,
)

NOW = datetime(2026, 1, 15, tzinfo=UTC)
MANAGEMENT, MEMBER, FAILSAFE = AccountId("111122223333"), AccountId("444455556666"), AccountId("222233334444")
ACCOUNT = Account(MEMBER, "prod", "prod@example.com", AccountState.ACTIVE, ("r-exam",), "Root")
NOTHING = RootCredentialsSummary(False, False, False, False)
PASSWORD = replace(NOTHING, has_password=True)
SECURED = RootCredentialsSummary(True, False, False, True)
EVERYTHING = frozenset({FailOn.PRESENT, FailOn.UNKNOWN})

summaries = st.builds(RootCredentialsSummary, st.booleans(), st.booleans(), st.booleans(), st.booleans())


def found(
    summary: RootCredentialsSummary, role: AccountRole = AccountRole.MEMBER, *, window: bool = False
) -> AccountStatus:
    return evaluate_found(ACCOUNT, role, summary, observed_at=NOW, has_open_window=window)


def failed(error: RootkeeperError, session: str | None = None) -> AccountStatus:
    return evaluate_failure(ACCOUNT, AccountRole.MEMBER, error, observed_at=NOW, session_access_key_id=session)


def management(summary: RootCredentialsSummary | None) -> AccountStatus:
    return evaluate_management(ACCOUNT, summary, NOW)


@pytest.mark.parametrize(
    ("account_id", "role"),
    [(MANAGEMENT, AccountRole.MANAGEMENT), (FAILSAFE, AccountRole.FAILSAFE), (MEMBER, AccountRole.MEMBER)],
)
@pytest.mark.parametrize("delegates", [frozenset({FAILSAFE}), None])
def test_a_delegated_administrator_is_the_failsafe(
    account_id: AccountId, role: AccountRole, delegates: frozenset[AccountId] | None
) -> None:
    organization = Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws")
    inventory = Inventory(organization, (ACCOUNT,), (), NOW, delegates)
    expected = AccountRole.MEMBER if role is AccountRole.FAILSAFE and delegates is None else role
    assert classify_account_role(account_id, inventory) is expected


@given(summaries, st.booleans())
def test_only_four_empty_kinds_are_not_present(summary: RootCredentialsSummary, window: bool) -> None:
    status = found(summary, window=window)
    assert (status.status is Status.NOT_PRESENT) == summary.is_empty
    if not summary.is_empty:
        assert status.status is (Status.RECOVERY_OPEN if window else Status.PRESENT)


def test_details_that_show_more_than_the_summary_count() -> None:
    key = AccessKey("AKIAIOSFODNN7EXAMPLE", is_active=True, created_at=NOW, last_used_at=None)
    details = RootCredentials(MEMBER, None, (key,), (), (), NOW)
    status = evaluate_found(
        ACCOUNT, AccountRole.MEMBER, NOTHING, observed_at=NOW, has_open_window=False, credentials=details
    )
    assert status.status is Status.PRESENT
    assert status.summary == replace(NOTHING, has_access_keys=True)


@pytest.mark.parametrize(
    ("error", "session", "reason"),
    [
        (AwsThrottledError("slow down"), None, StatusReason.THROTTLED),
        (AwsThrottledError("slow down"), "ASIAEXAMPLE", StatusReason.THROTTLED),
        (AwsAccessDeniedError("no"), None, StatusReason.ACCESS_DENIED),
        (AwsAccessDeniedError("no"), "ASIAEXAMPLE", StatusReason.BLOCKED_BY_POLICY),
        (AwsUnreachableError("gone"), "ASIAEXAMPLE", StatusReason.ERROR),
        (AwsRejectedError("odd"), None, StatusReason.ERROR),
    ],
)
def test_p06_an_account_that_cannot_be_read_is_unknown_with_its_reason(
    error: AwsError, session: str | None, reason: StatusReason
) -> None:
    status = failed(error, session)
    assert (status.status, status.reason) == (Status.UNKNOWN, reason)
    assert status.summary is None
    assert status.detail == f"{error.message}."


def test_p18_the_policy_that_aws_names_is_reported() -> None:
    denied = AwsAccessDeniedError("denied", denied_by=DenialCause.SERVICE_CONTROL_POLICY, policy_id="p-examplescp")
    assert "p-examplescp" in (failed(denied, "ASIAEXAMPLE").detail or "")


def test_a_hint_is_in_the_detail() -> None:
    assert failed(AwsAccessDeniedError("It is off.", hint="Run rootkeeper enable.")).detail == (
        "It is off. Run rootkeeper enable."
    )


@pytest.mark.parametrize("state", sorted(set(AccountState) - {AccountState.ACTIVE, AccountState.UNKNOWN}))
def test_an_account_that_is_not_active_is_not_applicable(state: AccountState) -> None:
    status = find_status_without_reading(replace(ACCOUNT, state=state), AccountRole.MEMBER, "aws")
    assert status is not None
    assert (status.status, status.reason) == (Status.NOT_APPLICABLE, StatusReason.NOT_ACTIVE)
    assert state.value in (status.detail or "")


def test_p06_an_account_without_a_known_state_is_unknown() -> None:
    status = find_status_without_reading(replace(ACCOUNT, state=AccountState.UNKNOWN), AccountRole.MEMBER, "aws")
    assert status is not None
    assert (status.status, status.reason) == (Status.UNKNOWN, StatusReason.ERROR)


@pytest.mark.parametrize(
    ("partition", "words"),
    [("aws-cn", "has no root users"), ("aws-us-gov", "Whether there are root access keys isn't known")],
)
@pytest.mark.parametrize("role", [AccountRole.MEMBER, AccountRole.FAILSAFE])
def test_a_partition_whose_root_users_cant_be_read_is_not_applicable(
    partition: str, words: str, role: AccountRole
) -> None:
    status = find_status_without_reading(ACCOUNT, role, partition)
    assert status is not None
    assert (status.status, status.reason) == (Status.NOT_APPLICABLE, StatusReason.PARTITION)
    assert words in (status.detail or "")


def test_an_active_member_is_read() -> None:
    assert find_status_without_reading(ACCOUNT, AccountRole.FAILSAFE, "aws") is None


def test_the_management_account_is_not_applicable_regardless_of_its_reading() -> None:
    for summary in (None, PASSWORD, NOTHING):
        status = management(summary)
        assert (status.status, status.reason) == (Status.NOT_APPLICABLE, StatusReason.MANAGEMENT_ACCOUNT)
        assert status.summary == summary


@pytest.mark.parametrize(
    ("summary", "is_in_order"),
    [
        (None, False),
        (NOTHING, False),
        (PASSWORD, False),
        (SECURED, True),
        (replace(SECURED, has_access_keys=True), False),
        (replace(SECURED, has_signing_certificates=True), False),
    ],
)
def test_a_kept_root_login_is_in_order_with_mfa_and_without_key_or_certificate(
    summary: RootCredentialsSummary | None, is_in_order: bool
) -> None:
    assert management(summary).is_in_order == is_in_order
    left = count_root_logins_left([management(summary)])
    assert (left.known, left.unknown) == (int(not is_in_order and summary is not None), int(summary is None))


def test_a_failsafe_in_order_is_no_finding_once_it_is_confirmed() -> None:
    unconfirmed = found(SECURED, AccountRole.FAILSAFE)
    assert has_findings([unconfirmed], EVERYTHING)
    assert not has_findings([replace(unconfirmed, is_confirmed=True)], EVERYTHING)
    assert has_findings([replace(found(PASSWORD, AccountRole.FAILSAFE), is_confirmed=True)], EVERYTHING)
    assert has_findings([replace(found(SECURED), is_confirmed=True)], EVERYTHING)
    assert has_findings([found(PASSWORD, AccountRole.FAILSAFE)], EVERYTHING)
    assert has_findings([found(SECURED)], EVERYTHING)


@pytest.mark.parametrize(
    ("fail_on", "present", "unknown"),
    [
        (frozenset({FailOn.NONE}), False, False),
        (frozenset({FailOn.PRESENT}), True, False),
        (frozenset({FailOn.UNKNOWN}), False, True),
        (EVERYTHING, True, True),
    ],
)
def test_findings_are_what_fail_on_names(fail_on: frozenset[FailOn], present: bool, unknown: bool) -> None:
    assert has_findings([found(PASSWORD)], fail_on) == present
    assert has_findings([failed(AwsRejectedError("odd"))], fail_on) == unknown
    assert not has_findings([found(NOTHING), management(PASSWORD), found(PASSWORD, window=True)], fail_on)


def test_every_account_is_counted_once() -> None:
    statuses = [found(PASSWORD), found(NOTHING), found(PASSWORD, window=True), management(None)]
    assert count_statuses([*statuses, failed(AwsRejectedError("odd"))]) == {
        "accounts": 5,
        "present": 1,
        "not_present": 1,
        "recovery_open": 1,
        "unknown": 2,
        "not_applicable": 0,
    }
