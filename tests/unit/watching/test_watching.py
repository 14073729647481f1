"""Events are judged once, kept, reported if necessary, and acknowledged last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.errors import AwsAccessDeniedError, AwsUnreachableError, DatabaseError, LedgerUnavailableError
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Result
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId, Endpoint
from rootkeeper.watching.rules import EventVerdict
from rootkeeper.watching.service import EventWatchLoop, get_role_name
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.cloudtrail import (
    AUDIT_ROLE,
    CALLER,
    KEY,
    MEMBER,
    assume_root,
    root_console_call,
    root_session_call,
    root_sign_in,
)
from tests.fakes.stores import InMemoryLedger, InMemoryWindows, make_window
from tests.fakes.watching import FakeSource, InMemoryWindowEvents, RecordedNotifier

ENDPOINT = Endpoint("SANDBOX 127.0.0.1:4599")
ACCOUNT = AccountId(MEMBER)
CALLER_ARN = f"arn:aws:sts::{CALLER}:assumed-role/rootkeeper-audit/ana"
NOW = "2026-01-15T09:00:00Z"


class LedgerOfARole(InMemoryLedger):
    """Written with the credentials of the auditing role; counts how often it is read."""

    reads = 0

    def list_entries(self, **chosen: Any) -> Iterator[LedgerEntry]:
        LedgerOfARole.reads += 1
        actor = Actor("ana", ActorKind.SIGNED_IN, CALLER_ARN)
        for entry in super().list_entries(**chosen):
            yield replace(entry, actor=actor)


@dataclass
class Scene:
    """A loop and all that is around it."""

    clock: FakeClock
    source: FakeSource
    ledger: InMemoryLedger
    windows: InMemoryWindows
    events: InMemoryWindowEvents
    notifier: RecordedNotifier
    loop: EventWatchLoop

    @classmethod
    def set_up(cls) -> Scene:
        clock = FakeClock()
        source, ledger, windows = FakeSource(), LedgerOfARole(clock), InMemoryWindows()
        events, notifier = InMemoryWindowEvents(ledger), RecordedNotifier()
        loop = EventWatchLoop(
            source, events, windows, ledger, notifier, clock, "o-exampleorgid", ENDPOINT, role_arns=(AUDIT_ROLE,)
        )
        return cls(clock, source, ledger, windows, events, notifier, loop)

    def open_window(self) -> str:
        window = replace(
            make_window(ACCOUNT, START), opened_at=START - timedelta(minutes=5), expires_at=START + timedelta(hours=1)
        )
        self.windows.add(window)
        return window.window_id

    def verdicts(self) -> dict[str, str]:
        return {event.name: event.verdict.value for event in self.events.kept.values()}


@pytest.fixture
def scene() -> Scene:
    return Scene.set_up()


def sign_in(event_id: str = "e-1", *, mfa: str = "No", at: str = NOW) -> dict[str, Any]:
    return root_sign_in(eventID=event_id, eventTime=at, additionalEventData={"MFAUsed": mfa})


def test_an_expected_event_is_kept_with_its_window_and_sends_no_notification(scene: Scene) -> None:
    window_id = scene.open_window()
    scene.source.bring(sign_in())
    assert scene.loop.tick() == 1
    (event,) = scene.events.list_of_window(window_id)
    assert event.verdict is EventVerdict.EXPECTED
    assert [entry.action for entry in scene.ledger.entries] == [Action.WINDOW_EVENT]
    assert scene.notifier.reported == []
    assert scene.source.waiting == {}


def test_a_suspicious_event_is_reported_as_critical_with_what_to_do(scene: Scene) -> None:
    scene.open_window()
    scene.source.bring(root_console_call(eventName="CreateAccessKey", eventTime=NOW))
    scene.loop.tick()
    (reported,) = scene.notifier.reported
    assert (reported.event, reported.severity) == (NotificationEvent.WINDOW_SUSPICIOUS, Severity.CRITICAL)
    assert (reported.account_id, reported.window_id, reported.endpoint) == (MEMBER, f"w-{MEMBER}", ENDPOINT.label)
    assert "CreateAccessKey" in reported.title
    assert f"Root user of {MEMBER}" in reported.title
    assert "close the recovery window now" in reported.body
    assert reported.deduplication_key


def test_an_event_without_a_window_is_reported_and_isnt_in_the_ledger(scene: Scene) -> None:
    scene.source.bring(sign_in())
    scene.loop.tick()
    assert [f"audit account {MEMBER}" in one.body for one in scene.notifier.reported] == [True]
    assert scene.ledger.entries == []


def test_an_event_that_comes_again_is_kept_and_reported_once(scene: Scene) -> None:
    scene.source.bring(sign_in())
    scene.source.bring(sign_in())
    scene.loop.tick()
    scene.source.bring(sign_in())
    scene.loop.tick()
    assert len(scene.events.kept) == len(scene.notifier.reported) == 1


def test_an_event_that_was_kept_before_its_process_died_is_reported_by_the_next(scene: Scene) -> None:
    """Recorded, and then killed: it wasn't acknowledged, so it comes again."""
    scene.source.bring(sign_in())
    scene.loop.tick()
    scene.notifier.reported.clear()
    scene.source.bring(sign_in())
    scene.loop.tick()
    assert len(scene.notifier.reported) == 1


@pytest.mark.parametrize("failure", [DatabaseError("full"), LedgerUnavailableError("full")])
def test_while_nothing_can_be_kept_events_stay_in_their_source(
    scene: Scene, failure: DatabaseError | LedgerUnavailableError
) -> None:
    scene.source.bring(sign_in())
    scene.events.failure = failure
    with pytest.raises(type(failure)):
        scene.loop.tick()
    assert len(scene.source.waiting) == 1
    scene.events.failure = None
    scene.loop.tick()
    assert scene.source.waiting == {}
    assert len(scene.notifier.reported) == 1


def test_our_own_sessions_leave_no_trace(scene: Scene) -> None:
    intent = scene.ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT)
    scene.ledger.append_outcome(intent, Result.DONE, {"access_key_id": KEY})
    scene.source.bring(assume_root() | {"eventTime": NOW}, root_session_call(eventTime=NOW))
    assert scene.loop.tick() == 2
    assert (scene.events.kept, scene.notifier.reported, scene.source.waiting) == ({}, [], {})


def test_a_session_of_an_audit_that_runs_waits_for_the_audits_outcome(scene: Scene) -> None:
    intent = scene.ledger.append_intent(Action.ACCOUNTS_AUDIT, parameters={"account_ids": [MEMBER]})
    scene.source.bring(root_session_call(eventTime=NOW))
    scene.source.bring(sign_in())
    scene.loop.tick()
    assert len(scene.source.waiting) == 1
    assert scene.verdicts() == {"ConsoleLogin": "suspicious"}
    scene.ledger.append_outcome(intent, Result.DONE, {"sessions": {MEMBER: KEY}})
    scene.loop.tick()
    assert scene.source.waiting == {}
    assert scene.verdicts() == {"ConsoleLogin": "suspicious"}


def test_a_session_that_the_audits_outcome_doesnt_name_is_reported(scene: Scene) -> None:
    intent = scene.ledger.append_intent(Action.ACCOUNTS_AUDIT, parameters={"account_ids": [MEMBER]})
    scene.source.bring(root_session_call("ASIAEXAMPLESTRANGER", eventTime=NOW))
    scene.loop.tick()
    assert scene.notifier.reported == []
    scene.ledger.append_outcome(intent, Result.DONE, {"sessions": {MEMBER: KEY}})
    scene.loop.tick()
    assert scene.verdicts() == {"GetAccountSummary": "suspicious"}


def test_no_one_waits_for_ever_for_an_intent_that_stays_open(scene: Scene) -> None:
    scene.ledger.append_intent(Action.ACCOUNTS_AUDIT, parameters={"account_ids": [MEMBER]})
    scene.source.bring(root_session_call("ASIAEXAMPLESTRANGER", eventTime=NOW))
    scene.clock.advance(3601)
    scene.loop.tick()
    assert scene.verdicts() == {"GetAccountSummary": "suspicious"}


def test_events_of_one_message_are_judged_in_the_order_of_their_time(scene: Scene) -> None:
    scene.open_window()
    later = sign_in("e-2", at="2026-01-15T09:04:00Z")
    scene.source.bring(later, sign_in("e-1"))
    scene.loop.tick()
    assert {key: event.verdict.value for key, event in scene.events.kept.items()} == {
        "e-1": "expected",
        "e-2": "suspicious",
    }


def test_a_late_event_is_judged_by_its_own_time(scene: Scene) -> None:
    window_id = scene.open_window()
    closed_at = START + timedelta(minutes=10)
    scene.windows.update(
        window_id, lambda window: replace(window, state=WindowState.CLOSED_VERIFIED, closed_at=closed_at)
    )
    scene.clock.advance(3600)
    scene.source.bring(sign_in("e-1"), sign_in("e-2", mfa="Yes", at="2026-01-15T09:15:00Z"))
    scene.loop.tick()
    assert [event.verdict.value for event in scene.events.list_of_account(ACCOUNT)] == ["expected", "suspicious"]


def test_a_window_that_was_closed_twice_ended_at_its_first_closing(scene: Scene) -> None:
    window_id = scene.open_window()
    intent = scene.ledger.append_intent(Action.WINDOW_CLOSE, account_id=ACCOUNT, parameters={"window_id": window_id})
    scene.ledger.append_outcome(intent, Result.DONE)
    closed_again = START + timedelta(minutes=30)
    scene.windows.update(
        window_id, lambda window: replace(window, state=WindowState.CLOSED_VERIFIED, closed_at=closed_again)
    )
    scene.source.bring(sign_in(at="2026-01-15T09:20:00Z"))
    scene.loop.tick()
    assert scene.verdicts() == {"ConsoleLogin": "suspicious"}


def test_an_ancient_sign_in_lets_no_one_read_the_whole_ledger(scene: Scene) -> None:
    LedgerOfARole.reads = 0
    scene.source.bring(sign_in(at="2001-01-01T00:00:00Z"))
    scene.loop.tick()
    assert (LedgerOfARole.reads, scene.verdicts()) == (0, {"ConsoleLogin": "suspicious"})


def test_a_backlog_is_worked_off_without_waiting_again(scene: Scene) -> None:
    scene.source.lot = 2
    for number in range(7):
        scene.source.bring(sign_in(f"e-{number}"))
    assert scene.loop.tick() == 7
    assert scene.source.waiting == {}
    assert scene.source.waits == [4.0, 0.0, 0.0, 0.0, 0.0]


def test_a_turn_without_events_waits_once(scene: Scene) -> None:
    assert scene.loop.tick() == 0
    assert scene.source.waits == [4.0]


def test_a_source_that_cant_be_read_is_reported_if_that_lasts(scene: Scene) -> None:
    scene.source.failure = AwsAccessDeniedError("sqs:ReceiveMessage was denied.", hint="Allow sqs:ReceiveMessage.")
    with pytest.raises(AwsAccessDeniedError):
        scene.loop.tick()
    assert scene.notifier.reported == []
    for _ in range(3):
        scene.clock.advance(61)
        with pytest.raises(AwsAccessDeniedError):
            scene.loop.tick()
    (reported,) = scene.notifier.reported
    assert (reported.event, reported.severity) == (NotificationEvent.WATCHING_FAILED, Severity.CRITICAL)
    assert "since 2026-01-15 09:00:00 UTC" in reported.body
    assert "Allow sqs:ReceiveMessage." in reported.body


def test_a_source_that_comes_back_at_once_is_nothing_to_tell(scene: Scene) -> None:
    for _ in range(3):
        scene.source.failure = AwsUnreachableError("no answer")
        with pytest.raises(AwsUnreachableError):
            scene.loop.tick()
        scene.clock.advance(50)
        scene.source.failure = None
        scene.loop.tick()
        scene.clock.advance(50)
    assert scene.notifier.reported == []


@pytest.mark.parametrize(
    ("caller", "role"),
    [
        (CALLER_ARN, AUDIT_ROLE),
        (f"arn:aws:iam::{CALLER}:user/ana", f"arn:aws:iam::{CALLER}:user/ana"),
        ("nothing", "nothing"),
    ],
)
def test_a_session_of_a_role_is_known_by_its_role(caller: str, role: str) -> None:
    assert get_role_name(caller) == role
