"""Writing transactions: entries chained to the head, and the list of open intents kept with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from rootkeeper.database import schema
from rootkeeper.ledger.rules import GENESIS_HASH, Action, Draft, Phase, Result, compute_entry_hash
from rootkeeper.ledger.writer import Head, WriteTransaction, parse_entry_row, read_head
from tests.unit.database.samples import ACCOUNT_ID, ACTOR, NOW, ORGANIZATION_ID, Stage, Worker

DRAFT = Draft(NOW, ORGANIZATION_ID, "AWS", ACTOR, Action.ACCESS_KEY_DELETE, ACCOUNT_ID, {"a": 1}, Phase.INTENT, "owner")


def test_entries_of_one_transaction_are_chained_and_counted_without_gaps(worker: Worker) -> None:
    def append_three(transaction: WriteTransaction) -> list[str]:
        assert transaction.head == Head(0, GENESIS_HASH)
        return [transaction.append(DRAFT).entry_hash for _ in range(3)]

    hashes = worker.database.commits.run_ledger_work(append_three)
    with worker.database.store.engine.connect() as connection:
        rows = connection.execute(select(schema.ledger_entries).order_by(schema.ledger_entries.c.sequence)).mappings()
        entries = [parse_entry_row(row) for row in rows]
        assert read_head(connection) == Head(3, hashes[-1], ORGANIZATION_ID)
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert [entry.entry_hash for entry in entries] == hashes
    assert [entry.previous_hash for entry in entries] == [GENESIS_HASH, *hashes[:-1]]
    assert all(compute_entry_hash(entry) == entry.entry_hash for entry in entries)


def test_an_intent_is_open_until_it_is_ended_also_within_one_transaction(stage: Stage, worker: Worker) -> None:
    outcome = replace(DRAFT, phase=Phase.OUTCOME, result=Result.DONE)

    def open_two_and_end_one(transaction: WriteTransaction) -> int:
        first = transaction.append(DRAFT).sequence
        second = transaction.append(DRAFT).sequence
        assert transaction.end_intent(first)
        assert not transaction.end_intent(first)
        transaction.append(replace(outcome, intent_sequence=first))
        return second

    second = worker.database.commits.run_ledger_work(open_two_and_end_one)
    assert stage.query("SELECT sequence FROM open_intents") == [(second,)]

    def end_the_other(transaction: WriteTransaction) -> None:
        transaction.look_up_intents([second, 99])
        assert not transaction.end_intent(99)
        assert transaction.end_intent(second)
        assert not transaction.end_intent(second)
        transaction.append(replace(outcome, intent_sequence=second))

    worker.database.commits.run_ledger_work(end_the_other)
    assert stage.query("SELECT sequence FROM open_intents") == []
    assert worker.database.ledger_reader().verify().problem is None


@pytest.mark.parametrize(
    ("column", "value"),
    [("at", 5), ("at", "yesterday"), ("parameters", None), ("parameters", "{"), ("phase", "x"), ("actor_kind", "x")],
)
def test_a_row_that_is_no_entry_is_refused(worker: Worker, column: str, value: object) -> None:
    worker.append_intent()
    with worker.database.store.engine.connect() as connection:
        row = dict(connection.execute(select(schema.ledger_entries)).mappings().one())
    with pytest.raises(ValueError, match=r".+"):
        parse_entry_row({**row, column: value})  # type: ignore[arg-type]  # a mapping does
