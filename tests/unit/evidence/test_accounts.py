"""What is known of one account at the end of a period."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.evidence.records import render_presence
from rootkeeper.evidence.rules import (
    BY_CLOSING,
    BY_OWN_CREDENTIALS,
    BY_ROOT_SESSION,
    AccountEvidence,
    AccountFacts,
    count_verdicts,
    evaluate_account,
)
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.confirmations import Confirmation
from rootkeeper.organization.statuses import (
    KIND_ORDER,
    AccountRole,
    AccountStatus,
    CredentialKind,
    FailedAttempt,
    RootCredentialsSummary,
    Status,
    StatusReason,
    keep_reading,
)
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.evidence import (
    CHECKED,
    CLEAN,
    END,
    GUARDED,
    KEYS,
    NOTHING,
    PERIOD,
    PRESENT,
    READ,
    START,
    list_statuses,
    make_account,
    make_status,
    make_window,
)

ACCOUNT = make_account(CLEAN, "Shop Prod")


def judge(
    last: AccountStatus | None,
    *windows: RecoveryWindow,
    role: AccountRole = AccountRole.MEMBER,
    state: AccountState = AccountState.ACTIVE,
    partition: str = "aws",
    listed_at: datetime = READ,
    joined_at: datetime | None = None,
    kept: AccountStatus | None = None,
    confirmation: Confirmation | None = None,
) -> AccountEvidence:
    account = replace(ACCOUNT, state=state, joined_at=joined_at)
    facts = AccountFacts(account, role, partition, last, windows, None, listed_at, kept, confirmation)
    return evaluate_account(facts, PERIOD)


def test_in_govcloud_a_password_is_not_applicable_unless_aws_shows_one() -> None:
    found = judge(make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING), partition="aws-us-gov")
    password, *others = found.kinds
    assert "have no console sign-in" in (password.not_applicable or "")
    assert render_presence(password) == "not applicable"
    assert {kind.not_applicable for kind in others} == {None}
    assert found.verdict is Verdict.PASS
    shown = judge(
        make_status(ACCOUNT, Status.PRESENT, replace(NOTHING, has_password=True)), partition="aws-us-gov"
    ).kinds[0]
    assert (shown.is_present, shown.not_applicable) == (True, None)
    assert judge(make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING)).kinds[0].not_applicable is None


def test_four_kinds_read_empty_in_the_period_are_a_pass_with_time_and_method() -> None:
    found = judge(make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING))
    assert (found.verdict, found.status) == (Verdict.PASS, Status.NOT_PRESENT)
    assert [kind.kind for kind in found.kinds] == list(KIND_ORDER)
    assert {(kind.is_present, kind.read_at, kind.method) for kind in found.kinds} == {(False, READ, BY_ROOT_SESSION)}


def test_what_was_read_in_detail_is_counted_and_names_the_call_of_each_kind() -> None:
    detailed = list_statuses()[PRESENT]
    found = judge(replace(detailed, account=ACCOUNT))
    reported = {kind.kind: (kind.count, kind.method) for kind in found.kinds}
    assert reported[CredentialKind.ACCESS_KEYS] == (1, f"{BY_ROOT_SESSION} + iam:ListAccessKeys")
    assert reported[CredentialKind.MFA_DEVICES] == (0, f"{BY_ROOT_SESSION} + iam:ListMFADevices")
    assert found.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("read_at", "reason", "word"),
    [
        (START - timedelta(days=1), StatusReason.STALE, "before the period"),
        (END - timedelta(days=31), StatusReason.STALE, "31 days before"),
        (END + timedelta(days=1), StatusReason.NEVER_READ, "only after the period's end"),
    ],
)
def test_a_reading_outside_is_unknown_regardless_of_what_it_said(
    read_at: datetime, reason: StatusReason, word: str
) -> None:
    found = judge(make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING, observed_at=read_at))
    assert (found.verdict, found.status, found.reason) == (Verdict.UNKNOWN, Status.UNKNOWN, reason)
    assert word in (found.detail or "")
    assert {kind.is_present for kind in found.kinds} == {None}


def test_an_account_that_was_never_read_is_unknown() -> None:
    found = judge(None)
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, StatusReason.NEVER_READ)


def test_a_failed_reading_stays_unknown_with_its_reason() -> None:
    found = judge(make_status(ACCOUNT, Status.UNKNOWN, reason=StatusReason.BLOCKED_BY_POLICY, detail="p-examplescp"))
    assert (found.verdict, found.reason, found.detail) == (
        Verdict.UNKNOWN,
        StatusReason.BLOCKED_BY_POLICY,
        "p-examplescp",
    )


@pytest.mark.parametrize("summary", [None, KEYS])
def test_a_row_that_claims_emptiness_without_showing_it_proves_nothing(summary: RootCredentialsSummary | None) -> None:
    assert judge(make_status(ACCOUNT, Status.NOT_PRESENT, summary)).verdict is Verdict.UNKNOWN


def test_a_window_closed_and_verified_after_the_reading_is_the_newer_reading() -> None:
    opened = make_status(ACCOUNT, Status.RECOVERY_OPEN, GUARDED, observed_at=READ - timedelta(days=5))
    window = make_window(CLEAN, requested_at=READ - timedelta(days=6), closed_at=READ)
    found = judge(opened, window)
    assert (found.verdict, found.read_at) == (Verdict.PASS, READ)
    assert {kind.method for kind in found.kinds} == {BY_CLOSING}


@pytest.mark.parametrize("state", [WindowState.OPENING, WindowState.OPEN, WindowState.CLOSING, WindowState.KEPT])
def test_a_window_opened_after_the_reading_takes_the_proof_away(state: WindowState) -> None:
    read = make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING, observed_at=READ)
    found = judge(read, make_window(CLEAN, state, requested_at=READ + timedelta(hours=1)))
    assert (found.verdict, found.status) == (Verdict.FAIL, Status.RECOVERY_OPEN)
    assert {kind.is_present for kind in found.kinds} == {None}


def test_a_window_that_closed_after_the_periods_end_was_open_at_it() -> None:
    read = make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING, observed_at=READ)
    late = make_window(CLEAN, requested_at=END - timedelta(minutes=5), closed_at=END + timedelta(hours=1))
    assert judge(read, late).status is Status.RECOVERY_OPEN


@pytest.mark.parametrize("state", [WindowState.REQUESTED, WindowState.DENIED, WindowState.CANCELLED])
def test_a_window_that_never_opened_changes_nothing(state: WindowState) -> None:
    read = make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING)
    assert judge(read, make_window(CLEAN, state, requested_at=READ + timedelta(hours=1))).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("summary", "verdict"),
    [
        (GUARDED, Verdict.KEPT),
        (KEYS, Verdict.FAIL),
        (replace(GUARDED, has_access_keys=True), Verdict.FAIL),
    ],
)
def test_a_failsafe_is_kept_only_while_it_is_guarded_and_confirmed(
    summary: RootCredentialsSummary, verdict: Verdict
) -> None:
    read = make_status(ACCOUNT, Status.PRESENT, summary, role=AccountRole.FAILSAFE)
    assert judge(read, role=AccountRole.FAILSAFE, confirmation=CHECKED).verdict is verdict
    assert judge(read, role=AccountRole.FAILSAFE).verdict is Verdict.FAIL


def test_the_management_account_is_read_by_its_own_credentials_and_judged_by_its_own_line() -> None:
    read = make_status(
        ACCOUNT, Status.NOT_APPLICABLE, GUARDED, role=AccountRole.MANAGEMENT, reason=StatusReason.MANAGEMENT_ACCOUNT
    )
    found = judge(read, role=AccountRole.MANAGEMENT)
    assert found.verdict is Verdict.NOT_APPLICABLE
    assert {kind.method for kind in found.kinds} == {BY_OWN_CREDENTIALS}


@pytest.mark.parametrize("read_at", [None, START - timedelta(days=1), END + timedelta(days=1)])
def test_a_management_account_that_was_not_read_in_the_period_shows_nothing(read_at: datetime | None) -> None:
    read = make_status(
        ACCOUNT, Status.NOT_APPLICABLE, GUARDED if read_at else None, role=AccountRole.MANAGEMENT, observed_at=read_at
    )
    found = judge(read, role=AccountRole.MANAGEMENT)
    assert {kind.is_present for kind in found.kinds} == {None}
    assert found.detail


def test_an_account_that_isnt_active_is_not_applicable_as_far_as_the_list_is_fresh() -> None:
    assert judge(None, state=AccountState.SUSPENDED).verdict is Verdict.NOT_APPLICABLE
    assert judge(None, state=AccountState.UNKNOWN).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("listed_at", [START - timedelta(days=1), END - timedelta(days=31), END + timedelta(days=1)])
def test_an_account_that_was_listed_outside_may_have_been_active_at_the_periods_end(listed_at: datetime) -> None:
    read = make_status(ACCOUNT, Status.PRESENT, KEYS)
    found = judge(read, state=AccountState.SUSPENDED, listed_at=listed_at)
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, StatusReason.STALE)


def test_an_account_that_joined_after_the_period_isnt_judged() -> None:
    assert judge(None, joined_at=END + timedelta(days=1)).verdict is Verdict.NOT_APPLICABLE


def test_china_has_no_root_users() -> None:
    assert judge(None, partition="aws-cn").verdict is Verdict.NOT_APPLICABLE
    late = judge(None, partition="aws-cn", listed_at=END + timedelta(days=1))
    assert late.verdict is Verdict.NOT_APPLICABLE


@given(
    status=st.sampled_from(Status),
    summary=st.none()
    | st.builds(
        RootCredentialsSummary,
        has_password=st.booleans(),
        has_access_keys=st.booleans(),
        has_signing_certificates=st.booleans(),
        has_mfa_devices=st.booleans(),
    ),
    offset=st.integers(-200, 60),
    window=st.none() | st.sampled_from(WindowState),
    window_offset=st.integers(-200, 60),
)
def test_a_pass_always_rests_on_a_reading_of_the_period_that_shows_all_four_empty(
    status: Status, summary: RootCredentialsSummary | None, offset: int, window: WindowState | None, window_offset: int
) -> None:
    last = make_status(ACCOUNT, status, summary, observed_at=END + timedelta(days=offset))
    windows = () if window is None else (make_window(CLEAN, window, requested_at=END + timedelta(days=window_offset)),)
    found = judge(last, *windows)
    if found.verdict is Verdict.PASS:
        assert found.read_at is not None
        assert PERIOD.find_staleness(found.read_at) is None
        assert [kind.is_present for kind in found.kinds] == [False] * 4
        assert all(kind.method and kind.read_at == found.read_at for kind in found.kinds)


def test_every_verdict_that_an_account_can_have_is_counted() -> None:
    counts = count_verdicts([judge(None), judge(make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING))])
    assert counts[Verdict.UNKNOWN] == counts[Verdict.PASS] == 1
    assert set(counts) == set(Verdict) - {Verdict.MANUAL}


def test_a_reading_that_an_audit_of_the_period_kept_counts_once_later_ones_are_there() -> None:
    later = replace(make_status(ACCOUNT, Status.PRESENT, KEYS), observed_at=END + timedelta(days=3))
    kept = make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING)
    without, with_it = judge(later), judge(later, kept=kept)
    assert (without.verdict, with_it.verdict) == (Verdict.UNKNOWN, Verdict.PASS)
    assert {(kind.is_present, kind.read_at, kind.method) for kind in with_it.kinds} == {(False, READ, BY_ROOT_SESSION)}


def test_a_kept_reading_that_came_to_nothing_stays_unknown() -> None:
    later = replace(make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING), observed_at=END + timedelta(days=3))
    kept = AccountStatus(
        ACCOUNT, AccountRole.MEMBER, Status.UNKNOWN, StatusReason.THROTTLED, "Throttled.", observed_at=READ
    )
    assert judge(later, kept=kept).verdict is Verdict.UNKNOWN


def test_the_newest_reading_of_the_period_is_the_one_that_counts() -> None:
    kept = make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING)
    newer = replace(make_status(ACCOUNT, Status.PRESENT, KEYS), observed_at=READ + timedelta(hours=1))
    assert judge(newer, kept=kept).verdict is Verdict.FAIL
    assert judge(replace(kept, observed_at=READ + timedelta(hours=2)), kept=newer).verdict is Verdict.PASS


def test_a_window_opened_after_the_kept_reading_takes_its_proof_away() -> None:
    later = replace(make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING), observed_at=END + timedelta(days=3))
    window = make_window(CLEAN, WindowState.OPEN, requested_at=READ + timedelta(hours=1))
    kept = make_status(ACCOUNT, Status.NOT_PRESENT, NOTHING)
    assert judge(later, window, kept=kept).verdict is Verdict.FAIL


FAILED = AccountStatus(
    ACCOUNT,
    AccountRole.MEMBER,
    Status.UNKNOWN,
    StatusReason.ACCESS_DENIED,
    "AWS denied it.",
    observed_at=READ + timedelta(hours=1),
)


def test_p06_a_failed_attempt_of_the_period_leaves_the_reading_and_is_shown_beside_it() -> None:
    """Also if an earlier version kept the attempt as the account's whole status."""
    reading = make_status(ACCOUNT, Status.PRESENT, replace(NOTHING, has_password=True))
    found = judge(FAILED, kept=reading)
    assert (found.verdict, found.read_at) == (Verdict.FAIL, READ)
    assert found.failed_attempt == FailedAttempt(
        READ + timedelta(hours=1), None, StatusReason.ACCESS_DENIED, "AWS denied it."
    )
    beside = keep_reading(reading, FAILED, "arn:weak")
    shown = judge(beside)
    assert (shown.verdict, shown.failed_attempt) == (Verdict.FAIL, beside.failed_attempt)
    assert judge(beside, kept=replace(reading, observed_at=READ + timedelta(hours=2))).failed_attempt is None


def test_an_attempt_after_the_period_is_none_of_its_evidence() -> None:
    reading = make_status(ACCOUNT, Status.PRESENT, replace(NOTHING, has_password=True))
    beside = keep_reading(reading, replace(FAILED, observed_at=END + timedelta(1)), "arn:weak")
    assert judge(beside).failed_attempt is None


def test_p06_only_failed_attempts_are_no_reading() -> None:
    assert judge(FAILED).verdict is Verdict.UNKNOWN
