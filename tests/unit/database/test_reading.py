"""Reading transactions see one moment, and translate database errors."""

from __future__ import annotations

from sqlalchemy import func, select

from rootkeeper.database import schema
from rootkeeper.database.engines import glancing, reading
from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.rules import Action
from tests.unit.database.samples import Stage, Worker, raised_by

COUNT = select(func.count()).select_from(schema.ledger_entries)


def test_what_is_written_meanwhile_isnt_seen(worker: Worker) -> None:
    with reading(worker.database.store) as connection:
        assert connection.execute(COUNT).scalar_one() == 0
        worker.append_pair()
        assert connection.execute(COUNT).scalar_one() == 0
    with reading(worker.database.store) as connection:
        assert connection.execute(COUNT).scalar_one() == 2


def test_a_database_error_names_the_database_and_the_reason(stage: Stage, worker: Worker) -> None:
    stage.run_sql("ALTER TABLE ledger_entries RENAME TO hidden")

    def count() -> None:
        with reading(worker.database.store) as connection:
            connection.execute(COUNT)

    error = raised_by(count, DatabaseError)
    assert worker.database.store.place in error.message
    assert "no such table" in error.message or "does not exist" in error.message


def test_a_glance_sees_what_was_written_last_and_keeps_no_transaction(worker: Worker) -> None:
    store = worker.database.store
    for count in (2, 4):
        worker.append_pair()
        with glancing(store) as connection:
            assert connection.execute(COUNT).scalar_one() == count
    assert worker.ledger.append_fact(Action.EXCEPTION_ADD).sequence == 5


def test_an_error_of_a_glance_names_the_database(stage: Stage, worker: Worker) -> None:
    stage.run_sql("ALTER TABLE ledger_entries RENAME TO hidden")

    def count() -> None:
        with glancing(worker.database.store) as connection:
            connection.execute(COUNT)

    assert worker.database.store.place in raised_by(count, DatabaseError).message
