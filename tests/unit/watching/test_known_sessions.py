"""What the ledger records of root sessions is read on, and never from its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.ledger.rules import Action, Intent, LedgerEntry, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.watching import service as known_sessions
from rootkeeper.watching.service import KnownSessionReader, find_sequence_before
from tests.fakes.clock import START, FakeClock
from tests.fakes.stores import InMemoryLedger

MEMBER = AccountId("333344445555")
ENDPOINT = "SANDBOX 127.0.0.1:4599"
CALLER_ARN = "arn:aws:iam::222233334444:user/ana"


class CountingLedger(InMemoryLedger):
    """Written with credentials of a user's, and counts the entries that were read."""

    read = 0

    def list_entries(self, **chosen: Any) -> Iterator[LedgerEntry]:
        for entry in super().list_entries(**chosen):
            CountingLedger.read += 1
            yield replace(entry, actor=replace(entry.actor, caller_arn=CALLER_ARN))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(clock: FakeClock) -> InMemoryLedger:
    CountingLedger.read = 0
    return CountingLedger(clock)


def open_session(ledger: InMemoryLedger, number: int) -> None:
    intent = ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=MEMBER)
    ledger.append_outcome(intent, Result.DONE, {"access_key_id": f"ASIA{number:016d}"})


def fill(ledger: InMemoryLedger, clock: FakeClock, minutes: int) -> None:
    """One session a minute."""
    for number in range(minutes):
        open_session(ledger, number)
        clock.advance(60)


def read(ledger: InMemoryLedger) -> KnownSessionReader:
    return KnownSessionReader(ledger, "o-exampleorgid", ENDPOINT)


@pytest.mark.parametrize("minutes", [0, 1, 7, 60, 61])
def test_the_last_entry_before_a_moment_is_found(ledger: InMemoryLedger, clock: FakeClock, minutes: int) -> None:
    fill(ledger, clock, 60)
    expected = sum(entry.at < START + timedelta(minutes=minutes) for entry in ledger.entries)
    assert find_sequence_before(ledger, START + timedelta(minutes=minutes)) == expected


def test_an_empty_ledger_begins_at_its_beginning(ledger: InMemoryLedger) -> None:
    assert find_sequence_before(ledger, START) == 0
    assert read(ledger).find_all(START) == {}


def test_only_the_part_of_the_time_is_read_and_then_only_what_is_new(ledger: InMemoryLedger, clock: FakeClock) -> None:
    fill(ledger, clock, 600)
    known = read(ledger)
    known.find_all(clock.now())
    assert CountingLedger.read < 200
    CountingLedger.read = 0
    open_session(ledger, 999)
    known.find_all(clock.now())
    assert CountingLedger.read == 2


def test_a_moment_before_what_was_read_is_read_too(ledger: InMemoryLedger, clock: FakeClock) -> None:
    fill(ledger, clock, 600)
    known = read(ledger)
    late = set(known.find_all(clock.now()))
    early = set(known.find_all(START + timedelta(minutes=90)))
    assert late < early
    assert f"ASIA{599:016d}" in late & early
    assert f"ASIA{90:016d}" in early - late


def test_memory_is_bounded_and_what_was_forgotten_is_read_again(
    ledger: InMemoryLedger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_sessions, "_LARGEST", 100)
    fill(ledger, clock, 150)
    known = read(ledger)
    assert len(known.find_all(START)) == 75
    clock.advance(60)
    assert f"ASIA{149:016d}" in known.find_all(clock.now())


def test_an_account_waits_for_the_ledger_while_an_intent_about_it_is_open(ledger: InMemoryLedger) -> None:
    known = read(ledger)
    assert known.list_pending() == frozenset()
    audit = ledger.append_intent(Action.ACCOUNTS_AUDIT, parameters={"account_ids": [MEMBER, "444455556666"]})
    session = ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=AccountId("555566667777"))
    ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=AccountId("666677778888"))
    assert known.list_pending() == {MEMBER, "444455556666", "555566667777"}
    for intent in (audit, session):
        end(ledger, intent)
    assert known.list_pending() == frozenset()


def end(ledger: InMemoryLedger, intent: Intent) -> None:
    ledger.append_outcome(intent, Result.DONE, {})
