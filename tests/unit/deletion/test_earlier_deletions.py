"""What the ledger shows of a deletion that was interrupted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rootkeeper.changes.removal_rules import KindOutcome, KindReason, KindResult, PlannedCall
from rootkeeper.deletion.rules import credit_earlier, list_deleted_earlier
from rootkeeper.ledger.rules import GENESIS_HASH, Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import CredentialKind

KEY = PlannedCall(CredentialKind.ACCESS_KEYS, "AKIAIOSFODNN7EXAMPLE")
OTHER_KEY = PlannedCall(CredentialKind.ACCESS_KEYS, "AKIAIOSFODNN8EXAMPLE")
PASSWORD = PlannedCall(CredentialKind.PASSWORD, None)


def entry(
    sequence: int,
    action: Action,
    parameters: dict[str, Any],
    *,
    ends: int | None = None,
    result: Result | None = None,
) -> LedgerEntry:
    return LedgerEntry(
        sequence=sequence,
        at=datetime(2026, 1, 15, 9, 0, tzinfo=UTC),
        organization_id="o-exampleorgid",
        endpoint="AWS",
        actor=Actor("operator", ActorKind.SELF_ASSERTED),
        action=action,
        account_id=AccountId("111122223333"),
        parameters=parameters,
        phase=Phase.INTENT if ends is None else Phase.OUTCOME,
        owner_id="owner-1",
        intent_sequence=ends,
        result=result,
        previous_hash=GENESIS_HASH,
        entry_hash=GENESIS_HASH,
    )


def key_intent(sequence: int, plan_id: str = "plan-1") -> LedgerEntry:
    return entry(sequence, Action.ACCESS_KEY_DELETE, {"plan_id": plan_id, "access_key_id": KEY.target})


def outcome(sequence: int, action: Action, ends: int, result: Result, **details: Any) -> LedgerEntry:
    return entry(sequence, action, details, ends=ends, result=result)


def test_what_a_re_read_showed_as_gone_counts() -> None:
    entries = [
        key_intent(1),
        outcome(2, Action.ACCESS_KEY_DELETE, 1, Result.DONE, answer="success", reread="gone"),
        entry(3, Action.LOGIN_PROFILE_DELETE, {"plan_id": "plan-1"}),
        outcome(4, Action.LOGIN_PROFILE_DELETE, 3, Result.DONE, settled_by="re-read", explanation="Done."),
    ]
    assert list_deleted_earlier(entries, "plan-1") == {KEY, PASSWORD}


def test_nothing_else_counts() -> None:
    failed = [key_intent(1), outcome(2, Action.ACCESS_KEY_DELETE, 1, Result.FAILED, reread="left")]
    absent = [key_intent(1), outcome(2, Action.ACCESS_KEY_DELETE, 1, Result.DONE, aws_code="NoSuchEntity")]
    foreign = [key_intent(1, "plan-2"), outcome(2, Action.ACCESS_KEY_DELETE, 1, Result.DONE, reread="gone")]
    still_open = [key_intent(1), entry(2, Action.ROOT_SESSION_OPEN, {"plan_id": "plan-1"})]
    for entries in (failed, absent, foreign, still_open):
        assert list_deleted_earlier(entries, "plan-1") == frozenset()


def test_absent_kinds_that_the_plan_deleted_earlier_are_reported_as_deleted() -> None:
    kinds = (
        KindResult(CredentialKind.ACCESS_KEYS, KindOutcome.ALREADY_ABSENT),
        KindResult(CredentialKind.SIGNING_CERTIFICATES, KindOutcome.ALREADY_ABSENT),
        KindResult(CredentialKind.PASSWORD, KindOutcome.FAILED, KindReason.STILL_PRESENT),
        KindResult(CredentialKind.MFA_DEVICES, KindOutcome.DELETED),
    )
    credited = credit_earlier(kinds, (KEY, PASSWORD), frozenset({KEY, PASSWORD}))
    assert [kind.outcome for kind in credited] == [
        KindOutcome.DELETED,
        KindOutcome.ALREADY_ABSENT,
        KindOutcome.FAILED,
        KindOutcome.DELETED,
    ]
    assert credited[1:] == kinds[1:]
    assert "before the interruption" in (credited[0].detail or "")


def test_what_the_plan_didnt_hold_is_credited_to_no_one() -> None:
    kinds = (KindResult(CredentialKind.ACCESS_KEYS, KindOutcome.ALREADY_ABSENT),)
    assert credit_earlier(kinds, (OTHER_KEY,), frozenset({KEY})) == kinds
