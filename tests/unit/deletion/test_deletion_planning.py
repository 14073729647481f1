from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.changes.removal_rules import ALL_KINDS
from rootkeeper.deletion.rules import (
    RECENT_USE,
    PlannedAccount,
    choose_validity,
    is_recent_reading,
    plan_account,
    plan_skipped,
    require_guarded,
)
from rootkeeper.errors import AwsThrottledError, InputError
from rootkeeper.organization.accounts import Account, AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    CredentialKind,
    FailedAttempt,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
    evaluate_failure,
    evaluate_found,
)
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.stores import make_window
from tests.unit.organization.credential_strategies import ACCOUNT_ID, NOW

ACCOUNT = Account(ACCOUNT_ID, "prod", "prod@example.com", AccountState.ACTIVE, ("r-exam",), "Root")
EMPTY = RootCredentials(ACCOUNT_ID, None, (), (), (), NOW)
MFA = MfaDevice("GAHT12345678", MfaKind.HARDWARE, NOW)
USED_YESTERDAY = replace(EMPTY, login_profile=LoginProfile(NOW - timedelta(days=400), NOW - timedelta(days=1)))
NEVER_USED = replace(EMPTY, login_profile=LoginProfile(NOW - timedelta(days=400), None), mfa_devices=(MFA,))


def read(found: RootCredentials, *, window: bool = False) -> AccountStatus:
    return evaluate_found(
        ACCOUNT, AccountRole.MEMBER, found.summary, observed_at=NOW, has_open_window=window, credentials=found
    )


def plan(
    status: AccountStatus, *kinds: CredentialKind, allowed: str | None = None, recent: timedelta = RECENT_USE
) -> PlannedAccount:
    uses = {} if allowed is None else {ACCOUNT_ID: allowed}
    return plan_account(status, only=frozenset(kinds) or ALL_KINDS, allowed_uses=uses, now=NOW, recent=recent)


def reason(account: PlannedAccount) -> SkipReason | None:
    return None if account.skip is None else account.skip.reason


def test_what_is_there_and_unused_is_planned() -> None:
    planned = plan(read(NEVER_USED))
    assert planned.skip is None
    assert [call.operation for call in planned.calls] == ["DeleteLoginProfile", "DeactivateMFADevice"]
    assert planned.found == NEVER_USED


def test_a_clean_account_has_nothing_to_delete() -> None:
    assert reason(plan(read(EMPTY))) is SkipReason.NOTHING_TO_DELETE
    assert reason(plan(read(USED_YESTERDAY), CredentialKind.ACCESS_KEYS)) is SkipReason.NOTHING_TO_DELETE


def test_a_recently_used_password_blocks_unless_it_is_allowed_with_a_reason() -> None:
    blocked = plan(read(USED_YESTERDAY))
    assert reason(blocked) is SkipReason.RECENTLY_USED
    assert blocked.calls == ()
    allowed = plan(read(USED_YESTERDAY), allowed="migrated to roles")
    assert allowed.skip is None
    assert allowed.allowed_use == "migrated to roles"
    assert plan(read(USED_YESTERDAY), recent=timedelta(hours=1)).skip is None


def test_an_allowance_that_was_not_needed_is_not_kept() -> None:
    assert plan(read(NEVER_USED), allowed="just in case").allowed_use is None


def test_p06_what_could_not_be_read_is_never_planned() -> None:
    unread = evaluate_failure(ACCOUNT, AccountRole.MEMBER, AwsThrottledError("slow down"), observed_at=NOW)
    assert reason(plan(unread)) is SkipReason.UNKNOWN
    summary = RootCredentialsSummary(True, False, False, False)
    without_details = evaluate_found(ACCOUNT, AccountRole.MEMBER, summary, observed_at=NOW, has_open_window=False)
    assert reason(plan(without_details)) is SkipReason.UNKNOWN
    contradicting = replace(without_details, credentials=EMPTY)
    assert contradicting.status is Status.PRESENT
    assert reason(plan(contradicting)) is SkipReason.UNKNOWN


def test_an_account_with_an_open_window_is_not_planned() -> None:
    assert reason(plan(read(NEVER_USED, window=True))) is SkipReason.WINDOW_OPEN


def test_a_skipped_account_keeps_its_reason() -> None:
    skipped = plan_skipped(ACCOUNT, Skip(SkipReason.EXCLUDED, "Excluded by --exclude."))
    assert reason(skipped) is SkipReason.EXCLUDED
    assert skipped.calls == ()


def test_p25_a_choice_of_kinds_that_takes_mfa_from_a_password_is_refused() -> None:
    with pytest.raises(InputError, match=ACCOUNT_ID):
        require_guarded([read(NEVER_USED)], frozenset({CredentialKind.MFA_DEVICES}))
    require_guarded([read(NEVER_USED)], frozenset({CredentialKind.MFA_DEVICES, CredentialKind.PASSWORD}))
    require_guarded([read(replace(EMPTY, mfa_devices=(MFA,)))], frozenset({CredentialKind.MFA_DEVICES}))


def test_a_plan_is_valid_for_a_day_from_now_or_from_its_begin() -> None:
    assert choose_validity(NOW, None, None) == (NOW, NOW + timedelta(hours=24))
    begin = NOW + timedelta(days=3)
    assert choose_validity(NOW, begin, None) == (begin, begin + timedelta(hours=24))


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [
        (None, NOW),
        (NOW + timedelta(hours=2), NOW + timedelta(hours=1)),
        (NOW - timedelta(days=3), None),
        (None, NOW + timedelta(days=7, seconds=1)),
        (datetime(2020, 1, 1, tzinfo=UTC), NOW + timedelta(hours=1)),
    ],
)
def test_a_validity_that_makes_no_sense_is_refused(not_before: datetime | None, not_after: datetime | None) -> None:
    with pytest.raises(InputError):
        choose_validity(NOW, not_before, not_after)


SUMMARY_ONLY = replace(read(NEVER_USED), credentials=None)
MORE_THAN_LISTED = replace(read(NEVER_USED), summary=RootCredentialsSummary(True, True, True, True))
LATER = NOW + timedelta(minutes=59)
HOUR = timedelta(hours=1)


def window_until(closed_at: datetime | None) -> RecoveryWindow:
    state = WindowState.OPEN if closed_at is None else WindowState.CLOSED_VERIFIED
    return replace(make_window(ACCOUNT_ID, NOW, state), opened_at=NOW - 2 * HOUR, closed_at=closed_at)


def is_recent(status: AccountStatus, *windows: RecoveryWindow, now: datetime = LATER) -> bool:
    return is_recent_reading(status, ACCOUNT, AccountRole.MEMBER, windows, now)


def test_a_whole_detailed_reading_of_the_last_hour_counts_as_read_now() -> None:
    assert is_recent(read(NEVER_USED))
    assert is_recent(read(EMPTY))
    assert is_recent(read(NEVER_USED), now=NOW + HOUR)
    assert is_recent(read(NEVER_USED), window_until(NOW - HOUR))


@pytest.mark.parametrize(
    ("status", "now"),
    [
        pytest.param(read(NEVER_USED), NOW + HOUR + timedelta(seconds=1), id="too old"),
        pytest.param(read(NEVER_USED), NOW - timedelta(seconds=1), id="from the future"),
        pytest.param(SUMMARY_ONLY, LATER, id="without ages and last uses"),
        pytest.param(replace(read(EMPTY), summary=None), LATER, id="without a summary"),
        pytest.param(MORE_THAN_LISTED, LATER, id="with a summary that shows more than the lists"),
        pytest.param(read(NEVER_USED, window=True), LATER, id="in an open window"),
        pytest.param(
            evaluate_failure(ACCOUNT, AccountRole.MEMBER, AwsThrottledError("slow down"), observed_at=NOW),
            LATER,
            id="unread",
        ),
        pytest.param(
            replace(read(NEVER_USED), failed_attempt=FailedAttempt(LATER, None, StatusReason.THROTTLED, None)),
            LATER,
            id="a later attempt failed",
        ),
        pytest.param(replace(read(NEVER_USED), role=AccountRole.FAILSAFE), LATER, id="in another role"),
        pytest.param(
            replace(read(NEVER_USED), account=replace(ACCOUNT, state=AccountState.SUSPENDED)), LATER, id="other state"
        ),
    ],
)
def test_any_other_reading_is_read_again(status: AccountStatus, now: datetime) -> None:
    assert not is_recent(status, now=now)


@pytest.mark.parametrize("closed_at", [NOW, NOW + timedelta(minutes=1), None])
def test_an_account_whose_window_was_open_since_the_reading_is_read_again(closed_at: datetime | None) -> None:
    window = window_until(closed_at)
    assert not is_recent(read(NEVER_USED), window)
    assert not is_recent(read(NEVER_USED), replace(window, opened_at=None)), "as of a window from the ledger alone"
