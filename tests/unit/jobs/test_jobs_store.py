"""Jobs in the database: whose they are, and that one process at a time works on each."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from rootkeeper.errors import DatabaseError, InputError, JobConflictError, JobLostError
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.owners import Owner
from rootkeeper.values import render_time
from tests.durations import measure_best
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, OTHER_ACCOUNT_ID, Stage, raised_by

JOB = Job(
    job_id="j-1",
    organization_id=ORGANIZATION_ID,
    endpoint="SANDBOX 127.0.0.1:4599",
    kind=JobKind.DELETION,
    state=JobState.RUNNING,
    created_by="operator",
    created_at=NOW,
    updated_at=NOW,
    parameters={"plan_id": "plan-1"},
    progress=JobProgress(3),
)

LEASE = 3000.0
"""By the clock of a test; it is renewed by that of the machine, which mustn't come to it meanwhile."""


class Process:
    """One process with its owner, as the database sees it."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.owner: Owner = database.register_owner(clock, LEASE)
        self.jobs: JobStore = database.get_store(JobStore, ORGANIZATION_ID, clock, lambda: self.owner)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def here(database: Database, clock: FakeClock) -> Iterator[Process]:
    process = Process(database, clock)
    yield process
    process.owner.close()


@pytest.fixture
def there(database: Database, clock: FakeClock) -> Iterator[Process]:
    process = Process(database, clock)
    yield process
    process.owner.close()


def test_a_job_is_read_as_it_was_added(here: Process) -> None:
    here.jobs.add(JOB, document="the plan")
    found = here.jobs.get("j-1")
    assert found == replace(JOB, owner=found.owner)
    assert "process" in (found.owner or "")
    assert here.jobs.find_document("j-1") == "the plan"
    assert here.jobs.find_document("j-9") is None


def test_reading_registers_no_one(database: Database, here: Process, clock: FakeClock) -> None:
    here.jobs.add(JOB)

    def refuse() -> Owner:
        raise AssertionError("asked for an owner")

    reader = database.get_store(JobStore, ORGANIZATION_ID, clock, refuse)
    assert [job.job_id for job in reader.list_jobs()] == ["j-1"]
    assert reader.get("j-1").state is JobState.RUNNING
    assert reader.list_results("j-1") == {}
    assert reader.cancel("j-1", "Enough.").state is JobState.CANCELLED


def test_a_job_whose_process_is_dead_is_interrupted(here: Process, there: Process) -> None:
    there.jobs.add(JOB)
    assert here.jobs.get("j-1").state is JobState.RUNNING
    there.owner.close()
    assert here.jobs.get("j-1").state is JobState.INTERRUPTED
    assert [job.state for job in here.jobs.list_jobs(unfinished_only=True)] == [JobState.INTERRUPTED]


def test_a_job_whose_process_no_one_knows_any_more_is_interrupted(here: Process, stage: Stage) -> None:
    here.jobs.add(JOB)
    stage.run_sql("UPDATE jobs SET owner_id = 'forgotten'")
    assert here.jobs.get("j-1").state is JobState.INTERRUPTED
    assert here.jobs.get("j-1").owner is None


def test_results_are_remembered_and_replaced(here: Process, clock: FakeClock) -> None:
    here.jobs.add(JOB)
    clock.advance(5)
    here.jobs.record_results(JOB, {ACCOUNT_ID: {"a": 1}, OTHER_ACCOUNT_ID: {"b": [2]}}, JobProgress(3, 2))
    here.jobs.record_results(JOB, {ACCOUNT_ID: {"a": 3}}, JobProgress(3, 2, 1))
    assert here.jobs.list_results("j-1") == {ACCOUNT_ID: {"a": 3}, OTHER_ACCOUNT_ID: {"b": [2]}}
    found = here.jobs.get("j-1")
    assert found.progress == JobProgress(3, 2, 1)
    assert found.updated_at == NOW + timedelta(seconds=5)


def test_an_end_is_final_unless_it_is_an_interruption(here: Process) -> None:
    for state in (JobState.INTERRUPTED, JobState.DONE, JobState.FAILED):
        job = replace(JOB, job_id=f"j-{state.value}")
        here.jobs.add(job)
        here.jobs.end(job, state, JobProgress(3, 3), "One failed.")
        found = here.jobs.get(job.job_id)
        assert (found.state, found.remark, found.progress) == (state, "One failed.", JobProgress(3, 3))
        assert (found.ended_at is None) is (state is JobState.INTERRUPTED)
    assert [job.state for job in here.jobs.list_jobs(unfinished_only=True)] == [JobState.INTERRUPTED]


def test_an_interrupted_job_is_taken_over_and_its_former_process_finds_out(here: Process, there: Process) -> None:
    there.jobs.add(JOB)
    raised_by(lambda: here.jobs.take_over("j-1"), JobConflictError)
    there.jobs.end(JOB, JobState.INTERRUPTED, JobProgress(3, 1), "Interrupted.")
    taken = here.jobs.take_over("j-1")
    assert (taken.state, taken.remark, taken.progress) == (JobState.RUNNING, None, JobProgress(3, 1))
    for write in (
        lambda: there.jobs.record_results(JOB, {}, JobProgress()),
        lambda: there.jobs.record_results(JOB, {ACCOUNT_ID: {}}, JobProgress()),
        lambda: there.jobs.end(JOB, JobState.DONE, JobProgress()),
    ):
        assert "taken over" in raised_by(write, JobLostError).message
    assert here.jobs.list_results("j-1") == {}
    assert here.jobs.get("j-1").state is JobState.RUNNING


@pytest.mark.parametrize("is_replaced", [False, True], ids=["same owner", "replaced owner"])
def test_a_run_whose_lease_lapsed_writes_nothing_over_a_newer_one_of_its_own_process(
    here: Process, database: Database, clock: FakeClock, is_replaced: bool
) -> None:
    here.jobs.add(JOB)
    clock.advance(LEASE + 1)
    former = here.owner
    if is_replaced:
        here.owner = database.register_owner(clock, LEASE)
    newer = here.jobs.take_over("j-1")
    writes: list[Callable[[], object]] = [
        lambda: here.jobs.record_results(JOB, {}, JobProgress()),
        lambda: here.jobs.record_results(JOB, {ACCOUNT_ID: {}}, JobProgress()),
        lambda: here.jobs.set_outcome(JOB, "{}"),
        lambda: here.jobs.postpone(JOB, JobProgress(), "AWS is away.", None),
        lambda: here.jobs.end(JOB, JobState.FAILED, JobProgress()),
    ]
    for write in writes:
        raised_by(write, JobLostError)
    here.jobs.end(newer, JobState.DONE, JobProgress(3, 3))
    assert here.jobs.get("j-1").state is JobState.DONE
    assert here.jobs.list_results("j-1") == {}
    former.close()


def test_of_many_that_try_one_takes_it_over(here: Process, database: Database, clock: FakeClock) -> None:
    here.jobs.add(JOB)
    here.jobs.end(JOB, JobState.INTERRUPTED, JobProgress())
    processes = [Process(database, clock) for _ in range(8)]
    ready, won = threading.Barrier(len(processes)), []

    def try_it(process: Process) -> None:
        ready.wait()
        try:
            won.append(process.jobs.take_over("j-1"))
        except JobConflictError:
            return

    threads = [threading.Thread(target=try_it, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    for process in processes:
        process.owner.close()


def test_a_job_that_is_cancelled_elsewhere_learns_it_and_stays_cancelled(here: Process, there: Process) -> None:
    here.jobs.add(JOB)
    there.jobs.cancel("j-1", "Cancelled by ana.")
    assert here.jobs.record_results(JOB, {ACCOUNT_ID: {}}, JobProgress(3, 1)) is JobState.CANCELLED
    here.jobs.end(JOB, JobState.INTERRUPTED, JobProgress(3, 1), "Interrupted.")
    found = here.jobs.get("j-1")
    assert (found.state, found.remark) == (JobState.CANCELLED, "Cancelled by ana.")
    assert found.progress.done == 1
    raised_by(lambda: here.jobs.take_over("j-1"), JobConflictError)
    raised_by(lambda: there.jobs.cancel("j-1", "Again."), JobConflictError)


def test_jobs_come_newest_first_and_not_too_many_and_all_are_counted(here: Process) -> None:
    for number in range(4):
        at = NOW + timedelta(minutes=number)
        here.jobs.add(replace(JOB, job_id=f"j-{number}", created_at=at, updated_at=at))
    assert [job.job_id for job in here.jobs.list_jobs(limit=2)] == ["j-3", "j-2"]
    here.jobs.cancel("j-0", "Cancelled by ana.")
    assert here.jobs.count_jobs() == 4
    assert here.jobs.count_jobs(unfinished_only=True) == 3
    assert here.jobs.count_jobs(kinds=[JOB.kind]) == 4
    assert here.jobs.count_jobs(kinds=[kind for kind in JobKind if kind is not JOB.kind]) == 0


def test_the_jobs_of_another_organization_arent_seen(here: Process, database: Database, clock: FakeClock) -> None:
    here.jobs.add(JOB, document="the plan")
    here.jobs.record_results(JOB, {ACCOUNT_ID: {}}, JobProgress())
    elsewhere = database.get_store(JobStore, "o-otherorgid00", clock, lambda: here.owner)
    assert elsewhere.list_jobs() == ()
    assert elsewhere.count_jobs() == 0
    assert elsewhere.find_document("j-1") is None
    assert elsewhere.list_results("j-1") == {}
    raised_by(lambda: elsewhere.get("j-1"), InputError)
    raised_by(lambda: elsewhere.cancel("j-1", "No."), InputError)
    with pytest.raises(ValueError, match="belongs to"):
        elsewhere.add(JOB)


def test_a_database_that_is_gone_is_reported(stage: Stage, here: Process) -> None:
    stage.run_sql("DROP TABLE job_accounts", "DROP TABLE jobs")
    raised_by(lambda: here.jobs.add(JOB), DatabaseError)
    raised_by(here.jobs.list_jobs, DatabaseError)


MANY = 10_000
QUICK_SECONDS = 0.5
"""A hundred times what it takes with an index, on a busy machine; a walk through all jobs takes longer."""


def test_lists_are_quick_with_ten_thousand_jobs_in_history(here: Process, stage: Stage) -> None:
    here.jobs.add(replace(JOB, job_id="j-last", created_at=NOW + timedelta(days=1)))
    stage.run_sql(*(_insert(range(first, first + 500)) for first in range(1, MANY, 500)))

    def look() -> tuple[tuple[Job, ...], ...]:
        page = here.jobs.list_jobs(limit=50)
        following = here.jobs.list_jobs(limit=50, before=page[-1].job_id)
        return page, following, here.jobs.list_jobs(unfinished_only=True)

    assert measure_best(look) < QUICK_SECONDS
    page, following, unfinished = look()
    assert [job.job_id for job in page[:2]] == ["j-last", f"j-{MANY}"]
    assert len(page) == len(following) == 50
    assert [job.job_id for job in unfinished] == ["j-last"]


def _insert(numbers: range) -> str:
    """Jobs that were done one second after another, each with a plan."""
    progress = json.dumps(asdict(JobProgress(1)))
    columns = "job_id, organization_id, kind, state, endpoint, created_by, created_at, updated_at, owner_id"
    rows = [
        f"('j-{number:05}', '{ORGANIZATION_ID}', 'audit', 'done', 'AWS', 'ana', '{at}', '{at}', 'o-1', '{{}}', "
        f"'{progress}', '{'a plan ' * 300}')"
        for number in numbers
        for at in [render_time(NOW + timedelta(seconds=number))]
    ]
    return f"INSERT INTO jobs ({columns}, parameters, progress, document) VALUES {', '.join(rows)}"  # noqa: S608 - ours
