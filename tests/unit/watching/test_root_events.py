"""P23: an alert is exempted only for a known role with a matching entry of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.watching.rules import (
    KnownSessions,
    RecordCoverage,
    RootEvent,
    RootEventKind,
    classify_root_event,
    collect_sessions,
    measure_coverage,
)
from tests.fakes.cloudtrail import (
    AUDIT_ROLE,
    CALLER,
    KEY,
    MEMBER,
    assume_root,
    make_record,
    root_console_call,
    root_key_call,
    root_session_call,
    root_sign_in,
)

ORGANIZATION, ENDPOINT = "o-exampleorgid", "AWS"
CALLER_ARN = f"arn:aws:sts::{CALLER}:assumed-role/rootkeeper-audit/ana"
ROOT = {"type": "Root", "accountId": MEMBER, "arn": f"arn:aws:iam::{MEMBER}:root"}


def make_entry(
    action: Action = Action.ROOT_SESSION_OPEN,
    parameters: Mapping[str, Any] | None = None,
    *,
    phase: Phase = Phase.OUTCOME,
    account_id: str | None = MEMBER,
    caller_arn: str | None = CALLER_ARN,
    organization_id: str = ORGANIZATION,
    endpoint: str = ENDPOINT,
) -> LedgerEntry:
    return LedgerEntry(
        sequence=7,
        at=datetime(2026, 11, 1, 10, tzinfo=UTC),
        organization_id=organization_id,
        endpoint=endpoint,
        actor=Actor("ana", ActorKind.SIGNED_IN, caller_arn),
        action=action,
        account_id=None if account_id is None else AccountId(account_id),
        parameters={"access_key_id": KEY} if parameters is None else parameters,
        phase=phase,
        owner_id="owner",
        intent_sequence=6,
        result=Result.DONE,
        previous_hash="0" * 64,
        entry_hash="1" * 64,
    )


def know(*entries: LedgerEntry, roles: tuple[str, ...] = (AUDIT_ROLE,)) -> KnownSessions:
    return KnownSessions(collect_sessions(entries, ORGANIZATION, ENDPOINT), roles)


OURS = know(make_entry())


def judge(record: Mapping[str, Any], known: KnownSessions = OURS) -> RootEvent:
    event = classify_root_event(record, known)
    assert event is not None
    return event


def test_p23_a_session_of_a_known_role_that_the_ledger_names_is_ours() -> None:
    event = judge(root_session_call())
    assert (event.kind, event.is_exempt, event.sequence) == (RootEventKind.OWN_ROOT_SESSION, True, 7)


def test_p23_its_opening_is_ours_too() -> None:
    assert judge(assume_root()).is_exempt


def test_p23_the_target_may_be_given_as_the_arn_of_its_root_user() -> None:
    assert judge(assume_root(target=f"arn:aws:iam::{MEMBER}:root")).is_exempt


def test_p23_a_session_of_an_audit_batch_is_ours() -> None:
    entry = make_entry(Action.ACCOUNTS_AUDIT, {"sessions": {MEMBER: KEY}, "unread": {}}, account_id=None)
    assert judge(root_session_call(), know(entry)).is_exempt


@pytest.mark.parametrize(
    ("why", "record", "known"),
    [
        ("the ledger names no such key", root_session_call("ASIAEXAMPLESTRANGER"), OURS),
        ("the ledger is empty", root_session_call(), know()),
        ("the key was opened on another account", root_session_call(account_id="444455556666"), OURS),
        ("the opening was of another account", assume_root(target="444455556666"), OURS),
        ("the role isn't known", root_session_call(), know(make_entry(), roles=())),
        ("the caller was a user", root_session_call(), know(make_entry(caller_arn=f"arn:aws:iam::{CALLER}:user/ana"))),
        (
            "the role of that name is in another account",
            root_session_call(),
            know(make_entry(caller_arn=CALLER_ARN.replace(CALLER, "111122223333"))),
        ),
        (
            "the role's name only begins alike",
            root_session_call(),
            know(make_entry(caller_arn=CALLER_ARN.replace("rootkeeper-audit", "rootkeeper-audit-copy"))),
        ),
        ("the caller of the entry isn't known", root_session_call(), know(make_entry(caller_arn=None))),
        ("there is only an intent", root_session_call(), know(make_entry(phase=Phase.INTENT))),
        ("the entry is of another organization", root_session_call(), know(make_entry(organization_id="o-otherorgid"))),
        ("the entry is of a sandbox", root_session_call(), know(make_entry(endpoint="SANDBOX 127.0.0.1:4599"))),
        ("the entry is of another action", root_session_call(), know(make_entry(Action.WINDOW_OPEN))),
        ("the session has no key", root_session_call(""), OURS),
        ("AssumeRoot was refused", assume_root(access_key_id=None), OURS),
        ("AssumeRoot is by a user", assume_root(issuer=None), OURS),
        ("AssumeRoot is by another role", assume_root(f"arn:aws:iam::{CALLER}:role/admin"), OURS),
        ("a known role opened it past Rootkeeper", assume_root(access_key_id="ASIAEXAMPLEUNNAMED"), OURS),
    ],
)
def test_p23_what_lacks_either_is_a_strangers(why: str, record: Mapping[str, Any], known: KnownSessions) -> None:
    event = judge(record, known)
    assert (event.kind, event.is_exempt, event.sequence) == (RootEventKind.STRANGE_ROOT_SESSION, False, None), why
    assert event.explanation.endswith(".")


@pytest.mark.parametrize("record", [root_sign_in(), root_key_call(), root_console_call()])
def test_p23_long_term_root_is_never_exempted_even_if_a_key_id_is_named(record: Mapping[str, Any]) -> None:
    event = judge(record)
    assert (event.kind, event.is_exempt) == (RootEventKind.LONG_TERM_ROOT, False)
    assert MEMBER in event.explanation


def test_p23_only_the_word_true_makes_a_root_session() -> None:
    record = make_record({**ROOT, "accessKeyId": KEY, "sessionContext": {"assumedRoot": "TRUE"}})
    assert judge(record).kind is RootEventKind.LONG_TERM_ROOT


@pytest.mark.parametrize(
    "record",
    [
        make_record({"type": "IAMUser", "accountId": MEMBER}),
        make_record(ROOT, eventType="AwsServiceEvent"),
        make_record({**ROOT, "invokedBy": "cloudformation.amazonaws.com"}),
        {**assume_root(), "eventName": "AssumeRole"},
        {"eventName": "AssumeRoot"},
        {},
    ],
)
def test_what_has_nothing_to_do_with_root_isnt_judged(record: Mapping[str, Any]) -> None:
    assert classify_root_event(record, OURS) is None


@pytest.mark.parametrize("value", [None, "text", 7, [], {}])
def test_malformed_records_are_never_exempted(value: Any) -> None:
    record = {**assume_root(), "responseElements": value, "requestParameters": value}
    assert not judge(record).is_exempt
    odd = {**root_session_call(), "userIdentity": {"type": "Root", "sessionContext": value, "accessKeyId": value}}
    assert not judge(odd).is_exempt


def test_a_role_with_a_path_is_known_by_the_arn_of_its_sessions() -> None:
    with_path = f"arn:aws:iam::{CALLER}:role/ops/rootkeeper-audit"
    assert judge(root_session_call(), know(make_entry(), roles=(with_path,))).is_exempt


def test_the_coverage_of_judged_records_is_their_period_and_their_regions() -> None:
    judged = [
        {"eventTime": "2026-11-02T12:00:00+02:00", "awsRegion": "us-gov-west-1"},
        {"eventTime": "2026-11-02T10:30:00Z", "awsRegion": "eu-central-1"},
        {"eventTime": "2026-11-01T23:59:59Z", "awsRegion": "eu-central-1"},
    ]
    first_at, last_at = datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC), datetime(2026, 11, 2, 10, 30, tzinfo=UTC)
    regions = ("eu-central-1", "us-gov-west-1")
    others: list[dict[str, Any]] = [{"eventTime": "2026-10-01T00:00:00Z", "awsRegion": "us-east-1"}] * 47
    assert measure_coverage(judged + others, judged) == RecordCoverage(50, 3, first_at, last_at, regions)


def test_without_a_judged_record_the_coverage_is_that_of_the_given_records() -> None:
    given = [{"eventTime": "2026-11-02T10:30:00Z", "awsRegion": "eu-central-1"}]
    at = datetime(2026, 11, 2, 10, 30, tzinfo=UTC)
    assert measure_coverage(given, []) == RecordCoverage(1, 0, at, at, ("eu-central-1",))
    assert measure_coverage([], []) == RecordCoverage(0, 0, None, None, ())


@pytest.mark.parametrize(
    "value", [None, 7, "", "soon", "2026-11-02T10:30:00", "0001-01-01T00:00:00+14:00", ["x"], "\x1b[2J"]
)
def test_a_record_without_a_valid_time_or_region_counts_as_judged_all_the_same(value: Any) -> None:
    judged = [{"eventTime": value, "awsRegion": value}]
    assert measure_coverage(judged, judged) == RecordCoverage(1, 1, None, None, ())
