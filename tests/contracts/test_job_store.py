"""What every store of jobs does, in memory and in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from rootkeeper.domain.jobs import Job, JobKind, JobProgress, JobState
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import InputError, JobConflictError
from rootkeeper.ports.jobs import JobStore
from rootkeeper.storage.database import open_database
from tests.contracts.stores import ORGANIZATION_ID
from tests.fakes.clock import START, FakeClock
from tests.fakes.jobs import InMemoryJobs, JobShelf

ACCOUNT_ID, OTHER_ACCOUNT_ID = AccountId("111122223333"), AccountId("444455556666")
JOB = Job(
    "j-1",
    ORGANIZATION_ID,
    "AWS",
    JobKind.DELETION,
    JobState.RUNNING,
    "operator",
    START,
    START,
    {"plan_id": "plan-1", "waves": {"canary": 1}},
    JobProgress(3),
)


@dataclass
class Stores:
    """The stores of two processes on one place."""

    here: JobStore
    there: JobStore
    kill_there: Callable[[], None]


@pytest.fixture(params=["fake", "database"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    clock = FakeClock()
    if request.param == "fake":
        shelf = JobShelf(clock)
        there = InMemoryJobs(shelf, "there")
        yield Stores(InMemoryJobs(shelf, "here"), there, there.die)
        return
    with open_database(f"sqlite:///{tmp_path}/rootkeeper.db") as database:
        owners = [database.register_owner(clock, lease_seconds=300) for _ in range(2)]
        here, there_too = (database.jobs(ORGANIZATION_ID, clock, lambda owner=owner: owner) for owner in owners)  # type: ignore[misc]  # a default binds the loop's owner
        yield Stores(here, there_too, owners[1].close)
        for owner in owners:
            owner.close()


def test_a_job_is_read_as_it_was_added(stores: Stores) -> None:
    stores.here.add(JOB, "the plan")
    found = stores.there.get("j-1")
    assert replace(found, owner=None) == JOB
    assert stores.there.find_document("j-1") == "the plan"
    assert stores.there.list_jobs() == (found,)
    with pytest.raises(InputError):
        stores.there.get("j-2")


def test_results_add_up_and_a_later_one_replaces_an_earlier(stores: Stores) -> None:
    stores.here.add(JOB)
    assert stores.here.record_results("j-1", {ACCOUNT_ID: {"n": 1}}, JobProgress(3, 1)) is JobState.RUNNING
    stores.here.record_results("j-1", {ACCOUNT_ID: {"n": 2}, OTHER_ACCOUNT_ID: {"n": None}}, JobProgress(3, 2))
    assert stores.there.list_results("j-1") == {ACCOUNT_ID: {"n": 2}, OTHER_ACCOUNT_ID: {"n": None}}
    assert stores.here.checkpoint("j-1", JobProgress(3, 2, 1)) is JobState.RUNNING
    assert stores.there.get("j-1").progress == JobProgress(3, 2, 1)


def test_the_job_of_the_living_isnt_taken_over_and_of_the_dead_is_once(stores: Stores) -> None:
    stores.there.add(JOB)
    with pytest.raises(JobConflictError):
        stores.here.take_over("j-1")
    stores.kill_there()
    assert stores.here.get("j-1").state is JobState.INTERRUPTED
    assert stores.here.take_over("j-1").state is JobState.RUNNING
    with pytest.raises(JobConflictError):
        stores.here.take_over("j-1")
    with pytest.raises(JobConflictError):
        stores.there.record_results("j-1", {ACCOUNT_ID: {}}, JobProgress(3, 1))
    with pytest.raises(JobConflictError):
        stores.there.end("j-1", JobState.DONE, JobProgress(3, 3))
    assert stores.here.list_results("j-1") == {}


def test_an_interrupted_job_isnt_over_and_a_done_one_is(stores: Stores) -> None:
    stores.here.add(JOB)
    stores.here.end("j-1", JobState.INTERRUPTED, JobProgress(3, 1), "Enough.")
    found = stores.there.get("j-1")
    assert (found.state, found.remark, found.ended_at) == (JobState.INTERRUPTED, "Enough.", None)
    assert stores.there.list_jobs(unfinished_only=True) == (found,)
    stores.there.take_over("j-1")
    stores.there.end("j-1", JobState.DONE, JobProgress(3, 3))
    found = stores.here.get("j-1")
    assert (found.state, found.remark, found.ended_at) == (JobState.DONE, None, START)
    assert stores.here.list_jobs(unfinished_only=True) == ()
    with pytest.raises(JobConflictError):
        stores.here.take_over("j-1")


def test_whoever_works_on_a_cancelled_job_learns_it_and_cant_undo_it(stores: Stores) -> None:
    stores.here.add(JOB)
    assert stores.there.cancel("j-1", "Cancelled by ana.").state is JobState.CANCELLED
    assert stores.here.record_results("j-1", {ACCOUNT_ID: {}}, JobProgress(3, 1)) is JobState.CANCELLED
    stores.here.end("j-1", JobState.DONE, JobProgress(3, 1))
    assert stores.there.get("j-1").state is JobState.CANCELLED
    with pytest.raises(JobConflictError):
        stores.there.cancel("j-1", "Again.")
    with pytest.raises(InputError):
        stores.there.cancel("j-2", "Nothing.")


def test_jobs_come_newest_first(stores: Stores) -> None:
    for number in range(3):
        at = START + timedelta(hours=number)
        stores.here.add(replace(JOB, job_id=f"j-{number}", created_at=at, updated_at=at))
    assert [job.job_id for job in stores.there.list_jobs()] == ["j-2", "j-1", "j-0"]
    assert [job.job_id for job in stores.there.list_jobs(limit=1)] == ["j-2"]
