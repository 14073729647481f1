"""Watched events are judged and kept once, together with their fact in the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.ledger.database import Database
from rootkeeper.ledger.rules import Action, Phase
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from rootkeeper.watching.store import WatchedEventReader, WindowEventStore, describe_fact
from tests.unit.database.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, OTHER_ACCOUNT_ID, Worker, make_worker

EVENT = WatchedEvent(
    "e-1", ACCOUNT_ID, NOW, "ConsoleLogin", EventVerdict.EXPECTED, "The first sign-in.", "w-1", has_mfa=False
)


@pytest.fixture
def events(database: Database, worker: Worker) -> WindowEventStore:
    return WindowEventStore(database.store, database.commits, ORGANIZATION_ID, worker.ledger, worker.owner)


@pytest.fixture
def elsewhere(database: Database) -> Iterator[WindowEventStore]:
    worker = make_worker(database)
    yield WindowEventStore(database.store, database.commits, "o-otherorgid00", worker.ledger, worker.owner)
    worker.owner.close()


def keep(events: WindowEventStore, event: WatchedEvent) -> WatchedEvent:
    return events.record(event.event_id, event.account_id, lambda _: event)


def test_an_event_is_read_as_it_was_kept(events: WindowEventStore) -> None:
    assert keep(events, EVENT) == EVENT
    bare = WatchedEvent("e-2", ACCOUNT_ID, NOW, "CreateAccessKey", EventVerdict.SUSPICIOUS, "A key.")
    keep(events, bare)
    assert events.list_of_account(ACCOUNT_ID) == (EVENT, bare)
    assert events.list_of_window("w-1") == (EVENT,)


def test_events_come_in_the_order_of_their_time(events: WindowEventStore) -> None:
    for minute, event_id in ((5, "e-1"), (1, "e-2"), (3, "e-3")):
        keep(events, replace(EVENT, event_id=event_id, at=NOW + timedelta(minutes=minute)))
    assert [event.event_id for event in events.list_of_window("w-1")] == ["e-2", "e-3", "e-1"]


def test_an_event_that_comes_twice_is_judged_once(events: WindowEventStore, database: Database) -> None:
    keep(events, EVENT)
    assert keep(events, replace(EVENT, verdict=EventVerdict.SUSPICIOUS)) == EVENT
    assert len(list(database.ledger_reader().list_entries())) == 1


def test_an_event_of_a_window_is_a_fact_in_the_ledger(events: WindowEventStore, database: Database) -> None:
    keep(events, EVENT)
    keep(events, replace(EVENT, event_id="e-2", window_id=None))
    (entry,) = database.ledger_reader().list_entries()
    assert (entry.action, entry.phase, entry.account_id) == (Action.WINDOW_EVENT, Phase.OUTCOME, ACCOUNT_ID)
    assert entry.parameters == describe_fact(EVENT)
    assert entry.parameters["event_name"] == "ConsoleLogin"


def test_an_unrelated_event_isnt_kept(events: WindowEventStore, database: Database) -> None:
    keep(events, replace(EVENT, verdict=EventVerdict.UNRELATED))
    assert events.list_of_account(ACCOUNT_ID) == ()
    assert list(database.ledger_reader().list_entries()) == []


def test_an_event_is_judged_by_the_sign_ins_of_its_account_that_were_kept_before(events: WindowEventStore) -> None:
    keep(events, EVENT)
    keep(events, replace(EVENT, event_id="e-0", has_mfa=None))
    keep(events, replace(EVENT, event_id="e-2", account_id=OTHER_ACCOUNT_ID))
    seen: list[tuple[WatchedEvent, ...]] = []

    def judge(recorded: tuple[WatchedEvent, ...]) -> WatchedEvent:
        seen.append(recorded)
        return replace(EVENT, event_id="e-3")

    events.record("e-3", ACCOUNT_ID, judge)
    assert seen == [(EVENT,)]


def test_of_many_that_judge_at_once_each_sees_what_the_one_before_kept(events: WindowEventStore) -> None:
    def judge_as(number: int) -> None:
        def judge(recorded: tuple[WatchedEvent, ...]) -> WatchedEvent:
            verdict = EventVerdict.SUSPICIOUS if recorded else EventVerdict.EXPECTED
            return replace(EVENT, event_id=f"e-{number}", verdict=verdict)

        events.record(f"e-{number}", ACCOUNT_ID, judge)

    threads = [threading.Thread(target=judge_as, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdicts = [event.verdict for event in events.list_of_account(ACCOUNT_ID)]
    assert sorted(verdicts) == ["expected", *["suspicious"] * 7]


def test_organizations_are_kept_apart(events: WindowEventStore, elsewhere: WindowEventStore) -> None:
    keep(events, EVENT)
    assert elsewhere.list_of_account(ACCOUNT_ID) == ()
    other = replace(EVENT, explanation="Another organization's.")
    assert keep(elsewhere, other) == other


def test_the_past_is_read_without_an_owner(events: WindowEventStore, database: Database) -> None:
    keep(events, EVENT)
    assert database.get_store(WatchedEventReader, ORGANIZATION_ID).list_of_account(ACCOUNT_ID) == (EVENT,)
