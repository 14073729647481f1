"""Merging a spill: in order, marked, once, and regardless of what became of its intents meanwhile."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rootkeeper.errors import DatabaseError, LedgerUnavailableError
from rootkeeper.ledger.database import open_database
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import render_time
from rootkeeper.windows.imports import merge_spill
from rootkeeper.windows.rules import WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from tests.fakes.clock import FakeClock
from tests.fakes.stores import make_window
from tests.unit.database.samples import (
    ACCOUNT_ID,
    ACTOR,
    ENDPOINT,
    NOW,
    ORGANIZATION_ID,
    Stage,
    Worker,
    make_worker,
    raised_by,
)


def spill(worker: Worker) -> Path:
    """A closing: one intent with its outcome, and one that was cut short."""
    with worker.database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as ledger:
        intent = ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT_ID, parameters={"step": 1})
        ledger.append_outcome(intent, Result.DONE, {"status": "deleted"})
        ledger.append_intent(Action.MFA_DEVICE_DEACTIVATE, account_id=ACCOUNT_ID)
        return ledger.path


def merge(worker: Worker, path: Path) -> int:
    return merge_spill(path, worker.database.commits, worker.ledger)


def read_entries(worker: Worker) -> list[LedgerEntry]:
    return list(worker.database.ledger_reader().list_entries())


def test_a_spill_is_appended_in_order_and_marked(worker: Worker) -> None:
    worker.append_pair()
    path = spill(worker)
    assert worker.database.list_spills() == (path,)
    assert merge(worker, path) == 3
    assert worker.database.list_spills() == ()
    entries = read_entries(worker)[2:]
    assert [(entry.sequence, entry.action, entry.phase, entry.intent_sequence) for entry in entries] == [
        (3, Action.LOGIN_PROFILE_DELETE, Phase.INTENT, None),
        (4, Action.LOGIN_PROFILE_DELETE, Phase.OUTCOME, 3),
        (5, Action.MFA_DEVICE_DEACTIVATE, Phase.INTENT, None),
        (6, Action.SPILL_MERGE, Phase.OUTCOME, None),
    ]
    assert all(entry.parameters["spilled"] is True for entry in entries[:3])
    assert entries[0].parameters["step"] == 1
    assert entries[0].parameters["spilled_at"] == entries[3].parameters["first_at"]
    assert entries[3].parameters["entries"] == 3
    assert "problem" not in entries[3].parameters
    assert worker.database.ledger_reader().verify().problem is None


def test_the_time_of_the_deed_is_kept_beside_that_of_the_merge(worker: Worker) -> None:
    clock = FakeClock()
    early = make_worker(worker.database, clock)
    done_at = clock.now()
    path = spill(early)
    clock.advance(3600)
    merge(early, path)
    entry = read_entries(worker)[0]
    assert entry.at == clock.now()
    assert entry.parameters["spilled_at"] == render_time(done_at)
    early.owner.close()


def test_a_merge_that_was_killed_before_the_file_was_removed_does_nothing_again(worker: Worker) -> None:
    path = spill(worker)
    copy = path.with_suffix(".copy")
    shutil.copy(path, copy)
    assert merge(worker, path) == 3
    copy.rename(path)
    assert merge(worker, path) == 0
    assert not path.exists()
    assert len(read_entries(worker)) == 4


def test_a_spill_whose_writer_still_runs_is_left_to_it(worker: Worker) -> None:
    with worker.database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as ledger:
        ledger.append_fact(Action.WINDOW_CLOSE, account_id=ACCOUNT_ID)
        assert merge(worker, ledger.path) == 0
        assert ledger.path.exists()
    assert merge(worker, ledger.path) == 1
    assert merge(worker, ledger.path) == 0, "a file that is gone was merged by another process"


def test_p03_p20_a_spill_is_merged_only_into_the_ledger_that_it_belongs_to(worker: Worker, tmp_path: Path) -> None:
    """All databases of a user share the folder for temporary files."""
    worker.append_pair()
    intent = worker.append_intent()
    with worker.database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as ledger:
        ledger.append_outcome(intent, Result.DONE)
    with open_database(f"sqlite:///{tmp_path}/other/rootkeeper.db") as database:
        other = make_worker(database)
        assert merge(other, ledger.path) == 0
        other.append_pair(number=1)
        other.append_intent(number=1)
        assert merge(other, ledger.path) == 0
        assert len(other.database.ledger_reader().list_open_intents()) == 1, "another intent with the same sequence"
        assert len(read_entries(other)) == 3
        other.owner.close()
    assert ledger.path.exists()
    assert merge(worker, ledger.path) == 1
    assert worker.database.ledger_reader().list_open_intents() == ()


def test_p20_a_spill_of_another_organization_is_left_to_it(worker: Worker) -> None:
    with worker.database.open_spill("o-otherorgid0", ENDPOINT, ACTOR, worker.owner) as ledger:
        ledger.append_fact(Action.WINDOW_CLOSE, account_id=ACCOUNT_ID)
    assert merge(worker, ledger.path) == 0
    assert ledger.path.exists()
    assert read_entries(worker) == []


def test_p20_a_spill_names_its_ledger_though_that_can_no_longer_be_read(stage: Stage, worker: Worker) -> None:
    worker.append_pair()
    worker.database.check()
    stage.run_sql("ALTER TABLE ledger_entries RENAME TO hidden")
    path = spill(worker)
    stage.run_sql("ALTER TABLE hidden RENAME TO ledger_entries")
    first = read_entries(worker)[0]
    assert json.loads(path.read_text().splitlines()[0])["ledger_id"] == first.entry_hash
    assert merge(worker, path) == 3


def test_p03_the_outcome_of_an_intent_from_before_ends_it(worker: Worker) -> None:
    intent = worker.append_intent()
    with worker.database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as ledger:
        ledger.append_outcome(intent, Result.DONE)
    merge(worker, ledger.path)
    assert read_entries(worker)[1].intent_sequence == intent.sequence
    assert worker.database.ledger_reader().list_open_intents() == ()
    assert worker.database.ledger_reader().verify().problem is None


def test_p03_an_outcome_that_comes_too_late_is_kept_as_a_fact(worker: Worker) -> None:
    intent = worker.append_intent()
    with worker.database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as ledger:
        ledger.append_outcome(intent, Result.DONE)
    worker.ledger.append_outcome(intent, Result.UNKNOWN)
    merge(worker, ledger.path)
    late = read_entries(worker)[2]
    assert (late.intent_sequence, late.parameters["late_outcome_of"]) == (None, intent.sequence)
    assert worker.database.ledger_reader().verify().problem is None


def test_p03_what_a_spill_left_open_is_an_orphan_once_its_owner_is_dead(stage: Stage, worker: Worker) -> None:
    dead = make_worker(worker.database)
    path = spill(dead)
    dead.owner.close()
    stage.run_sql(f"DELETE FROM owners WHERE owner_id = '{dead.owner.owner_id}'")  # noqa: S608 - an id of our own
    merge(worker, path)
    assert [entry.action for entry in worker.ledger.list_orphans()] == [Action.MFA_DEVICE_DEACTIVATE]


def test_a_torn_last_line_was_never_acknowledged_and_is_left_out(worker: Worker) -> None:
    path = spill(worker)
    with path.open("ab") as handle:
        handle.write(b'{"sequence":4')
    assert merge(worker, path) == 3


@pytest.mark.parametrize(
    ("old", "new"), [('"step":1', '"step":2'), ('"sequence":2', '"sequence":5'), ('"step":1', '"step":1e400')]
)
def test_p20_a_spill_that_was_edited_is_merged_as_far_as_it_is_readable_and_says_so(
    worker: Worker, old: str, new: str
) -> None:
    path = spill(worker)
    path.write_text(path.read_text().replace(old, new))
    merge(worker, path)
    assert isinstance(read_entries(worker)[-1].parameters["problem"], str)
    assert worker.database.ledger_reader().verify().problem is None


@pytest.mark.parametrize("content", ["rubbish\n", "{}\n", "[]\n", '{"spill_id": "x", "format": 1, "owner": {}}\n'])
def test_a_file_that_is_no_spill_is_refused_and_kept(worker: Worker, content: str) -> None:
    path = spill(worker)
    path.write_text(content)
    error = raised_by(lambda: merge(worker, path), DatabaseError)
    assert error.hint is not None
    assert path.exists()
    assert read_entries(worker) == []


@pytest.mark.parametrize("kept_bytes", [0, 20])
def test_a_spill_whose_writer_died_while_making_it_is_removed(worker: Worker, kept_bytes: int) -> None:
    path = spill(worker)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    assert merge(worker, path) == 0
    assert not path.exists()
    assert read_entries(worker) == []


def test_a_window_whose_closing_was_spilled_owes_it_still(worker: Worker) -> None:
    windows = worker.database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    for number, state in (("1", WindowState.OPEN), ("2", WindowState.OPEN), ("3", WindowState.CLOSE_FAILED)):
        window = make_window(AccountId(number * 12), NOW, state)
        windows.add(replace(window, window_id=f"w-{number}", organization_id=ORGANIZATION_ID))
    with worker.database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as ledger:
        for window_id in ("w-1", "w-3"):
            ledger.append_intent(Action.WINDOW_CLOSE, account_id=ACCOUNT_ID, parameters={"window_id": window_id})
    merge(worker, ledger.path)
    states = [windows.get(window_id).state for window_id in ("w-1", "w-2", "w-3")]
    assert states == [WindowState.CLOSING, WindowState.OPEN, WindowState.CLOSE_FAILED]


def test_a_spill_of_a_newer_version_is_kept(worker: Worker) -> None:
    path = spill(worker)
    path.write_text(path.read_text().replace('"format":1', '"format":2'))
    assert "newer version" in raised_by(lambda: merge(worker, path), DatabaseError).message
    assert path.exists()


def test_p02_a_spill_is_kept_while_the_ledger_still_cant_be_written(stage: Stage, worker: Worker) -> None:
    path = spill(worker)
    stage.run_sql("ALTER TABLE ledger_entries RENAME TO hidden")
    raised_by(lambda: merge(worker, path), LedgerUnavailableError)
    stage.run_sql("ALTER TABLE hidden RENAME TO ledger_entries")
    assert merge(worker, path) == 3
