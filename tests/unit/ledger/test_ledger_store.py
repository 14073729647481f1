"""Intents, outcomes, facts and orphans in the database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.errors import InputError, LockLostError
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action, Phase, Result, compute_entry_hash
from rootkeeper.ledger.store import check_parameters
from rootkeeper.values import JsonValue
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import (
    ACCOUNT_ID,
    ACTOR,
    ENDPOINT,
    ORGANIZATION_ID,
    OTHER_ACCOUNT_ID,
    Stage,
    Worker,
    make_worker,
    raised_by,
)


def test_an_outcome_has_awss_last_request_id_unless_it_names_another(worker: Worker) -> None:
    described = []
    for details in ({"status": "deleted"}, {"request_id": "of-a-re-read"}, None):
        intent = worker.append_intent()
        for request_id in ("first", "", "second"):
            intent.note_request(request_id)
        described.append(worker.ledger.append_outcome(intent, Result.DONE, details).parameters)
    assert described == [
        {"request_id": "second", "status": "deleted"},
        {"request_id": "of-a-re-read"},
        {"request_id": "second"},
    ]


def test_an_intent_and_its_outcome_are_chained_entries(worker: Worker) -> None:
    intent = worker.append_intent()
    outcome = worker.ledger.append_outcome(intent, Result.DONE, {"status": "deleted"})
    entries = list(worker.database.ledger_reader().list_entries())
    assert [(entry.sequence, entry.phase, entry.intent_sequence, entry.result) for entry in entries] == [
        (1, Phase.INTENT, None, None),
        (2, Phase.OUTCOME, 1, Result.DONE),
    ]
    assert entries[1] == outcome
    assert entries[1].previous_hash == entries[0].entry_hash == compute_entry_hash(entries[0])
    assert entries[0].actor == ACTOR
    assert entries[0].endpoint == ENDPOINT.label
    assert entries[0].organization_id == ORGANIZATION_ID
    assert entries[0].account_id == ACCOUNT_ID
    assert entries[0].owner_id == worker.owner.owner_id
    assert entries[1].parameters == {"status": "deleted"}


def test_an_intent_is_valid_for_less_than_the_lease(database: Database) -> None:
    clock = FakeClock()
    worker = make_worker(database, clock, lease_seconds=30)
    intent = worker.append_intent()
    assert clock.monotonic() + 25 < intent.valid_until <= clock.monotonic() + 29
    clock.advance(10)
    later = worker.append_intent()
    assert later.valid_until <= intent.valid_until
    worker.owner.close()


def test_an_intent_late_in_the_lease_renews_it_in_its_own_transaction(database: Database) -> None:
    clock = FakeClock()
    worker = make_worker(database, clock, lease_seconds=30)
    clock.advance(20)
    intent = worker.append_intent()
    assert intent.valid_until > clock.monotonic() + 25
    worker.owner.close()


def test_p03_a_second_outcome_is_refused_and_leaves_no_trace(worker: Worker) -> None:
    intent = worker.append_pair()
    error = raised_by(lambda: worker.ledger.append_outcome(intent, Result.FAILED), LockLostError)
    assert "settled intent 1 already" in error.message
    assert len(list(worker.database.ledger_reader().list_entries())) == 2


def test_an_outcome_of_an_intent_that_was_never_recorded_is_refused(worker: Worker) -> None:
    intent = replace(worker.append_intent(), sequence=99)
    raised_by(lambda: worker.ledger.append_outcome(intent, Result.DONE), LockLostError)


def test_a_fact_needs_no_intent(worker: Worker) -> None:
    entry = worker.ledger.append_fact(Action.EXCEPTION_ADD, account_id=ACCOUNT_ID, parameters={"reason": "billing"})
    assert (entry.phase, entry.intent_sequence, entry.result) == (Phase.OUTCOME, None, Result.DONE)
    assert worker.database.ledger_reader().list_open_intents() == ()


def test_p27_an_intent_under_a_lock_that_was_taken_over_is_refused_and_not_recorded(worker: Worker) -> None:
    locks = worker.database.locks(ORGANIZATION_ID, worker.owner)
    with locks.hold(ACCOUNT_ID, "deletion") as lock:
        worker.ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID, lock=lock)
        stale = replace(lock, fencing_token=lock.fencing_token - 1)
        foreign = replace(lock, owner_id="another")
        unheld = AccountLock(OTHER_ACCOUNT_ID, lock.owner_id, 1)
        for wrong in (stale, foreign, unheld):
            raised_by(
                lambda wrong=wrong: worker.ledger.append_intent(Action.ACCESS_KEY_DELETE, lock=wrong),  # type: ignore[misc]  # mypy can't type a lambda's default
                LockLostError,
            )
    raised_by(lambda: worker.ledger.append_intent(Action.ACCESS_KEY_DELETE, lock=lock), LockLostError)
    assert len(list(worker.database.ledger_reader().list_entries())) == 1


def test_p27_an_intent_under_a_lock_is_refused_once_the_lease_has_run_out(database: Database) -> None:
    clock = FakeClock()
    worker = make_worker(database, clock, lease_seconds=3000)  # no beat comes meanwhile
    with database.locks(ORGANIZATION_ID, worker.owner).hold(ACCOUNT_ID, "deletion") as lock:
        clock.advance(3001)
        raised_by(lambda: worker.ledger.append_intent(Action.ACCESS_KEY_DELETE, lock=lock), LockLostError)
    assert worker.append_intent().valid_until > clock.monotonic()
    worker.owner.close()


def test_p03_only_the_intents_of_a_dead_owner_are_orphans(database: Database) -> None:
    clock = FakeClock()
    dead, live = make_worker(database, clock), make_worker(database, clock)
    orphan, settled = dead.append_intent(), dead.append_intent()
    dead.ledger.append_outcome(settled, Result.DONE)
    live.append_intent()
    assert live.ledger.list_orphans() == ()
    dead.owner.close()
    assert [entry.sequence for entry in live.ledger.list_orphans()] == [orphan.sequence]
    live.owner.close()


def test_p03_an_orphan_is_settled_once(database: Database) -> None:
    clock = FakeClock()
    dead, live = make_worker(database, clock), make_worker(database, clock)
    dead.append_intent()
    dead.owner.close()
    (orphan,) = live.ledger.list_orphans()
    assert live.ledger.settle_orphan(orphan, Result.DONE, {"reread": "absent"})
    assert not live.ledger.settle_orphan(orphan, Result.FAILED, {})
    assert live.ledger.list_orphans() == ()
    outcome = list(database.ledger_reader().list_entries())[-1]
    assert (outcome.intent_sequence, outcome.result, outcome.action) == (1, Result.DONE, Action.ACCESS_KEY_DELETE)
    assert outcome.owner_id == live.owner.owner_id
    assert database.ledger_reader().verify().problem is None
    live.owner.close()


def test_p03_the_intent_of_a_live_owner_is_never_settled(database: Database) -> None:
    clock = FakeClock()
    one, two = make_worker(database, clock), make_worker(database, clock)
    intent = one.append_intent()
    (entry,) = database.ledger_reader().list_open_intents()
    assert not two.ledger.settle_orphan(entry, Result.UNKNOWN, {})
    one.ledger.append_outcome(intent, Result.DONE)
    one.owner.close()
    two.owner.close()


def test_p03_a_process_that_comes_back_after_its_intent_was_settled_gets_an_error(
    stage: Stage, database: Database
) -> None:
    clock = FakeClock()
    slow, quick = make_worker(database, clock), make_worker(database, clock)
    intent = slow.append_intent()
    stage.run_sql(f"UPDATE owners SET lease_until = '2000-01-01T00:00Z' WHERE owner_id = '{slow.owner.owner_id}'")  # noqa: S608 - an id of our own
    (orphan,) = quick.ledger.list_orphans()
    assert quick.ledger.settle_orphan(orphan, Result.UNKNOWN, {})
    raised_by(lambda: slow.ledger.append_outcome(intent, Result.DONE), LockLostError)
    slow.owner.close()
    quick.owner.close()


def test_the_orphans_of_another_organization_are_left_alone(database: Database) -> None:
    clock = FakeClock()
    dead, live = make_worker(database, clock), make_worker(database, clock)
    dead.append_intent()
    dead.owner.close()
    elsewhere = database.ledger("o-otherorgid00", ENDPOINT, ACTOR, live.owner)
    assert elsewhere.list_orphans() == ()
    live.owner.close()


def test_p08_a_secret_never_reaches_the_ledger(stage: Stage, worker: Worker) -> None:
    with pytest.raises(ValueError, match="no secrets"):
        worker.ledger.append_intent(Action.ROOT_SESSION_OPEN, parameters={"SessionToken": "FwoGZXIvYXdzE"})
    intent = worker.append_intent()
    with pytest.raises(ValueError, match="no secrets"):
        worker.ledger.append_outcome(intent, Result.DONE, {"credentials": {"SecretAccessKey": "wJalrXUtnFEMI"}})
    files = [path.read_bytes() for path in stage.path.parent.iterdir()]
    assert not any(b"FwoGZXIvYXdzE" in content or b"wJalrXUtnFEMI" in content for content in files)


def test_a_text_that_cant_be_encoded_is_the_users_mistake() -> None:
    raised_by(lambda: check_parameters({"reason": "\udcff"}), InputError)


def test_parameters_are_copied_as_they_will_be_read_back() -> None:
    accounts = ["111122223333"]
    parameters: dict[str, JsonValue] = {"accounts": accounts, "pair": (1, 2)}
    checked = check_parameters(parameters)
    accounts.append("444455556666")
    assert checked == {"accounts": ["111122223333"], "pair": [1, 2]}
