from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.changes.credentials import (
    CallRecord,
    CallState,
    CredentialRemoval,
    RemainingCredentials,
    evaluate_kinds,
    evaluate_sent_calls,
)
from rootkeeper.changes.removal_rules import (
    ALL_KINDS,
    KindOutcome,
    KindReason,
    KindResult,
    PlannedCall,
    classify_obstacle,
    plan_deletion,
)
from rootkeeper.changes.rules import Answer, SentChange
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    IdentityMismatchError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
)
from rootkeeper.ledger.rules import Intent, Result
from rootkeeper.organization.statuses import (
    CredentialKind,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
)
from tests.fakes.organization import FakeOrganization
from tests.fakes.stores import InMemoryLedger, InMemoryLocks
from tests.unit.organization.credential_strategies import ACCOUNT_ID, KEY_IDS, NOW, credentials

EMPTY = RootCredentials(ACCOUNT_ID, None, (), (), (), NOW)
PASSWORD = PlannedCall(CredentialKind.PASSWORD, None)
KEY = PlannedCall(CredentialKind.ACCESS_KEYS, KEY_IDS[0])
NOTHING_LEFT = RemainingCredentials(EMPTY.summary, None)
ONLY_SUMMARY = RemainingCredentials(RootCredentialsSummary(True, False, False, False), EMPTY)


def record_of(call: PlannedCall, state: CallState, error: AwsError | None = None) -> CallRecord:
    organization = FakeOrganization()
    ledger = InMemoryLedger(organization.clock, InMemoryLocks())
    removal = CredentialRemoval(AccountSessions(organization, ledger, organization.clock, ACCOUNT_ID), call)
    intent = Intent(1, removal.action, ACCOUNT_ID, valid_until=1.0)
    return CallRecord(removal, state, SentChange(removal, intent, Answer(error=error)))


def kind_results(
    *records: CallRecord,
    left: RemainingCredentials | None = NOTHING_LEFT,
    obstacle: KindReason | None = None,
    found: RootCredentials | None = EMPTY,
) -> dict[CredentialKind, KindResult]:
    results = evaluate_kinds(records, only=ALL_KINDS, left=left, obstacle=obstacle, obstacle_detail="why", found=found)
    assert [result.kind for result in results] == list(CredentialKind)
    return {result.kind: result for result in results}


@pytest.mark.parametrize(
    ("left", "state", "result"),
    [
        (NOTHING_LEFT, CallState.GONE, Result.DONE),
        (None, CallState.UNPROVEN, Result.UNKNOWN),
        (ONLY_SUMMARY, CallState.LEFT, Result.FAILED),
    ],
)
def test_p05_only_a_reread_makes_a_call_done(
    left: RemainingCredentials | None, state: CallState, result: Result
) -> None:
    record = record_of(PASSWORD, CallState.SENT)
    assert [evaluation.result for _, evaluation in evaluate_sent_calls([record], left)] == [result]
    assert record.state is state
    assert evaluate_sent_calls([record], left) == []


@pytest.mark.parametrize(
    ("left", "state", "result"),
    [
        (NOTHING_LEFT, CallState.ABSENT, Result.DONE),
        (None, CallState.UNPROVEN, Result.UNKNOWN),
        (ONLY_SUMMARY, CallState.LEFT, Result.FAILED),
    ],
)
def test_p04_only_a_reread_proves_that_nothing_was_there(
    left: RemainingCredentials | None, state: CallState, result: Result
) -> None:
    record = record_of(PASSWORD, CallState.SENT, AwsNotFoundError("none", aws_code="NoSuchEntity"))
    assert [evaluation.result for _, evaluation in evaluate_sent_calls([record], left)] == [result]
    assert record.state is state


def test_p05_what_was_gone_and_a_later_reread_shows_is_left() -> None:
    record = record_of(PASSWORD, CallState.ABSENT)
    assert evaluate_sent_calls([record], ONLY_SUMMARY) == []
    assert record.state is CallState.LEFT
    assert kind_results(record, left=ONLY_SUMMARY)[CredentialKind.PASSWORD].reason is KindReason.STILL_PRESENT


@given(credentials(), credentials())
def test_p05_a_kind_that_a_reread_shows_is_never_deleted(found: RootCredentials, after: RootCredentials) -> None:
    records = [record_of(call, CallState.SENT) for call in plan_deletion(found)]
    left = RemainingCredentials(after.summary, after)
    evaluate_sent_calls(records, left)
    for kind, result in kind_results(*records, left=left).items():
        if after.summary.has(kind):
            assert result.outcome is KindOutcome.FAILED
        else:
            expected = KindOutcome.DELETED if found.summary.has(kind) else KindOutcome.ALREADY_ABSENT
            assert result.outcome is expected


@given(credentials(), st.sampled_from([CallState.PLANNED, CallState.REFUSED, CallState.UNPROVEN, CallState.LEFT]))
def test_a_call_that_is_not_proven_fails_its_kind(found: RootCredentials, state: CallState) -> None:
    records = [record_of(call, state) for call in plan_deletion(found)]
    for kind, result in kind_results(*records, obstacle=KindReason.LEDGER_UNAVAILABLE).items():
        assert (result.outcome is KindOutcome.FAILED) == found.summary.has(kind)


def test_one_that_appeared_meanwhile_fails_its_kind() -> None:
    left = RemainingCredentials(replace(EMPTY.summary, has_access_keys=True), EMPTY)
    assert kind_results(left=left)[CredentialKind.ACCESS_KEYS].reason is KindReason.APPEARED_MEANWHILE


def test_p05_what_the_lists_alone_show_is_left_though_the_summary_shows_only_another_kind() -> None:
    certificate = SigningCertificate("THECERTIFICATEIDEXAMPLE1234567890", is_active=True, uploaded_at=NOW)
    summary = replace(EMPTY.summary, has_access_keys=True)
    left = RemainingCredentials(summary, replace(EMPTY, signing_certificates=(certificate,)))
    assert kind_results(left=left)[CredentialKind.SIGNING_CERTIFICATES].outcome is KindOutcome.FAILED


def test_an_account_that_could_not_be_read_fails_in_every_kind() -> None:
    results = kind_results(left=None, obstacle=KindReason.BLOCKED_BY_POLICY, found=None)
    assert {result.outcome for result in results.values()} == {KindOutcome.FAILED}
    assert {result.reason for result in results.values()} == {KindReason.BLOCKED_BY_POLICY}


def test_a_kind_that_was_not_selected_is_skipped() -> None:
    results = evaluate_kinds(
        [], only=frozenset({CredentialKind.PASSWORD}), left=None, obstacle=None, obstacle_detail=None, found=EMPTY
    )
    assert [result.outcome for result in results] == [
        KindOutcome.SKIPPED,
        KindOutcome.SKIPPED,
        KindOutcome.ALREADY_ABSENT,
        KindOutcome.SKIPPED,
    ]


@pytest.mark.parametrize(
    ("error", "in_session", "reason"),
    [
        (AwsAccessDeniedError("no"), False, KindReason.ACCESS_DENIED),
        (AwsAccessDeniedError("no"), True, KindReason.BLOCKED_BY_POLICY),
        (AwsThrottledError("slow"), True, KindReason.THROTTLED),
        (IdentityMismatchError("who"), True, KindReason.IDENTITY_MISMATCH),
        (LedgerUnavailableError("full"), False, KindReason.LEDGER_UNAVAILABLE),
        (LockLostError("lost"), False, KindReason.LOCK_LOST),
        (AwsRejectedError("odd"), False, KindReason.ERROR),
    ],
)
def test_an_error_is_shown_as_the_reason(error: RootkeeperError, in_session: bool, reason: KindReason) -> None:
    assert classify_obstacle(error, in_session=in_session) is reason
