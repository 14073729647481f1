"""Owners: their lease, its renewal, and what is forgotten of them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.clock import SystemClock
from rootkeeper.database.processes import ProcessIdentity, identify_this_process
from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError, LockLostError
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.owners import Owner, OwnerRecord, add_owner, find_owner
from rootkeeper.ledger.rules import Action, Actor, ActorKind, Result
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.ledger.writer import WriteTransaction
from rootkeeper.organization.accounts import Endpoint
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, Stage, Worker, make_worker, raised_by


def read_owner(database: Database, owner_id: str) -> OwnerRecord | None:
    with database.store.engine.connect() as connection:
        return find_owner(connection, owner_id)


def read_lease_end(database: Database, owner: Owner) -> datetime:
    record = read_owner(database, owner.owner_id)
    assert record is not None
    return record.lease_until


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def list_owner_ids(stage: Stage) -> set[str]:
    return {row[0] for row in stage.query("SELECT owner_id FROM owners")}


def test_an_owner_shows_which_process_it_is(database: Database, worker: Worker) -> None:
    record = read_owner(database, worker.owner.owner_id)
    assert record is not None
    assert record.process == identify_this_process()
    assert record.process.process_id == os.getpid()
    assert not record.is_dead(SystemClock().now())


def test_p03_an_owner_is_dead_once_its_lease_has_run_out_or_its_process_is_gone() -> None:
    here = identify_this_process()
    lease_until = NOW + timedelta(seconds=30)
    live = OwnerRecord("one", here, lease_until)
    assert not live.is_dead(NOW)
    assert live.is_dead(lease_until)
    gone = ProcessIdentity(here.host, here.boot_id, here.process_id, "1", here.user_name)
    assert OwnerRecord("two", gone, lease_until).is_dead(NOW)
    elsewhere = ProcessIdentity("another-host", here.boot_id, here.process_id, "1", here.user_name)
    assert not OwnerRecord("three", elsewhere, lease_until).is_dead(NOW)


def test_a_lease_is_renewed_while_the_process_lives(database: Database) -> None:
    clock = SystemClock()
    worker = make_worker(database, clock, lease_seconds=8)
    first_end = read_lease_end(database, worker.owner)
    wait_until(lambda: read_lease_end(database, worker.owner) > first_end)
    before = clock.monotonic()
    assert worker.append_intent().valid_until > before
    worker.owner.close()


def test_an_owner_that_couldnt_be_registered_at_its_start_is_with_its_first_lock(
    stage: Stage, database: Database
) -> None:
    stage.run_sql("ALTER TABLE owners RENAME TO hidden")
    raised_by(lambda: database.register_owner(SystemClock()), DatabaseError)
    owner = database.register_owner(SystemClock(), must_be_registered=False)
    locks = database.locks(ORGANIZATION_ID, owner)
    raised_by(lambda: locks.hold(ACCOUNT_ID, "closing").__enter__(), DatabaseError)
    stage.run_sql("ALTER TABLE hidden RENAME TO owners")
    with locks.hold(ACCOUNT_ID, "closing"):
        assert list_owner_ids(stage) == {owner.owner_id}
    owner.close()


def test_a_renewal_that_fails_is_tried_again(stage: Stage, database: Database) -> None:
    worker, failed = make_worker(database, SystemClock(), lease_seconds=8), threading.Event()
    first_end = read_lease_end(database, worker.owner)
    event.listen(database.store.engine, "handle_error", lambda _: failed.set())
    stage.run_sql("ALTER TABLE owners RENAME TO hidden")
    assert failed.wait(60)
    stage.run_sql("ALTER TABLE hidden RENAME TO owners")
    wait_until(lambda: read_lease_end(database, worker.owner) > first_end)
    worker.owner.close()


def test_closing_ends_the_lease_at_once_and_a_second_time_does_nothing(database: Database) -> None:
    worker = make_worker(database, lease_seconds=300)
    worker.owner.close()
    worker.owner.close()
    record = read_owner(database, worker.owner.owner_id)
    assert record is not None
    assert record.is_dead(SystemClock().now())


def test_closing_without_a_database_leaves_the_lease_to_run_out(stage: Stage) -> None:
    with stage.open(busy_timeout_seconds=0.1) as database:
        worker = make_worker(database, lease_seconds=300)
        stage.run_sql("ALTER TABLE owners RENAME TO hidden")
        worker.owner.close()


def test_a_clock_that_was_set_back_doesnt_lengthen_an_intent(database: Database) -> None:
    clock = FakeClock()
    worker = make_worker(database, clock, lease_seconds=30)
    clock.advance(14)
    clock._now -= timedelta(hours=1)
    assert worker.append_intent().valid_until <= clock.monotonic() + 16
    worker.owner.close()


def test_an_owner_that_the_database_doesnt_know_may_record_nothing(stage: Stage, worker: Worker) -> None:
    stage.run_sql("DELETE FROM owners")
    raised_by(worker.append_intent, LockLostError)


def test_owners_of_long_ago_are_forgotten_unless_they_left_an_intent(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    idle, busy = make_worker(database, clock), make_worker(database, clock)
    busy.append_intent()
    for worker in (idle, busy):
        worker.owner.close()
    clock.advance(40 * 86_400)
    newcomer = make_worker(database, clock)
    assert list_owner_ids(stage) == {busy.owner.owner_id, newcomer.owner.owner_id}
    newcomer.owner.close()


def test_an_owner_is_kept_only_once(database: Database, worker: Worker) -> None:
    record = OwnerRecord(worker.owner.owner_id, identify_this_process(), NOW)
    database.commits.run(lambda transaction: add_owner(transaction.connection, record, NOW))
    kept = read_owner(database, worker.owner.owner_id)
    assert kept is not None
    assert kept.lease_until > NOW


def open_lasting(database: Database) -> tuple[Owner, SqlLedger]:
    owner = database.register_owner(SystemClock(), 6, replaces_itself=True)
    return owner, database.ledger(ORGANIZATION_ID, Endpoint("AWS"), Actor("ana", ActorKind.SERVER), owner)


def wait_replaced(database: Database, owner: Owner, former_id: str) -> None:
    """Until the other one is committed."""
    wait_until(lambda: owner.owner_id != former_id and read_owner(database, owner.owner_id) is not None)


def test_p03_what_a_lasting_owner_left_while_the_database_was_away_is_settled_as_that_of_a_dead_one(
    stage: Stage, database: Database
) -> None:
    owner, ledger = open_lasting(database)
    former_id = owner.owner_id
    intent = ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT_ID)
    assert ledger.list_orphans() == ()
    stage.run_sql("ALTER TABLE open_intents RENAME TO hidden")
    raised_by(lambda: ledger.append_outcome(intent, Result.DONE), LedgerUnavailableError)
    stage.run_sql("ALTER TABLE hidden RENAME TO open_intents")
    wait_replaced(database, owner, former_id)
    (orphan,) = ledger.list_orphans()
    assert orphan.sequence == intent.sequence
    assert ledger.settle_orphan(orphan, Result.UNKNOWN, {})
    assert ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT_ID).sequence > intent.sequence
    owner.close()


def test_p27_a_lock_from_before_lets_nothing_be_done_after_its_owner_was_replaced(database: Database) -> None:
    owner, ledger = open_lasting(database)
    locks, former_id = database.locks(ORGANIZATION_ID, owner), owner.owner_id
    with locks.hold(ACCOUNT_ID, "closing") as former:
        owner.doubt()
        wait_replaced(database, owner, former_id)
        with locks.hold(ACCOUNT_ID, "closing again") as lock:
            raised_by(
                lambda: ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT_ID, lock=former),
                LockLostError,
            )
            ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT_ID, lock=lock)
    owner.close()


def test_p27_a_server_that_was_stopped_for_longer_than_its_lease_keeps_no_lock(database: Database) -> None:
    clock = FakeClock()
    owner = database.register_owner(clock, 2, replaces_itself=True)
    ledger = database.ledger(ORGANIZATION_ID, Endpoint("AWS"), Actor("ana", ActorKind.SERVER), owner)
    former_id = owner.owner_id
    with database.locks(ORGANIZATION_ID, owner).hold(ACCOUNT_ID, "closing") as lock:
        ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT_ID, lock=lock)
        clock.advance(3)
        wait_replaced(database, owner, former_id)
        wait_until(owner.has_lease)  # otherwise the missing lease refuses it, not the lock from before
        raised_by(
            lambda: ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT_ID, lock=lock), LockLostError
        )
    owner.close()


def test_p03_a_former_owner_is_surely_dead_also_where_its_replacement_was_rolled_back_and_begun_again(
    database: Database,
) -> None:
    owner, _ = open_lasting(database)
    former_id, begun, continues = owner.owner_id, threading.Event(), threading.Event()

    def hold_writer(_: WriteTransaction) -> None:
        begun.set()
        continues.wait(60)

    def refuse(_: WriteTransaction) -> None:
        raise InputError("refused on purpose")

    with ThreadPoolExecutor(2) as pool:
        pool.submit(database.commits.run, hold_writer)
        assert begun.wait(60)
        owner.doubt()
        wait_until(lambda: len(database.commits._waiting) == 1)  # the renewal, of whose group one unit is refused
        refused = pool.submit(database.commits.run, refuse)
        wait_until(lambda: len(database.commits._waiting) == 2)
        continues.set()
        assert isinstance(refused.exception(60), InputError)
    wait_replaced(database, owner, former_id)
    record = read_owner(database, former_id)
    assert record is not None
    assert record.is_dead(SystemClock().now() - timedelta(hours=1))
    owner.close()


def test_an_owner_of_a_process_that_ends_soon_is_never_replaced(database: Database) -> None:
    worker = make_worker(database, SystemClock(), lease_seconds=2)
    former_id, first_end = worker.owner.owner_id, read_lease_end(database, worker.owner)
    worker.owner.doubt()
    wait_until(lambda: read_lease_end(database, worker.owner) > first_end)
    assert worker.owner.owner_id == former_id
    worker.owner.close()


@contextmanager
def full_disk(database: Database) -> Iterator[None]:
    """Reading succeeds, and every write fails."""

    def refuse_writes(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            raise SQLAlchemyError("the disk is full")

    event.listen(database.store.engine, "before_cursor_execute", refuse_writes)
    try:
        yield
    finally:
        event.remove(database.store.engine, "before_cursor_execute", refuse_writes)


def test_p11_an_owner_that_cannot_be_registered_again_finds_the_database_unwritable_and_no_lock_lost(
    database: Database,
) -> None:
    owner, ledger = open_lasting(database)
    locks, former_id = database.locks(ORGANIZATION_ID, owner), owner.owner_id
    assert locks.are_renewed()
    with full_disk(database):
        owner.doubt()
        wait_until(lambda: owner.owner_id != former_id and owner.renewal_failure is not None)
        assert not locks.are_renewed()
        for _ in range(2):
            raised_by(lambda: locks.hold(ACCOUNT_ID, "closing").__enter__(), DatabaseError)
            raised_by(lambda: ledger.append_intent(Action.WINDOW_CLOSE, account_id=ACCOUNT_ID), LedgerUnavailableError)
    wait_replaced(database, owner, former_id)
    wait_until(locks.are_renewed)
    owner.close()


def test_p11_a_lock_that_could_not_be_released_is_free_for_its_own_process(stage: Stage, database: Database) -> None:
    owner, _ = open_lasting(database)
    locks = database.locks(ORGANIZATION_ID, owner)
    with locks.hold(ACCOUNT_ID, "closing") as first:
        stage.run_sql("ALTER TABLE account_locks RENAME TO hidden")
    stage.run_sql("ALTER TABLE hidden RENAME TO account_locks")
    assert locks.list_held([ACCOUNT_ID]) == frozenset()
    with locks.hold(ACCOUNT_ID, "closing again") as second:
        assert second.fencing_token == first.fencing_token + 1
        assert locks.list_held([ACCOUNT_ID]) == {ACCOUNT_ID}
    owner.close()


def test_a_lock_of_a_former_id_is_free_for_its_own_process_before_that_id_is_ended(
    stage: Stage, database: Database
) -> None:
    owner, _ = open_lasting(database)
    locks, former_id = database.locks(ORGANIZATION_ID, owner), owner.owner_id
    with locks.hold(ACCOUNT_ID, "closing"):
        owner._former_ids.append(former_id)
        owner.owner_id, owner._is_registered = "new-one", False
        with locks.hold(ACCOUNT_ID, "closing again") as lock:
            assert lock.owner_id == "new-one"
    owner.close()
