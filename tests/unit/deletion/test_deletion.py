from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given

from rootkeeper.changes.removal_rules import (
    ALL_KINDS,
    GUARDED_KINDS,
    AccountDeletion,
    KindOutcome,
    KindReason,
    KindResult,
    leaves_unguarded,
    list_targets,
    plan_deletion,
    skip_kinds,
)
from rootkeeper.deletion.rules import (
    DeletionPlan,
    DeletionReport,
    PlannedAccount,
    find_changes,
    find_recent_use,
    has_plan_findings,
)
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import (
    AccessKey,
    CredentialKind,
    FailOn,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
)
from tests.unit.organization.credential_strategies import ACCOUNT_ID, KEY_IDS, NOW, credentials, kinds

EMPTY = RootCredentials(ACCOUNT_ID, None, (), (), (), NOW)
PASSWORD = LoginProfile(NOW - timedelta(days=400), None)
CALLER = "arn:aws:iam::111122223333:user/operator"
DEVICE = MfaDevice("GAHT12345678", MfaKind.VIRTUAL, NOW)
MFA_ONLY = frozenset({CredentialKind.MFA_DEVICES})


def key(last_used_days_ago: float | None = None, key_id: str = KEY_IDS[0]) -> AccessKey:
    used_at = None if last_used_days_ago is None else NOW - timedelta(days=last_used_days_ago)
    return AccessKey(key_id, is_active=True, created_at=NOW - timedelta(days=400), last_used_at=used_at)


@given(credentials())
def test_everything_found_is_planned_once_and_mfa_comes_last(found: RootCredentials) -> None:
    calls = plan_deletion(found)
    assert len(set(calls)) == len(calls)
    for kind in CredentialKind:
        assert tuple(call.target for call in calls if call.kind is kind) == list_targets(found, kind)
    order = [list(CredentialKind).index(call.kind) for call in calls]
    assert order == sorted(order)


@given(credentials(), kinds)
@example(replace(EMPTY, login_profile=PASSWORD, mfa_devices=(DEVICE,)), MFA_ONLY)
def test_p25_no_choice_of_kinds_plans_away_the_mfa_of_what_stays(
    found: RootCredentials, only: frozenset[CredentialKind]
) -> None:
    calls = plan_deletion(found, only)
    assert {call.kind for call in calls} <= only
    stays = any(list_targets(found, kind) for kind in GUARDED_KINDS if kind not in only)
    if stays:
        assert all(call.kind is not CredentialKind.MFA_DEVICES for call in calls)
    assert leaves_unguarded(found, only) == bool(stays and found.mfa_devices and CredentialKind.MFA_DEVICES in only)


@pytest.mark.parametrize(
    ("days", "is_recent"), [(None, False), (0, True), (89.9, True), (90, False), (400, False), (-1, True)]
)
def test_a_use_within_ninety_days_is_recent(days: float | None, is_recent: bool) -> None:
    use = find_recent_use(replace(EMPTY, access_keys=(key(days),)), NOW)
    assert (use is not None) == is_recent
    if use is not None:
        assert KEY_IDS[0] in use
    assert (
        find_recent_use(replace(EMPTY, login_profile=LoginProfile(NOW, key(days).last_used_at)), NOW) is not None
    ) == is_recent


def test_an_account_without_password_and_keys_has_no_use() -> None:
    assert find_recent_use(EMPTY, NOW) is None


@given(credentials())
def test_what_stayed_the_same_is_no_change(found: RootCredentials) -> None:
    assert find_changes(found, replace(found, observed_at=NOW + timedelta(hours=1)), is_use_allowed=False) == ()


@given(credentials())
def test_what_has_gone_since_is_no_change(found: RootCredentials) -> None:
    assert find_changes(found, EMPTY, is_use_allowed=False) == ()


@given(credentials())
def test_every_credential_that_is_new_is_a_change(found: RootCredentials) -> None:
    assert bool(find_changes(EMPTY, found, is_use_allowed=True)) != found.summary.is_empty


def test_a_password_created_again_is_a_change() -> None:
    planned = replace(EMPTY, login_profile=PASSWORD)
    found = replace(EMPTY, login_profile=replace(PASSWORD, created_at=NOW))
    assert find_changes(planned, found, is_use_allowed=True) == ("the password is new",)


@pytest.mark.parametrize("planned_days", [None, 200])
def test_a_use_since_the_plan_is_a_change_unless_use_was_allowed(planned_days: int | None) -> None:
    planned, found = replace(EMPTY, access_keys=(key(planned_days),)), replace(EMPTY, access_keys=(key(0),))
    assert find_changes(planned, found, is_use_allowed=False) == ("the password or a key was used",)
    assert find_changes(planned, found, is_use_allowed=True) == ()


def planned(found: RootCredentials | None, skip: Skip | None = None) -> PlannedAccount:
    calls = () if found is None else plan_deletion(found)
    return PlannedAccount(ACCOUNT_ID, "prod", "Root", AccountState.ACTIVE, found, NOW, calls, skip)


def plan_of(*accounts: PlannedAccount) -> DeletionPlan:
    return DeletionPlan(
        plan_id="plan-1",
        organization_id="o-exampleorgid",
        endpoint="AWS",
        created_by="operator",
        caller_arn=CALLER,
        created_at=NOW,
        not_before=NOW,
        not_after=NOW + timedelta(hours=24),
        selection="--all",
        only=ALL_KINDS,
        included_failsafes=frozenset(),
        accounts=accounts,
    )


@given(credentials())
def test_a_plan_without_certificates_leaves_them_alone_and_nothing_else(found: RootCredentials) -> None:
    plan = plan_of(planned(found))
    rest = plan.without(CredentialKind.SIGNING_CERTIFICATES)
    assert plan.certificates == len(found.signing_certificates)
    assert rest.certificates == 0
    assert rest.accounts[0].calls == tuple(
        call for call in plan.accounts[0].calls if call.kind is not CredentialKind.SIGNING_CERTIFICATES
    )
    assert bool(rest.targets) == bool(rest.accounts[0].calls)


DELETED = KindResult(CredentialKind.PASSWORD, KindOutcome.DELETED)
ABSENT = KindResult(CredentialKind.ACCESS_KEYS, KindOutcome.ALREADY_ABSENT)
FAILED = KindResult(CredentialKind.SIGNING_CERTIFICATES, KindOutcome.FAILED, KindReason.ACCESS_DENIED)
GUARDING = KindResult(CredentialKind.MFA_DEVICES, KindOutcome.SKIPPED, KindReason.GUARDS_SOMETHING)
NOT_SELECTED = KindResult(CredentialKind.MFA_DEVICES, KindOutcome.SKIPPED, KindReason.NOT_SELECTED)


def result(*results: KindResult, skip: SkipReason | None = None, was_planned: bool = True) -> AccountDeletion:
    reason = None if skip is None else Skip(skip, "why")
    return AccountDeletion(
        ACCOUNT_ID, "prod", "Root", results if reason is None else skip_kinds(reason), reason, was_planned
    )


@pytest.mark.parametrize(
    ("account", "outcome", "exit_status"),
    [
        (result(DELETED, ABSENT), KindOutcome.DELETED, 0),
        (result(DELETED, NOT_SELECTED), KindOutcome.DELETED, 0),
        (result(ABSENT), KindOutcome.ALREADY_ABSENT, 0),
        (result(DELETED, FAILED), KindOutcome.FAILED, 4),
        (result(DELETED, GUARDING), KindOutcome.FAILED, 4),
        (result(skip=SkipReason.FAILSAFE, was_planned=False), KindOutcome.SKIPPED, 0),
        (result(skip=SkipReason.EXCEPTION, was_planned=False), KindOutcome.SKIPPED, 0),
        (result(skip=SkipReason.NOTHING_TO_DELETE, was_planned=False), KindOutcome.ALREADY_ABSENT, 0),
        (result(skip=SkipReason.RECENTLY_USED, was_planned=False), KindOutcome.SKIPPED, 1),
        (result(skip=SkipReason.UNKNOWN, was_planned=False), KindOutcome.FAILED, 4),
        (result(skip=SkipReason.CHANGED_SINCE_PLAN), KindOutcome.FAILED, 4),
        (result(skip=SkipReason.ACCOUNT_BUSY), KindOutcome.FAILED, 4),
    ],
)
def test_the_outcome_of_an_account_decides_the_exit_status(
    account: AccountDeletion, outcome: KindOutcome, exit_status: int
) -> None:
    report = DeletionReport(plan_of(), CALLER, NOW, NOW, (account, result(DELETED)))
    assert account.outcome is outcome
    assert report.exit_status == exit_status
    assert sum(report.counts.values()) == 2


def test_a_failure_outweighs_a_block_and_a_stopped_run_is_a_failure() -> None:
    blocked = result(skip=SkipReason.RECENTLY_USED, was_planned=False)
    assert DeletionReport(plan_of(), CALLER, NOW, NOW, (blocked, result(FAILED))).exit_status == 4
    assert DeletionReport(plan_of(), CALLER, NOW, NOW, (result(DELETED),), stopped_by="disk full").exit_status == 4


def test_findings_of_a_plan_are_what_fail_on_names() -> None:
    present = planned(replace(EMPTY, login_profile=PASSWORD))
    unread = planned(None, Skip(SkipReason.UNKNOWN, "Denied."))
    in_window = replace(present, calls=(), skip=Skip(SkipReason.WINDOW_OPEN, "Open."))
    both = frozenset({FailOn.PRESENT, FailOn.UNKNOWN})
    assert has_plan_findings(plan_of(present), frozenset({FailOn.PRESENT}), ())
    assert not has_plan_findings(plan_of(present), frozenset({FailOn.UNKNOWN}), ())
    assert not has_plan_findings(plan_of(present), both, {ACCOUNT_ID})
    assert has_plan_findings(plan_of(unread), frozenset({FailOn.UNKNOWN}), ())
    assert not has_plan_findings(plan_of(unread), frozenset({FailOn.PRESENT}), ())
    assert not has_plan_findings(plan_of(planned(EMPTY), in_window), both, ())
    assert not has_plan_findings(plan_of(present, unread), frozenset({FailOn.NONE}), ())
