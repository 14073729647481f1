from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.changes.removal import RemovalResult
from rootkeeper.changes.removal_rules import ALL_KINDS, TARGET_PARAMETERS, KindOutcome, KindReason
from rootkeeper.changes.sessions import RENEWAL_MARGIN
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
)
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind, LoginProfile, RootCredentials
from tests.fakes.desk import CLEAN, PROD, Desk
from tests.fakes.root_users import LONG_AGO, root_user_with_everything

PASSWORD, KEYS, CERTIFICATES, MFA = (
    CredentialKind.PASSWORD,
    CredentialKind.ACCESS_KEYS,
    CredentialKind.SIGNING_CERTIFICATES,
    CredentialKind.MFA_DEVICES,
)
DELETIONS = {
    "DeleteAccessKey": KEYS,
    "DeleteSigningCertificate": CERTIFICATES,
    "DeleteLoginProfile": PASSWORD,
    "DeactivateMFADevice": MFA,
}
CHANGES = {
    "DeleteAccessKey": Action.ACCESS_KEY_DELETE,
    "DeleteSigningCertificate": Action.SIGNING_CERTIFICATE_DELETE,
    "DeleteLoginProfile": Action.LOGIN_PROFILE_DELETE,
    "DeactivateMFADevice": Action.MFA_DEVICE_DEACTIVATE,
}


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", root_user=root_user_with_everything())
    desk.organization.add_account(CLEAN, "clean")
    return desk


def remove(
    desk: Desk, account_id: AccountId = PROD, only: frozenset[CredentialKind] = ALL_KINDS, skip: Skip | None = None
) -> RemovalResult:
    with desk.locks.hold(account_id, "testing") as lock:
        return desk.removal.remove(account_id, lock, only=only, check=lambda _: skip, context={"plan_id": "plan-1"})


def outcomes(result: RemovalResult) -> dict[CredentialKind, KindOutcome]:
    return {kind.kind: kind.outcome for kind in result.kinds}


def reasons(result: RemovalResult) -> dict[CredentialKind, object]:
    return {kind.kind: kind.reason for kind in result.kinds if kind.reason is not None}


def test_all_four_kinds_go_and_a_reread_shows_it(desk: Desk) -> None:
    result = remove(desk)
    assert set(outcomes(result).values()) == {KindOutcome.DELETED}
    assert result.is_proven_empty
    assert result.error is None
    assert desk.root_user(PROD).is_empty
    assert desk.ledger.open_intents == []


def test_the_order_of_calls(desk: Desk) -> None:
    remove(desk)
    assert desk.organization.operations(PROD) == [
        "AssumeRoot",
        "GetCallerIdentity",
        "GetLoginProfile",
        "GetUser",
        "ListAccessKeys",
        "GetAccessKeyLastUsed",
        "GetAccessKeyLastUsed",
        "ListSigningCertificates",
        "ListMFADevices",
        "DeleteAccessKey",
        "DeleteAccessKey",
        "DeleteSigningCertificate",
        "DeleteLoginProfile",
        "ListAccessKeys",
        "GetLoginProfile",
        "DeactivateMFADevice",
        "DeactivateMFADevice",
        "AssumeRoot",
        "GetCallerIdentity",
        "GetAccountSummary",
    ]


def test_without_a_check_nothing_of_last_use_is_read(desk: Desk) -> None:
    with desk.locks.hold(PROD, "testing") as lock:
        result = desk.removal.remove(PROD, lock)
    assert result.is_proven_empty
    assert result.found is not None
    assert not {"GetUser", "GetAccessKeyLastUsed"} & set(desk.organization.operations(PROD))


def test_p01_each_changing_call_has_an_intent_of_its_own_on_disk(desk: Desk) -> None:
    counted: dict[Action, int] = {}
    missing: list[str] = []

    def note(phase: str, entry: LedgerEntry) -> None:
        if entry.phase is Phase.INTENT:
            counted[entry.action] = counted.get(entry.action, 0) + 1

    def hook(operation: str, account_id: AccountId | None) -> None:
        action = Action.ROOT_SESSION_OPEN if operation == "AssumeRoot" else CHANGES.get(operation)
        if action is not None:
            counted[action] = counted.get(action, 0) - 1
            if counted[action] < 0:
                missing.append(operation)

    desk.ledger.note = note
    desk.organization.before_each_call(hook)
    remove(desk)
    assert missing == []
    assert set(counted.values()) == {0}
    assert desk.ledger.results_of(Action.ACCESS_KEY_DELETE) == [Result.DONE, Result.DONE]


def test_an_intent_names_its_target_and_context(desk: Desk) -> None:
    remove(desk)
    intent = next(entry for entry in desk.ledger.intents if entry.action is Action.ACCESS_KEY_DELETE)
    assert intent.account_id == PROD
    assert intent.parameters["access_key_id"] == "AKIAIOSFODNN7EXAMPLE"
    assert intent.parameters["plan_id"] == "plan-1"
    password = next(entry for entry in desk.ledger.intents if entry.action is Action.LOGIN_PROFILE_DELETE)
    assert not password.parameters.keys() & set(TARGET_PARAMETERS.values())


def test_a_clean_account_is_already_absent_and_still_re_read(desk: Desk) -> None:
    result = remove(desk, CLEAN)
    assert set(outcomes(result).values()) == {KindOutcome.ALREADY_ABSENT}
    assert result.is_proven_empty
    assert desk.organization.changing_calls == []


def test_p12_nothing_is_done_with_a_session_that_is_someone_elses(desk: Desk) -> None:
    desk.organization.wrong_identities.add(PROD)
    result = remove(desk)
    assert set(reasons(result).values()) == {KindReason.IDENTITY_MISMATCH}
    assert desk.organization.changing_calls == []
    assert "GetLoginProfile" not in desk.organization.operations(PROD)


@pytest.mark.parametrize(
    "operation",
    [
        "GetLoginProfile",
        "GetUser",
        "ListAccessKeys",
        "GetAccessKeyLastUsed",
        "ListSigningCertificates",
        "ListMFADevices",
    ],
)
def test_p06_nothing_is_deleted_where_a_read_is_denied(desk: Desk, operation: str) -> None:
    desk.organization.fail(operation)
    result = remove(desk)
    assert set(outcomes(result).values()) == {KindOutcome.FAILED}
    assert set(reasons(result).values()) == {KindReason.BLOCKED_BY_POLICY}
    assert desk.organization.changing_calls == []
    assert desk.ledger.open_intents == []


def test_an_account_that_root_may_not_be_assumed_on_fails(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot")
    result = remove(desk)
    assert set(reasons(result).values()) == {KindReason.ACCESS_DENIED}
    assert desk.ledger.results_of(Action.ROOT_SESSION_OPEN) == [Result.FAILED]


def test_a_check_that_objects_ends_it_before_any_change(desk: Desk) -> None:
    skip = Skip(SkipReason.CHANGED_SINCE_PLAN, "A new key.")
    result = remove(desk, skip=skip)
    assert result.skip == skip
    assert set(outcomes(result).values()) == {KindOutcome.SKIPPED}
    assert desk.organization.changing_calls == []


@pytest.mark.parametrize("error", [AwsAccessDeniedError("no"), AwsThrottledError("slow"), AwsRejectedError("odd")])
@pytest.mark.parametrize("operation", ["DeleteAccessKey", "DeleteLoginProfile"])
def test_p25_a_refused_call_keeps_the_mfa_and_stops_no_other_kind(desk: Desk, operation: str, error: AwsError) -> None:
    desk.organization.fail(operation, error)
    result = remove(desk)
    refused = DELETIONS[operation]
    assert outcomes(result)[refused] is KindOutcome.FAILED
    assert outcomes(result)[MFA] is KindOutcome.SKIPPED
    assert reasons(result)[MFA] is KindReason.GUARDS_SOMETHING
    others = {PASSWORD, KEYS, CERTIFICATES} - {refused}
    assert {outcomes(result)[kind] for kind in others} == {KindOutcome.DELETED}
    assert len(desk.root_user(PROD).mfa_devices) == 2
    assert Result.FAILED in desk.ledger.results_of(CHANGES[operation])
    assert desk.ledger.open_intents == []


def test_a_certificate_that_stays_keeps_no_mfa(desk: Desk) -> None:
    desk.organization.fail("DeleteSigningCertificate")
    result = remove(desk)
    assert outcomes(result)[CERTIFICATES] is KindOutcome.FAILED
    assert outcomes(result)[MFA] is KindOutcome.DELETED
    assert result.left is not None
    assert result.left.has_signing_certificates


@pytest.mark.parametrize("operation", DELETIONS)
def test_p05_a_server_that_answers_success_and_keeps_the_credential_is_reported(desk: Desk, operation: str) -> None:
    desk.organization.lie(operation)
    result = remove(desk)
    kind = DELETIONS[operation]
    assert outcomes(result)[kind] is KindOutcome.FAILED
    assert reasons(result)[kind] is KindReason.STILL_PRESENT
    assert set(desk.ledger.results_of(CHANGES[operation])) == {Result.FAILED}
    if kind in {PASSWORD, KEYS}:
        assert len(desk.root_user(PROD).mfa_devices) == 2
    assert desk.clock.slept == [1.0, 2.0]


@pytest.mark.parametrize("error", [AwsUnclearError("cut"), AwsUnreachableError("gone")])
@pytest.mark.parametrize("operation", DELETIONS)
def test_p04_after_an_unclear_answer_a_reread_decides_and_the_call_is_never_sent_again(
    desk: Desk, operation: str, error: AwsError
) -> None:
    desk.organization.act_then_fail(operation, error, times=None)
    result = remove(desk)
    assert outcomes(result)[DELETIONS[operation]] is KindOutcome.DELETED
    assert result.is_proven_empty
    assert desk.organization.operations(PROD).count(operation) == (2 if DELETIONS[operation] in {KEYS, MFA} else 1)


def test_p04_an_unclear_answer_to_a_call_that_did_not_act_is_a_failure(desk: Desk) -> None:
    desk.organization.fail("DeleteLoginProfile", AwsUnclearError("cut"))
    result = remove(desk)
    assert outcomes(result)[PASSWORD] is KindOutcome.FAILED
    assert desk.organization.operations(PROD).count("DeleteLoginProfile") == 1
    assert desk.ledger.results_of(Action.LOGIN_PROFILE_DELETE) == [Result.FAILED]


@pytest.mark.parametrize("operation", DELETIONS)
def test_a_call_that_aws_fails_to_answer_costs_three_seconds_and_its_reason_is_shown(
    desk: Desk, operation: str
) -> None:
    desk.organization.fail(operation, AwsUnclearError("cut", aws_code="ServiceFailure"), times=None)
    removal = replace(desk.removal, reread_pauses_seconds=(1.0, 2.0, 4.0, 8.0))
    remarks: list[str] = []
    with desk.locks.hold(PROD, "a test") as lock:
        result = removal.remove(PROD, lock, remark=remarks.append)
    assert outcomes(result)[DELETIONS[operation]] is KindOutcome.FAILED
    assert desk.clock.slept == [1.0, 2.0]
    assert remarks == [
        f"Account {PROD}: {operation} got no clear answer (ServiceFailure). Reading the account again for up to 3 s."
    ]


def test_what_aws_shows_for_long_after_a_success_is_read_again_for_the_whole_time_once(desk: Desk) -> None:
    desk.organization.lie("DeleteLoginProfile")
    removal = replace(desk.removal, reread_pauses_seconds=(1.0, 2.0, 4.0, 8.0))
    remarks: list[str] = []
    with desk.locks.hold(PROD, "a test") as lock:
        result = removal.remove(PROD, lock, remark=remarks.append)
    assert reasons(result)[PASSWORD] is KindReason.STILL_PRESENT
    assert desk.clock.slept == [1.0, 2.0, 4.0, 8.0]
    assert remarks == [
        f"Account {PROD}: AWS still shows what DeleteLoginProfile deleted. Reading the account again for up to 15 s."
    ]


def test_p04_no_such_entity_on_delete_is_done(desk: Desk) -> None:
    root_user = desk.root_user(PROD)

    def other_client_deletes(operation: str, account_id: AccountId | None) -> None:
        if operation == "DeleteLoginProfile":
            root_user.login_profile = None

    desk.organization.before_each_call(other_client_deletes)
    result = remove(desk)
    assert outcomes(result)[PASSWORD] is KindOutcome.ALREADY_ABSENT
    assert desk.ledger.results_of(Action.LOGIN_PROFILE_DELETE) == [Result.DONE]


def test_p04_no_such_entity_without_a_reread_is_unknown(desk: Desk) -> None:
    desk.root_user(PROD).mfa_devices.clear()
    desk.organization.fail("DeleteAccessKey", AwsNotFoundError("none", aws_code="NoSuchEntity"))
    desk.organization.fail("AssumeRoot", AwsAccessDeniedError("denied"), at=2)
    result = remove(desk)
    assert outcomes(result)[KEYS] is KindOutcome.FAILED
    assert reasons(result)[KEYS] is KindReason.UNPROVEN
    assert desk.ledger.results_of(Action.ACCESS_KEY_DELETE) == [Result.UNKNOWN, Result.UNKNOWN]


def test_p05_a_server_that_calls_absent_what_it_keeps_is_reported(desk: Desk) -> None:
    desk.organization.fail("DeleteLoginProfile", AwsNotFoundError("none", aws_code="NoSuchEntity"))
    result = remove(desk)
    assert outcomes(result)[PASSWORD] is KindOutcome.FAILED
    assert outcomes(result)[MFA] is KindOutcome.SKIPPED
    assert desk.ledger.results_of(Action.LOGIN_PROFILE_DELETE) == [Result.FAILED]


def test_p06_what_cannot_be_re_read_is_not_deleted(desk: Desk) -> None:
    desk.root_user(PROD).mfa_devices.clear()
    desk.organization.fail("AssumeRoot", AwsThrottledError("slow"), at=2)
    result = remove(desk)
    assert result.left is None
    assert not result.is_proven_empty
    assert {outcomes(result)[kind] for kind in (PASSWORD, KEYS, CERTIFICATES)} == {KindOutcome.FAILED}
    assert reasons(result)[PASSWORD] is KindReason.UNPROVEN
    assert desk.ledger.results_of(Action.LOGIN_PROFILE_DELETE) == [Result.UNKNOWN]


def test_p25_mfa_stays_while_a_key_cannot_be_re_read(desk: Desk) -> None:
    desk.organization.fail("ListAccessKeys", AwsThrottledError("slow"), at=2)
    result = remove(desk)
    assert outcomes(result)[MFA] is KindOutcome.SKIPPED
    assert len(desk.root_user(PROD).mfa_devices) == 2
    assert outcomes(result)[KEYS] is KindOutcome.DELETED


def test_p25_mfa_stays_when_a_password_appears_in_the_meantime(desk: Desk) -> None:
    root_user = desk.root_user(PROD)
    root_user.login_profile = None

    def other_client_allows_recovery(operation: str, account_id: AccountId | None) -> None:
        if operation == "DeleteSigningCertificate":
            root_user.login_profile = LoginProfile(LONG_AGO, None)

    desk.organization.before_each_call(other_client_allows_recovery)
    result = remove(desk)
    assert len(root_user.mfa_devices) == 2
    assert outcomes(result)[PASSWORD] is KindOutcome.FAILED
    assert reasons(result)[PASSWORD] is KindReason.APPEARED_MEANWHILE
    assert reasons(result)[MFA] is KindReason.GUARDS_SOMETHING


def test_p25_only_mfa_devices_stay_while_they_guard_something(desk: Desk) -> None:
    result = remove(desk, only=frozenset({MFA}))
    assert len(desk.root_user(PROD).mfa_devices) == 2
    assert desk.organization.changing_calls == []
    assert reasons(result)[PASSWORD] is KindReason.NOT_SELECTED


def test_only_the_chosen_kinds_go(desk: Desk) -> None:
    result = remove(desk, only=frozenset({KEYS}))
    assert outcomes(result) == {
        KEYS: KindOutcome.DELETED,
        CERTIFICATES: KindOutcome.SKIPPED,
        PASSWORD: KindOutcome.SKIPPED,
        MFA: KindOutcome.SKIPPED,
    }
    assert {operation for operation, _ in desk.organization.changing_calls} == {"DeleteAccessKey"}
    assert result.left_credentials is not None


def test_p09_a_session_that_ends_in_mid_run_is_renewed_with_a_new_entry(desk: Desk) -> None:
    slow = iter([900.0])

    def wait(operation: str, account_id: AccountId | None) -> None:
        if operation == "DeleteSigningCertificate":
            desk.clock.advance(next(slow, 0.0))

    desk.organization.before_each_call(wait)
    result = remove(desk)
    assert result.is_proven_empty
    intents = [entry for entry in desk.ledger.intents if entry.action is Action.ROOT_SESSION_OPEN]
    assert len(intents) == 3
    policies = [entry.parameters["task_policy"] for entry in intents]
    assert policies == ["IAMDeleteRootUserCredentials"] * 2 + ["IAMAuditRootUserCredentials"]


def test_p09_a_session_that_ends_soon_is_renewed_before_the_next_call(desk: Desk) -> None:
    almost_over = iter([(timedelta(seconds=900) - RENEWAL_MARGIN).total_seconds() + 1])

    def wait(operation: str, account_id: AccountId | None) -> None:
        if operation == "DeleteSigningCertificate":
            desk.clock.advance(next(almost_over, 0.0))

    desk.organization.before_each_call(wait)
    result = remove(desk)
    assert result.is_proven_empty
    calls = desk.organization.operations(PROD)
    deleted = calls.index("DeleteSigningCertificate")
    assert calls[deleted : deleted + 4] == [
        "DeleteSigningCertificate",
        "AssumeRoot",
        "GetCallerIdentity",
        "DeleteLoginProfile",
    ]
    assert desk.ledger.results_of(Action.LOGIN_PROFILE_DELETE) == [Result.DONE]


def test_p09_a_session_that_aws_calls_expired_is_renewed_once(desk: Desk) -> None:
    desk.organization.fail("DeleteLoginProfile", AwsCredentialsError("expired", aws_code="ExpiredToken"), times=1)
    result = remove(desk)
    assert result.is_proven_empty
    assert desk.ledger.results_of(Action.LOGIN_PROFILE_DELETE) == [Result.FAILED, Result.DONE]


def test_p27_a_lock_that_was_taken_over_ends_it_at_once(desk: Desk) -> None:
    def take_over(operation: str, account_id: AccountId | None) -> None:
        if operation == "DeleteSigningCertificate":
            desk.locks.take_over(PROD)

    desk.organization.before_each_call(take_over)
    result = remove(desk)
    assert result.was_stopped
    changes = [operation for operation, _ in desk.organization.changing_calls]
    assert changes == ["DeleteAccessKey", "DeleteAccessKey", "DeleteSigningCertificate"]
    assert reasons(result)[PASSWORD] is KindReason.LOCK_LOST
    assert desk.organization.operations(PROD).count("AssumeRoot") == 1


def test_p02_nothing_is_sent_without_a_ledger(desk: Desk) -> None:
    desk.ledger.fail_after = 0
    result = remove(desk)
    assert result.was_stopped
    assert not result.has_sent_changes
    assert set(reasons(result).values()) == {KindReason.LEDGER_UNAVAILABLE}
    assert desk.organization.calls == []


@pytest.mark.parametrize("appends", range(1, 17))
def test_p02_a_ledger_that_fails_in_mid_run_ends_it_and_nothing_is_claimed(desk: Desk, appends: int) -> None:
    before = replace(desk.root_user(PROD))
    desk.ledger.fail_after = appends
    result = remove(desk)
    assert result.was_stopped == (appends < 16)
    sent = [operation for operation, _ in desk.organization.changing_calls]
    intents = [entry for entry in desk.ledger.intents if entry.action in CHANGES.values()]
    assert len(sent) <= len(intents)
    for kind, outcome in outcomes(result).items():
        if outcome is KindOutcome.DELETED:
            assert not desk.root_user(PROD).summary.has(kind)
    assert before.login_profile is not None


def test_p02_a_run_that_was_stopped_elsewhere_sends_nothing_more(desk: Desk) -> None:
    with desk.locks.hold(PROD, "testing") as lock:
        result = desk.removal.remove(PROD, lock, is_stopped=lambda: True)
    assert result.was_stopped
    assert desk.organization.calls == []


def test_a_reread_waits_for_what_iam_still_shows(desk: Desk) -> None:
    shown = desk.root_user(PROD)
    hidden: list[RootCredentials] = []
    profile = shown.login_profile

    def propagation_delay(operation: str, account_id: AccountId | None) -> None:
        if operation == "DeleteSigningCertificate" and not hidden:
            shown.login_profile = profile
        if operation in {"GetLoginProfile", "GetAccountSummary"} and desk.clock.slept:
            shown.login_profile = None

    desk.organization.before_each_call(propagation_delay)
    desk.organization.lie("DeleteLoginProfile", times=1)
    result = remove(desk)
    assert desk.clock.slept == [1.0]
    assert result.is_proven_empty
    assert set(outcomes(result).values()) == {KindOutcome.DELETED}


def test_a_session_lasts_longer_than_its_removal_may_take(desk: Desk) -> None:
    remove(desk)
    ends = [
        entry.parameters["expires_at"]
        for entry in desk.ledger.entries
        if entry.action is Action.ROOT_SESSION_OPEN and entry.phase is Phase.OUTCOME
    ]
    assert ends == [(desk.clock.now() + timedelta(seconds=900)).isoformat()] * 2
