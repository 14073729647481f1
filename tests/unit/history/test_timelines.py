"""One account's past, in the order of its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.history.rules import TimelineEntry, TimelineKind, compile_timeline
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.organization.statuses import AccountStatus, CredentialKind, KeptStatus
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from rootkeeper.windows.rules import Approval, ApprovalPurpose, RecoveryWindow, WindowState
from tests.unit.history.test_audit_diffs import ID, NOW, found, unread

KINDS = ("password", "access keys", "signing certificates", "mfa devices")
WINDOW = RecoveryWindow(
    window_id="w-1",
    organization_id="o-exampleorgid",
    account_id=ID,
    state=WindowState.CLOSED_VERIFIED,
    reason="restore a bucket",
    ticket="INC-1",
    requested_by="ana",
    requested_at=NOW,
    duration_seconds=3600,
    opened_at=NOW + timedelta(minutes=5),
    expires_at=NOW + timedelta(minutes=65),
    closed_at=NOW + timedelta(minutes=30),
    activated_by="mary",
    closed_by="mary",
)


def kept(*statuses: AccountStatus) -> list[KeptStatus]:
    """One audit a day."""
    return [
        KeptStatus(
            f"j-{day}",
            NOW + timedelta(days=day),
            replace(status, observed_at=NOW + timedelta(days=day)),
        )
        for day, status in enumerate(statuses)
    ]


def make_entry(sequence: int, action: Action, phase: Phase, result: Result | None, **more: object) -> LedgerEntry:
    intent = more.pop("intent", None)
    return LedgerEntry(
        sequence=sequence,
        at=NOW + timedelta(seconds=sequence),
        organization_id="o-exampleorgid",
        endpoint="AWS",
        actor=Actor("ana", ActorKind.SIGNED_IN),
        action=action,
        account_id=ID,
        parameters=more,  # type: ignore[arg-type]  # texts
        phase=phase,
        owner_id="owner",
        intent_sequence=intent,  # type: ignore[arg-type]  # a number
        result=result,
        previous_hash="0" * 64,
        entry_hash="1" * 64,
    )


def shown(entries: tuple[TimelineEntry, ...]) -> list[tuple[str, str, str]]:
    return [(entry.what, entry.detail, entry.reference) for entry in entries]


def test_only_audits_that_found_something_else_are_reported() -> None:
    entries = compile_timeline(
        kept(found(), found(), found(CredentialKind.PASSWORD), found(CredentialKind.PASSWORD), unread(), found()),
        [],
        [],
        [],
    )
    assert shown(entries) == [
        ("not_present", "", "j-0"),
        ("present", "password: appeared", "j-2"),
        (
            "unknown",
            "; ".join(f"{kind}: not read any more" for kind in KINDS),
            "j-4",
        ),
        (
            "not_present",
            "; ".join(f"{kind}: read again" for kind in KINDS),
            "j-5",
        ),
    ]
    assert [entry.is_alarming for entry in entries] == [False, True, False, False]
    assert {entry.kind for entry in entries} == {TimelineKind.STATUS}


def test_the_first_status_names_what_was_there() -> None:
    (entry,) = compile_timeline(kept(found(CredentialKind.PASSWORD, CredentialKind.MFA_DEVICES)), [], [], [])
    assert entry.detail == "password: present; mfa devices: present"


def test_an_intent_and_its_outcome_are_one_entry() -> None:
    (entry,) = compile_timeline(
        [],
        [
            make_entry(1, Action.ACCESS_KEY_DELETE, Phase.INTENT, None, access_key_id="AKIAIOSFODNN7EXAMPLE"),
            make_entry(2, Action.ACCESS_KEY_DELETE, Phase.OUTCOME, Result.DONE, intent=1, status="deleted"),
        ],
        [],
        [],
    )
    assert shown((entry,)) == [("access_key:delete", "done; access key id: AKIAIOSFODNN7EXAMPLE; status: deleted", "2")]
    assert (entry.actor, entry.at, entry.is_alarming) == ("ana", NOW + timedelta(seconds=2), False)


def test_what_failed_and_what_has_no_outcome_is_conspicuous() -> None:
    entries = compile_timeline(
        [],
        [
            make_entry(1, Action.WINDOW_CLOSE, Phase.INTENT, None),
            make_entry(2, Action.WINDOW_CLOSE, Phase.OUTCOME, Result.FAILED, intent=1),
            make_entry(3, Action.LOGIN_PROFILE_DELETE, Phase.INTENT, None),
        ],
        [],
        [],
    )
    assert [(entry.what, entry.detail, entry.is_alarming) for entry in entries] == [
        ("window:close", "failed", True),
        ("login_profile:delete", "without an outcome", True),
    ]


def test_an_event_is_reported_once_though_the_ledger_has_it_too() -> None:
    event = WatchedEvent("e-1", ID, NOW, "CreateAccessKey", EventVerdict.SUSPICIOUS, "A key.", "w-1")
    fact = make_entry(1, Action.WINDOW_EVENT, Phase.OUTCOME, Result.DONE)
    (entry,) = compile_timeline([], [fact], [], [event])
    assert (entry.kind, entry.what, entry.detail, entry.reference, entry.is_alarming) == (
        TimelineKind.EVENT,
        "CreateAccessKey",
        "suspicious: A key.",
        "e-1",
        True,
    )


def test_a_window_shows_its_steps_and_by_whom() -> None:
    approval = Approval(
        "paulo",
        ActorKind.SIGNED_IN,
        ApprovalPurpose.OPENING,
        NOW + timedelta(minutes=1),
        ID,
        "recover",
        3600,
        NOW + timedelta(hours=8),
    )
    window = replace(WINDOW, approvals=(approval,), approved_by=("paulo",), watched_by="sqs:root-events")
    entries = compile_timeline([], [], [window], [])
    assert [(entry.what, entry.actor) for entry in entries] == [
        ("requested", "ana"),
        ("approved", "paulo"),
        ("opened", "mary"),
        ("closed", "mary"),
    ]
    assert entries[0].detail == "restore a bucket (INC-1)"
    assert "watched by sqs:root-events" in entries[2].detail


def test_an_opening_in_the_second_of_its_request_comes_after_it() -> None:
    window = replace(WINDOW, requested_at=NOW + timedelta(milliseconds=700), opened_at=NOW)
    assert [entry.what for entry in compile_timeline([], [], [window], [])] == ["requested", "opened", "closed"]


def test_a_window_that_someone_else_reopened_says_so() -> None:
    found_at = WINDOW.requested_at + timedelta(hours=3)
    window = replace(WINDOW, first_closed_at=WINDOW.closed_at, reopened_at=found_at, closed_at=found_at)
    entries = compile_timeline([], [], [window], [])

    assert [(entry.what, entry.is_alarming) for entry in entries if entry.what != "approved"] == [
        ("requested", False),
        ("opened", False),
        ("closed", False),
        ("reopened", True),
        ("closed", False),
    ]


def test_a_window_says_that_it_was_unapproved_unwatched_and_isnt_closed() -> None:
    failed = replace(WINDOW, state=WindowState.CLOSE_FAILED, closed_at=None, failure="AWS can't be reached.")
    entries = compile_timeline([], [], [failed], [])
    assert "not watched, unapproved" in entries[1].detail
    assert (entries[2].what, entries[2].detail, entries[2].is_alarming) == ("not closed", "AWS can't be reached.", True)


def test_everything_is_in_the_order_of_its_time() -> None:
    events = [WatchedEvent("e-1", ID, NOW + timedelta(minutes=10), "ConsoleLogin", EventVerdict.EXPECTED, "First.")]
    facts = [make_entry(1, Action.WINDOW_REQUEST, Phase.OUTCOME, Result.DONE)]
    entries = compile_timeline(kept(found()), facts, [WINDOW], events)
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert {entry.kind for entry in entries} == set(TimelineKind)
