"""What is expected in an open window, and what raises an alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rootkeeper.aws.cloudtrail import is_about_root, list_root_records, parse_root_record
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.watching.rules import (
    EventVerdict,
    KnownSessions,
    RecordedSession,
    WatchedAccount,
    WatchedEvent,
    classify_watched_event,
    find_first_closings,
)
from rootkeeper.windows.rules import RecoveryWindow, WindowState
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

OPENED = datetime(2026, 11, 1, 9, 30, 0, 250_000, tzinfo=UTC)
WINDOW = RecoveryWindow(
    window_id="w-1",
    organization_id="o-exampleorgid",
    account_id=AccountId(MEMBER),
    state=WindowState.OPEN,
    reason="restore a bucket",
    ticket=None,
    requested_by="ana",
    requested_at=OPENED - timedelta(minutes=20),
    duration_seconds=3600,
    opened_at=OPENED,
    expires_at=OPENED + timedelta(hours=1),
)
CLOSED = replace(WINDOW, state=WindowState.CLOSED_VERIFIED, closed_at=OPENED + timedelta(minutes=40))
CALLER_ARN = f"arn:aws:sts::{CALLER}:assumed-role/rootkeeper-audit/ana"
OURS = KnownSessions({KEY: RecordedSession(KEY, AccountId(MEMBER), CALLER_ARN, 7)}, (AUDIT_ROLE,))
IN, AFTER, BEFORE = "2026-11-01T10:00:00Z", "2026-11-01T10:20:00Z", "2026-11-01T09:20:00Z"
STEPS = ["PasswordRecoveryRequested", "PasswordRecoveryCompleted", "PasswordUpdated"]


def sign_in(at: str = IN, *, mfa: bool = False, succeeds: bool = True, event_id: str = "e-1") -> dict[str, Any]:
    answer = {"ConsoleLogin": "Success" if succeeds else "Failure"}
    more = {} if succeeds else {"errorMessage": "Failed authentication"}
    return root_sign_in(
        eventTime=at,
        eventID=event_id,
        responseElements=answer,
        additionalEventData={"MFAUsed": "Yes" if mfa else "No"},
        **more,
    )


def step(name: str, at: str = IN) -> dict[str, Any]:
    return root_sign_in(eventName=name, eventTime=at, responseElements={name: "Success"})


def enrolled(at: str = IN) -> dict[str, Any]:
    return root_console_call(eventName="EnableMFADevice", eventTime=at)


def judge(
    record: Mapping[str, Any],
    *windows: RecoveryWindow,
    recorded: tuple[WatchedEvent, ...] = (),
    known: KnownSessions = OURS,
    first_closings: Mapping[str, datetime] | None = None,
) -> WatchedEvent:
    account = WatchedAccount(windows, first_closings or {})
    return classify_watched_event(parse_root_record(record), account, known, recorded)


@pytest.mark.parametrize("record", [*map(step, STEPS), enrolled()], ids=[*STEPS, "EnableMFADevice"])
def test_each_step_of_a_recovery_is_expected_in_its_window(record: dict[str, Any]) -> None:
    event = judge(record, WINDOW)
    assert (event.verdict, event.window_id) == (EventVerdict.EXPECTED, "w-1")
    assert (event.account_id, event.name, event.has_mfa) == (MEMBER, record["eventName"], None)


@pytest.mark.parametrize("at", [BEFORE, AFTER])
@pytest.mark.parametrize("name", [*STEPS, "EnableMFADevice"])
def test_each_step_is_reported_before_the_opening_and_after_the_closing(name: str, at: str) -> None:
    record = enrolled(at) if name == "EnableMFADevice" else step(name, at)
    assert judge(record, CLOSED).verdict is EventVerdict.SUSPICIOUS


def test_the_first_sign_in_may_be_without_mfa_since_no_one_has_any_yet() -> None:
    event = judge(sign_in(), WINDOW)
    assert (event.verdict, event.has_mfa, event.window_id) == (EventVerdict.EXPECTED, False, "w-1")


def test_later_sign_ins_need_mfa() -> None:
    first = judge(sign_in(event_id="e-1"), WINDOW)
    later = "2026-11-01T10:05:00Z"
    with_mfa = judge(sign_in(later, mfa=True, event_id="e-2"), WINDOW, recorded=(first,))
    without = judge(sign_in(later, event_id="e-3"), WINDOW, recorded=(first, with_mfa))
    assert (with_mfa.verdict, with_mfa.has_mfa) == (EventVerdict.EXPECTED, True)
    assert (without.verdict, without.has_mfa) == (EventVerdict.SUSPICIOUS, False)
    assert "wasn't the first" in without.explanation


def test_a_sign_in_without_mfa_after_one_with_it_isnt_the_first() -> None:
    first = judge(sign_in(mfa=True, event_id="e-1"), WINDOW)
    assert judge(sign_in("2026-11-01T10:05:00Z", event_id="e-2"), WINDOW, recorded=(first,)).verdict is (
        EventVerdict.SUSPICIOUS
    )


def test_of_two_sign_ins_without_mfa_one_is_reported_in_any_order_they_come() -> None:
    early, late = sign_in(IN, event_id="e-1"), sign_in("2026-11-01T10:05:00Z", event_id="e-2")
    for order in ((early, late), (late, early)):
        recorded: tuple[WatchedEvent, ...] = ()
        for record in order:
            recorded = (*recorded, judge(record, WINDOW, recorded=recorded))
        assert sorted(event.verdict for event in recorded) == ["expected", "suspicious"]


def test_a_sign_in_with_mfa_that_comes_late_shows_that_the_one_without_wasnt_the_first() -> None:
    without = judge(sign_in("2026-11-01T10:05:00Z", event_id="e-2"), WINDOW)
    with_mfa = judge(sign_in(IN, mfa=True, event_id="e-1"), WINDOW, recorded=(without,))
    assert with_mfa.verdict is EventVerdict.SUSPICIOUS
    assert "10:05:00 UTC" in with_mfa.explanation


def test_sign_ins_of_another_window_say_nothing_of_this_one() -> None:
    earlier = replace(judge(sign_in(event_id="e-1"), WINDOW), window_id="w-0")
    assert judge(sign_in(event_id="e-2"), WINDOW, recorded=(earlier,)).verdict is EventVerdict.EXPECTED


def test_a_wrong_password_in_the_window_is_no_sign_in() -> None:
    failed = judge(sign_in(succeeds=False, event_id="e-1"), WINDOW)
    assert (failed.verdict, failed.has_mfa) == (EventVerdict.EXPECTED, None)
    assert judge(sign_in(event_id="e-2"), WINDOW, recorded=(failed,)).verdict is EventVerdict.EXPECTED


@pytest.mark.parametrize(
    ("at", "windows", "said", "window_id"),
    [
        (BEFORE, (CLOSED,), "before recovery window w-1 was opened", "w-1"),
        (IN, (replace(WINDOW, state=WindowState.APPROVED, opened_at=None, expires_at=None),), "before", "w-1"),
        (AFTER, (CLOSED,), "after the end of recovery window w-1 at 2026-11-01 10:10:00 UTC", "w-1"),
        ("2026-11-01T10:45:00Z", (WINDOW,), "after the end of recovery window w-1 at 2026-11-01 10:30:00", "w-1"),
        (IN, (), "while no recovery window was open", None),
        (IN, (replace(WINDOW, state=WindowState.DENIED, opened_at=None, expires_at=None),), "while no", None),
        (IN, (replace(WINDOW, state=WindowState.CANCELLED),), "while no", None),
    ],
)
@pytest.mark.parametrize("mfa", [True, False])
def test_a_sign_in_outside_of_a_window_is_reported_with_or_without_mfa(
    at: str, windows: tuple[RecoveryWindow, ...], said: str, window_id: str | None, mfa: bool
) -> None:
    event = judge(sign_in(at, mfa=mfa), *windows)
    assert (event.verdict, event.window_id, event.has_mfa) == (EventVerdict.SUSPICIOUS, window_id, mfa)
    assert said in event.explanation


def test_a_failed_sign_in_outside_of_a_window_is_reported_as_a_try() -> None:
    event = judge(sign_in(AFTER, succeeds=False), CLOSED)
    assert event.verdict is EventVerdict.SUSPICIOUS
    assert "failed to sign in" in event.explanation


def test_times_are_compared_to_the_second_as_cloudtrail_records_them() -> None:
    assert judge(sign_in("2026-11-01T09:30:00Z"), WINDOW).verdict is EventVerdict.EXPECTED
    assert judge(sign_in("2026-11-01T10:10:00Z"), CLOSED).verdict is EventVerdict.EXPECTED
    assert judge(sign_in("2026-11-01T10:10:01Z"), CLOSED).verdict is EventVerdict.SUSPICIOUS


def test_a_window_that_is_being_opened_expects_its_person_already() -> None:
    opening = replace(WINDOW, state=WindowState.OPENING, opened_at=None)
    assert judge(step("PasswordRecoveryRequested"), opening).verdict is EventVerdict.EXPECTED


def test_an_extended_window_expects_its_person_until_its_new_end() -> None:
    extended = replace(WINDOW, expires_at=OPENED + timedelta(hours=3))
    assert judge(sign_in("2026-11-01T11:30:00Z"), extended).verdict is EventVerdict.EXPECTED


def test_what_happens_between_two_closings_of_a_window_isnt_in_it() -> None:
    closed_again = replace(CLOSED, closed_at=OPENED + timedelta(minutes=50))
    first = {"w-1": OPENED + timedelta(minutes=20)}
    assert judge(sign_in(), closed_again).verdict is EventVerdict.EXPECTED
    assert judge(sign_in(), closed_again, first_closings=first).verdict is EventVerdict.SUSPICIOUS


def test_of_several_windows_the_one_that_was_open_then_counts() -> None:
    earlier = replace(
        CLOSED,
        window_id="w-0",
        opened_at=OPENED - timedelta(hours=5),
        closed_at=OPENED - timedelta(hours=4),
        expires_at=OPENED - timedelta(hours=4),
    )
    assert judge(sign_in(), earlier, WINDOW).window_id == "w-1"
    assert judge(sign_in("2026-11-01T08:00:00Z"), earlier, WINDOW).window_id == "w-0"


@pytest.mark.parametrize("windows", [(WINDOW,), (CLOSED,), ()])
@pytest.mark.parametrize(
    ("parameters", "whose"), [(None, "the root user itself"), ({"userName": "helper"}, "the IAM user helper")]
)
def test_an_access_key_that_root_creates_is_always_reported(
    windows: tuple[RecoveryWindow, ...], parameters: dict[str, str] | None, whose: str
) -> None:
    event = judge(root_console_call(eventName="CreateAccessKey", requestParameters=parameters), *windows)
    assert event.verdict is EventVerdict.SUSPICIOUS
    assert whose in event.explanation


def test_a_refused_creation_of_a_key_is_reported_as_a_try() -> None:
    record = root_console_call(eventName="CreateAccessKey", errorCode="AccessDenied")
    assert "tried to create" in judge(record, WINDOW).explanation


def test_a_root_session_that_no_entry_of_the_ledger_matches_is_reported() -> None:
    event = judge(root_session_call("ASIAEXAMPLESTRANGER"), WINDOW)
    assert (event.verdict, event.window_id) == (EventVerdict.SUSPICIOUS, "w-1")
    assert "ASIAEXAMPLESTRANGER" in event.explanation
    assert judge(assume_root(f"arn:aws:iam::{CALLER}:role/admin")).verdict is EventVerdict.SUSPICIOUS


def test_our_own_root_sessions_are_nothing_to_tell() -> None:
    for record in (root_session_call(), assume_root()):
        assert judge(record, WINDOW).verdict is EventVerdict.UNRELATED


def test_a_caller_of_ours_whom_aws_refuses_opened_no_session() -> None:
    assert judge(assume_root(access_key_id=None)).verdict is EventVerdict.UNRELATED
    assert judge(assume_root(f"arn:aws:iam::{CALLER}:role/admin", access_key_id=None)).verdict is (
        EventVerdict.SUSPICIOUS
    )


def test_a_known_user_needs_its_entry_in_the_ledger_too() -> None:
    user = f"arn:aws:iam::{CALLER}:user/ana"
    session = RecordedSession(KEY, AccountId(MEMBER), user, 7)
    known = KnownSessions({KEY: session}, (), (user,))
    assert judge(root_session_call(), known=known).verdict is EventVerdict.UNRELATED
    assert judge(assume_root(issuer=None), known=known).verdict is EventVerdict.UNRELATED
    assert judge(root_session_call(), known=KnownSessions({}, (), (user,))).verdict is EventVerdict.SUSPICIOUS


def test_the_work_in_an_open_window_is_no_one_elses_business() -> None:
    assert judge(root_console_call(eventName="PutBucketPolicy"), WINDOW).verdict is EventVerdict.UNRELATED


def test_a_console_session_that_outlives_its_window_is_reported_once_for_all_it_does() -> None:
    first = judge(root_console_call(eventName="ListBuckets", eventTime=AFTER, eventID="e-1"), CLOSED)
    second = judge(root_console_call(eventName="GetBucketPolicy", eventTime=AFTER, eventID="e-2"), CLOSED)
    assert (first.verdict, first.window_id) == (EventVerdict.SUSPICIOUS, "w-1")
    assert KEY in first.explanation
    assert first.alert_key == second.alert_key


def test_a_root_user_whose_account_never_had_a_window_is_reported_only_for_a_sign_in() -> None:
    assert judge(root_key_call()).verdict is EventVerdict.UNRELATED
    assert judge(sign_in()).verdict is EventVerdict.SUSPICIOUS


@pytest.mark.parametrize("name", ["ConsoleLogin", "PasswordRecoveryRequested"])
def test_what_needs_only_an_address_is_reported_once_an_hour(name: str) -> None:
    times = {"e-1": IN, "e-2": AFTER, "e-3": "2026-11-01T11:00:00Z"}
    records = [
        step(name, at) | {"eventID": event_id, "responseElements": {name: "Failure"}} for event_id, at in times.items()
    ]
    first, same_hour, later = (judge(record).alert_key for record in records)
    assert first == same_hour != later


def test_each_step_is_reported_by_itself() -> None:
    events = [judge(sign_in(AFTER, event_id=event_id), CLOSED) for event_id in ("e-1", "e-2")]
    assert len({event.alert_key for event in events}) == 2


def test_what_is_about_root_is_found_among_other_records() -> None:
    records = [make_record({"type": "IAMUser", "accountId": MEMBER}), root_sign_in(), assume_root()]
    assert [is_about_root(record) for record in records] == [False, True, True]
    assert [found.name for found in list_root_records(records)] == ["ConsoleLogin", "AssumeRoot"]


def test_the_account_of_an_opening_is_its_target() -> None:
    assert parse_root_record(assume_root()).account_id == MEMBER
    assert parse_root_record(assume_root(target=f"arn:aws:iam::{MEMBER}:root")).account_id == MEMBER


def test_a_session_is_known_by_its_key_and_a_sign_in_has_none() -> None:
    assert parse_root_record(root_session_call()).session_key_id == KEY
    assert parse_root_record(assume_root()).session_key_id == KEY
    assert parse_root_record(assume_root(access_key_id=None)).session_key_id == ""
    assert parse_root_record(root_sign_in()).session_key_id is None


@pytest.mark.parametrize(
    "change",
    [
        {"eventID": ""},
        {"eventID": None},
        {"eventName": ""},
        {"eventName": "Console\ud800Login"},
        {"eventID": "e-1\x00"},
        {"eventTime": "yesterday"},
        {"eventTime": None},
        {"eventTime": "2026-11-01T10:00:00"},
        {"userIdentity": {"type": "Root"}, "recipientAccountId": None},
        {"userIdentity": {"type": "Root", "accountId": "12"}},
    ],
)
def test_a_record_without_what_is_needed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"record|Record|isoformat"):
        parse_root_record({**root_sign_in(), **change})


def test_texts_of_strangers_that_no_database_takes_are_replaced() -> None:
    record = root_console_call(eventName="CreateAccessKey", requestParameters={"userName": "a\ud800b\x00c"})
    assert "a\ufffdb\ufffdc" in judge(record, WINDOW).explanation


def test_an_id_that_is_too_long_for_the_database_stays_one_of_its_own() -> None:
    ids = {parse_root_record(root_sign_in(eventID="x" * length)).event_id for length in (64, 65, 66)}
    assert {len(event_id) for event_id in ids} == {64}
    assert len(ids) == 3


def make_entry(sequence: int, phase: Phase, minute: int, result: Result | None, intent: int | None) -> LedgerEntry:
    return LedgerEntry(
        sequence=sequence,
        at=OPENED + timedelta(minutes=minute),
        organization_id="o-exampleorgid",
        endpoint="AWS",
        actor=Actor("rootkeeper", ActorKind.SERVER),
        action=Action.WINDOW_CLOSE,
        account_id=AccountId(MEMBER),
        parameters={"window_id": "w-1"} if phase is Phase.INTENT else {"failure": None},
        phase=phase,
        owner_id="owner",
        intent_sequence=intent,
        result=result,
        previous_hash="0" * 64,
        entry_hash="1" * 64,
    )


def test_the_first_closing_that_was_shown_is_found_in_the_ledger() -> None:
    entries = [
        make_entry(1, Phase.INTENT, 1, None, None),
        make_entry(2, Phase.OUTCOME, 2, Result.FAILED, 1),
        make_entry(3, Phase.INTENT, 3, None, None),
        make_entry(4, Phase.OUTCOME, 4, Result.DONE, 3),
        make_entry(5, Phase.INTENT, 50, None, None),
        make_entry(6, Phase.OUTCOME, 51, Result.DONE, 5),
        replace(make_entry(7, Phase.OUTCOME, 60, Result.DONE, None), action=Action.ROOT_SESSION_OPEN),
    ]
    assert find_first_closings(entries) == {"w-1": OPENED + timedelta(minutes=4)}
    assert find_first_closings(entries[:2]) == {}
