"""Account locks: one holder, a growing token, and takeover from the dead only."""

from __future__ import annotations

import threading

import pytest

from rootkeeper.clock import SystemClock
from rootkeeper.errors import AccountBusyError, InputError, LockLostError
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.owners import AccountLock, AccountLocks, release_lock, require_lock_held
from rootkeeper.ledger.writer import WriteTransaction, _WorkUnit
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import (
    ACCOUNT_ID,
    ORGANIZATION_ID,
    OTHER_ACCOUNT_ID,
    Stage,
    Worker,
    make_worker,
    raised_by,
)

LEASE = 3000.0
"""By the clock of a test; it is renewed by that of the machine, which mustn't come to it meanwhile."""


def locks_of(worker: Worker, organization_id: str = ORGANIZATION_ID) -> AccountLocks:
    return worker.database.locks(organization_id, worker.owner)


def take(worker: Worker, wait_seconds: float = 0) -> AccountLock:
    with locks_of(worker).hold(ACCOUNT_ID, "deletion", wait_seconds) as lock:
        return lock


def test_p27_every_holder_gets_a_greater_token(worker: Worker) -> None:
    assert [take(worker).fencing_token for _ in range(3)] == [1, 2, 3]


def test_p27_a_held_account_is_busy_for_everyone_else(database: Database, worker: Worker) -> None:
    other = make_worker(database)
    with locks_of(worker).hold(ACCOUNT_ID, "recovery window w-1"):
        for rival in (other, worker):
            error = raised_by(lambda rival=rival: take(rival), AccountBusyError)  # type: ignore[misc]  # mypy can't type a lambda's default
            assert "Account 111122223333 is held by" in error.message
            assert "'recovery window w-1'" in error.message
            assert "since 20" in error.message
            assert error.hint is not None
        with locks_of(other).hold(OTHER_ACCOUNT_ID, "deletion") as lock:
            assert lock.fencing_token == 1
        with locks_of(other, "o-otherorgid00").hold(ACCOUNT_ID, "deletion") as lock:
            assert lock.fencing_token == 1
    assert take(other).fencing_token == 2
    other.owner.close()


def test_who_waits_gets_the_lock_when_it_is_freed(worker: Worker) -> None:
    taken = threading.Event()
    free = threading.Event()

    def hold() -> None:
        with locks_of(worker).hold(ACCOUNT_ID, "deletion"):
            taken.set()
            free.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(60)
    timer = threading.Timer(0.2, free.set)
    timer.start()
    assert take(worker, wait_seconds=60).fencing_token == 2
    holder.join()
    timer.join()


def test_who_waits_in_vain_gets_an_error_after_the_time_it_asked_for(database: Database) -> None:
    clock = FakeClock()
    one, two = make_worker(database, clock), make_worker(database, clock)
    with locks_of(one).hold(ACCOUNT_ID, "deletion"):
        raised_by(lambda: take(two, wait_seconds=7), AccountBusyError)
    assert sum(clock.slept) == pytest.approx(7)
    one.owner.close()
    two.owner.close()


def test_a_lock_is_freed_when_its_work_fails(worker: Worker) -> None:
    def fail() -> None:
        with locks_of(worker).hold(ACCOUNT_ID, "deletion"):
            raise ZeroDivisionError

    raised_by(fail, ZeroDivisionError)
    assert take(worker).fencing_token == 2


def test_p27_a_lock_is_taken_over_once_its_owners_lease_has_run_out(database: Database) -> None:
    clock = FakeClock()
    one, two = make_worker(database, clock, LEASE), make_worker(database, clock, 10 * LEASE)
    held = locks_of(one).hold(ACCOUNT_ID, "deletion")
    lock = held.__enter__()
    raised_by(lambda: take(two), AccountBusyError)
    clock.advance(LEASE + 1)
    with locks_of(two).hold(ACCOUNT_ID, "deletion") as newer:
        assert newer.fencing_token == lock.fencing_token + 1
        held.__exit__(None, None, None)
        raised_by(lambda: take(one), AccountBusyError)
    one.owner.close()
    two.owner.close()


def test_closing_an_owner_frees_its_locks(database: Database) -> None:
    one, two = make_worker(database), make_worker(database)
    held = locks_of(one).hold(ACCOUNT_ID, "deletion")
    held.__enter__()
    one.owner.close()
    assert take(two).fencing_token == 2
    two.owner.close()


def test_a_lock_that_couldnt_be_freed_is_freed_with_the_next_renewal(stage: Stage) -> None:
    with stage.open(busy_timeout_seconds=0.1) as database:
        one, two = make_worker(database, SystemClock(), 2), make_worker(database)
        held = locks_of(one).hold(ACCOUNT_ID, "deletion")
        held.__enter__()
        stage.run_sql("ALTER TABLE account_locks RENAME TO hidden")
        held.__exit__(None, None, None)
        stage.run_sql("ALTER TABLE hidden RENAME TO account_locks")
        assert take(two, wait_seconds=60).fencing_token == 2
        one.owner.close()
        two.owner.close()


def test_p27_the_fencing_check_names_the_account(worker: Worker) -> None:
    lock = take(worker)
    error = raised_by(
        lambda: worker.database.commits.run(lambda transaction: require_lock_held(transaction, ORGANIZATION_ID, lock)),
        LockLostError,
    )
    assert "111122223333" in error.message


def test_p27_who_lost_the_lock_since_it_was_looked_up_for_a_group_is_fenced_off(database: Database) -> None:
    clock = FakeClock()
    one, two = make_worker(database, clock, LEASE), make_worker(database, clock, 10 * LEASE)
    held = locks_of(one).hold(ACCOUNT_ID, "deletion")
    lock = held.__enter__()
    clock.advance(LEASE + 1)

    def take_over_within_a_group(transaction: WriteTransaction) -> None:
        transaction.look_up_locks(ORGANIZATION_ID, [ACCOUNT_ID])
        require_lock_held(transaction, ORGANIZATION_ID, lock)
        newer = locks_of(two)._try_to_take(transaction, ACCOUNT_ID, "deletion")
        assert isinstance(newer, AccountLock)
        raised_by(lambda: require_lock_held(transaction, ORGANIZATION_ID, lock), LockLostError)
        require_lock_held(transaction, ORGANIZATION_ID, newer)
        release_lock(transaction, ORGANIZATION_ID, newer)
        raised_by(lambda: require_lock_held(transaction, ORGANIZATION_ID, newer), LockLostError)

    database.commits.run(take_over_within_a_group)
    held.__exit__(None, None, None)
    one.owner.close()
    two.owner.close()


def test_p27_a_takeover_that_was_rolled_back_fences_no_one_off(database: Database) -> None:
    clock = FakeClock()
    one, two = make_worker(database, clock, LEASE), make_worker(database, clock, 10 * LEASE)
    held = locks_of(one).hold(ACCOUNT_ID, "deletion")
    lock = held.__enter__()
    clock.advance(LEASE + 1)

    def take_over_in_vain(transaction: WriteTransaction) -> None:
        newer = locks_of(two)._try_to_take(transaction, ACCOUNT_ID, "deletion")
        assert isinstance(newer, AccountLock)
        require_lock_held(transaction, ORGANIZATION_ID, newer)
        raise InputError("no")

    def within_a_group(transaction: WriteTransaction) -> None:
        unit = _WorkUnit(take_over_in_vain, of_ledger=False)
        database.commits._perform(unit, transaction, has_savepoint=True)
        assert isinstance(unit.refusal, InputError)
        require_lock_held(transaction, ORGANIZATION_ID, lock)

    database.commits.run(within_a_group)
    held.__exit__(None, None, None)
    one.owner.close()
    two.owner.close()


def test_p11_p27_a_lock_that_two_threads_share_is_held_until_both_have_ended(
    database: Database, worker: Worker
) -> None:
    locks, other = locks_of(worker), make_worker(database)
    with locks_of(worker).share(ACCOUNT_ID, "closing") as none:
        assert none is None, "no thread of this process holds it"
    first = locks.hold(ACCOUNT_ID, "closing")
    lock = first.__enter__()
    with locks_of(worker).share(ACCOUNT_ID, "deletion") as none:
        assert none is None, "it is held for another purpose"
    with locks_of(other).share(ACCOUNT_ID, "closing") as none:
        assert none is None, "another process holds it"
    with locks_of(worker).share(ACCOUNT_ID, "closing") as shared:
        assert shared == lock
        first.__exit__(None, None, None)
        raised_by(lambda: take(other), AccountBusyError)
    assert take(other).fencing_token == lock.fencing_token + 1
    other.owner.close()
