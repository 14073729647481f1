"""Listing entries: in order, in part, streamed, and with a word about edited ones."""

from __future__ import annotations

import time
from datetime import timedelta, timezone
from itertools import islice

import pytest

from rootkeeper.cli.hints import render_hint
from rootkeeper.database.engines import reading
from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.ledger.store import LedgerFilter, list_open_entries
from rootkeeper.ledger.writer import find_entry_hash
from tests.unit.database.samples import ACCOUNT_ID, ACTOR, ORGANIZATION_ID, OTHER_ACCOUNT_ID, Stage, Worker, raised_by


def test_entries_are_listed_after_a_sequence_of_one_account_and_up_to_a_number(worker: Worker) -> None:
    for number in range(3):
        worker.append_pair(ACCOUNT_ID, number)
        worker.append_pair(OTHER_ACCOUNT_ID, number)
    reader = worker.database.ledger_reader()
    assert [entry.sequence for entry in reader.list_entries()] == list(range(1, 13))
    assert [entry.sequence for entry in reader.list_entries(since_sequence=9)] == [10, 11, 12]
    assert [entry.sequence for entry in reader.list_entries(account_id=OTHER_ACCOUNT_ID, limit=3)] == [3, 4, 7]
    assert list(reader.list_entries(limit=0)) == []


@pytest.mark.parametrize(
    ("wanted", "before", "sequences", "count"),
    [
        (LedgerFilter(), None, [6, 5, 4, 3], 6),
        (LedgerFilter(), 3, [2, 1], 6),
        (LedgerFilter(account_id=OTHER_ACCOUNT_ID), None, [4, 3], 2),
        (LedgerFilter(actor=ACTOR.name), None, [6, 5, 4, 3], 6),
        (LedgerFilter(actor="another user"), None, [], 0),
        (LedgerFilter(actions=frozenset({Action.WINDOW_OPEN})), None, [], 0),
        (LedgerFilter(actions=frozenset({Action.ACCESS_KEY_DELETE, Action.WINDOW_OPEN})), 4, [3, 2, 1], 6),
        (LedgerFilter(results=frozenset({Result.DONE})), None, [6, 4, 2], 3),
        (LedgerFilter(account_id=ACCOUNT_ID, results=frozenset({Result.FAILED})), None, [], 0),
    ],
)
def test_the_latest_entries_that_fit_come_newest_first_and_are_counted_on_all_pages(
    worker: Worker, wanted: LedgerFilter, before: int | None, sequences: list[int], count: int
) -> None:
    for account_id in (ACCOUNT_ID, OTHER_ACCOUNT_ID, ACCOUNT_ID):
        worker.append_pair(account_id)
    reader = worker.database.ledger_reader()
    assert [entry.sequence for entry in reader.list_latest(wanted, before=before, limit=4)] == sequences
    assert reader.count_entries(wanted) == count


def test_entries_of_a_time_are_listed_with_those_at_its_ends(worker: Worker) -> None:
    for number in range(3):
        worker.append_pair(ACCOUNT_ID, number)
        time.sleep(0.002)  # the next pair has another time, also by a coarse clock
    reader = worker.database.ledger_reader()
    times = [entry.at for entry in reader.list_entries()]
    moment = timedelta(microseconds=1)
    for start, end, sequences in (
        (times[2], times[3], [3, 4]),
        (times[4], None, [5, 6]),
        (None, times[1], [1, 2]),
        (times[2] + moment, times[3] - moment, []),
        (times[5] + moment, None, []),
        (times[2].astimezone(timezone(timedelta(hours=-5))), times[3].astimezone(timezone(timedelta(hours=9))), [3, 4]),
    ):
        assert [entry.sequence for entry in reader.list_entries(start=start, end=end)] == sequences
        latest = reader.list_latest(LedgerFilter(start=start, end=end), limit=10)
        assert [entry.sequence for entry in latest] == sequences[::-1]
    assert [entry.sequence for entry in reader.list_entries(start=times[0], since_sequence=2, limit=2)] == [3, 4]
    assert [entry.sequence for entry in reader.list_latest(LedgerFilter(end=times[3]), before=4, limit=2)] == [3, 2]


def test_the_entries_of_a_window_are_its_intents_with_their_outcomes(worker: Worker) -> None:
    ledger = worker.ledger
    for name, value in (("window_id", "w-1"), ("window_id", "w-12"), ("job_id", "w-1"), ("note", "w-1")):
        intent = ledger.append_intent(Action.WINDOW_CLOSE, account_id=ACCOUNT_ID, parameters={name: value})
        ledger.append_outcome(intent, Result.DONE)
    reader = worker.database.ledger_reader()
    found = reader.list_latest(LedgerFilter(reference="w-1"), limit=10)
    assert [entry.sequence for entry in found] == [6, 5, 2, 1]
    assert reader.count_entries(LedgerFilter(reference="w-1")) == 4
    assert reader.list_latest(LedgerFilter(reference="w-%"), limit=10) == ()


def test_a_listing_that_isnt_read_to_its_end_does_no_harm(worker: Worker) -> None:
    for number in range(30):
        worker.append_pair(number=number)
    for _ in range(40):
        assert len(list(islice(worker.database.ledger_reader().list_entries(), 2))) == 2


def test_entries_that_come_meanwhile_arent_listed(worker: Worker) -> None:
    worker.append_pair()
    entries = worker.database.ledger_reader().list_entries()
    first = next(entries)
    worker.append_pair()
    assert [first.sequence, *(entry.sequence for entry in entries)] == [1, 2]


def test_an_entry_that_was_edited_into_nonsense_is_named(stage: Stage, worker: Worker) -> None:
    worker.append_pair()
    worker.append_pair()
    stage.run_sql("UPDATE ledger_entries SET action = 'nonsense' WHERE sequence = 3")
    error = raised_by(lambda: list(worker.database.ledger_reader().list_entries()), DatabaseError)
    assert "entry 3" in error.message
    assert error.hint is not None
    assert "rootkeeper ledger verify" in (render_hint(error.hint) or "")


def test_open_intents_are_listed_oldest_first(worker: Worker) -> None:
    worker.append_pair()
    worker.append_intent(OTHER_ACCOUNT_ID)
    worker.append_intent(ACCOUNT_ID)
    listed = worker.database.ledger_reader().list_open_intents()
    assert [(entry.sequence, entry.account_id) for entry in listed] == [(3, OTHER_ACCOUNT_ID), (4, ACCOUNT_ID)]
    with reading(worker.database.store) as connection:
        assert list_open_entries(connection, ORGANIZATION_ID) == listed
        assert list_open_entries(connection, "o-otherorgid00") == ()
        assert find_entry_hash(connection, 3) == listed[0].entry_hash
        assert find_entry_hash(connection, 99) is None
