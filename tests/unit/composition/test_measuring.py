"""Windows, jobs and the ledger's head are counted as they stand, of one organization."""

from __future__ import annotations

from dataclasses import replace

from rootkeeper.errors import DatabaseError
from rootkeeper.jobs.rules import JobState
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.rules import WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from rootkeeper.worker.measurements import StoredMeasurements, measure_stored
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import ACCOUNT_ID, ORGANIZATION_ID, OTHER_ACCOUNT_ID, Stage, Worker, raised_by
from tests.unit.jobs.test_jobs_store import JOB
from tests.unit.windows.test_windows_store import WINDOW

OTHER_ORGANIZATION_ID = "o-otherorgid0"
THIRD_ACCOUNT_ID = AccountId("777788889999")


def test_an_empty_database_has_nothing(database: Database) -> None:
    assert measure_stored(database.store, ORGANIZATION_ID) == StoredMeasurements({}, {}, 0, None)


def test_windows_and_jobs_are_counted_by_state(database: Database, worker: Worker) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    windows.add(WINDOW)
    windows.add(replace(WINDOW, window_id="w-2", account_id=THIRD_ACCOUNT_ID, state=WindowState.REQUESTED))
    windows.add(replace(WINDOW, window_id="w-3", account_id=OTHER_ACCOUNT_ID, state=WindowState.LAPSED))
    windows.add(replace(WINDOW, window_id="w-4", account_id=OTHER_ACCOUNT_ID, state=WindowState.LAPSED))
    jobs = database.get_store(JobStore, ORGANIZATION_ID, FakeClock(), lambda: worker.owner)
    jobs.add(JOB)
    jobs.add(replace(JOB, job_id="j-2", state=JobState.QUEUED))
    found = measure_stored(database.store, ORGANIZATION_ID)
    assert found.windows == {WindowState.OPEN: 1, WindowState.REQUESTED: 1, WindowState.LAPSED: 2}
    assert found.jobs == {JobState.RUNNING: 1, JobState.QUEUED: 1}


def test_another_organization_counts_for_itself(database: Database) -> None:
    database.get_store(RecoveryWindowStore, ORGANIZATION_ID).add(WINDOW)
    assert measure_stored(database.store, OTHER_ORGANIZATION_ID).windows == {}


def test_the_head_of_the_ledger_is_its_last_entry(database: Database, worker: Worker) -> None:
    worker.ledger.append_fact(Action.EXCEPTION_ADD, account_id=ACCOUNT_ID)
    entry = worker.ledger.append_fact(Action.EXCEPTION_REMOVE, account_id=ACCOUNT_ID)
    found = measure_stored(database.store, ORGANIZATION_ID)
    assert (found.ledger_sequence, found.ledger_head_at) == (entry.sequence, entry.at)


def test_a_head_that_was_edited_into_nonsense_spoils_no_other_number(
    database: Database, worker: Worker, stage: Stage
) -> None:
    entry = worker.ledger.append_fact(Action.EXCEPTION_ADD, account_id=ACCOUNT_ID)
    for nonsense in ("yesterday", "5", "2026-01-15T09:00:00"):
        stage.run_sql(f"UPDATE ledger_entries SET at = '{nonsense}'")  # noqa: S608 - texts of this test
        found = measure_stored(database.store, ORGANIZATION_ID)
        assert (found.ledger_sequence, found.ledger_head_at) == (entry.sequence, None)


def test_a_database_that_cant_be_read_is_reported(database: Database, stage: Stage) -> None:
    stage.run_sql("ALTER TABLE recovery_windows RENAME TO gone")
    raised_by(lambda: measure_stored(database.store, ORGANIZATION_ID), DatabaseError)
