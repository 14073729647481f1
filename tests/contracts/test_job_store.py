"""What every store of jobs does, in memory and in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from rootkeeper.errors import JobConflictError, JobLostError, NotFoundError
from rootkeeper.jobs.rules import MOST_ATTEMPTS, Job, JobKind, JobProgress, JobState
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.database import open_database
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.organization.accounts import AccountId
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.clock import START, FakeClock
from tests.fakes.jobs import InMemoryJobs, JobShelf

ACCOUNT_ID, OTHER_ACCOUNT_ID = AccountId("111122223333"), AccountId("444455556666")
JOB = Job(
    job_id="j-1",
    organization_id=ORGANIZATION_ID,
    endpoint="AWS",
    kind=JobKind.DELETION,
    state=JobState.RUNNING,
    created_by="operator",
    created_at=START,
    updated_at=START,
    parameters={"plan_id": "plan-1", "waves": {"canary": 1}},
    progress=JobProgress(3),
)


@dataclass
class Stores:
    """The stores of two processes on one place."""

    here: JobStore
    there: JobStore
    kill_there: Callable[[], None]


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    clock = FakeClock()
    if request.param == "fake":
        shelf = JobShelf(clock)
        there = InMemoryJobs(shelf, "there")
        yield Stores(InMemoryJobs(shelf, "here"), there, there.die)
        return
    with open_database(find_url(request.param, request)) as database:
        owners = [database.register_owner(clock, lease_seconds=300) for _ in range(2)]
        here = database.get_store(JobStore, ORGANIZATION_ID, clock, lambda: owners[0])
        there_too = database.get_store(JobStore, ORGANIZATION_ID, clock, lambda: owners[1])
        yield Stores(here, there_too, owners[1].close)
        for owner in owners:
            owner.close()


def test_a_job_is_read_as_it_was_added(stores: Stores) -> None:
    stores.here.add(JOB, "the plan")
    found = stores.there.get("j-1")
    assert replace(found, owner=None) == JOB
    assert stores.there.find_document("j-1") == "the plan"
    assert stores.there.list_jobs() == (found,)
    with pytest.raises(NotFoundError):
        stores.there.get("j-2")


def test_results_add_up_and_a_later_one_replaces_an_earlier(stores: Stores) -> None:
    stores.here.add(JOB)
    assert stores.here.record_results(JOB, {ACCOUNT_ID: {"n": 1}}, JobProgress(3, 1)) is JobState.RUNNING
    stores.here.record_results(JOB, {ACCOUNT_ID: {"n": 2}, OTHER_ACCOUNT_ID: {"n": None}}, JobProgress(3, 2))
    assert stores.there.list_results("j-1") == {ACCOUNT_ID: {"n": 2}, OTHER_ACCOUNT_ID: {"n": None}}
    first, second = sorted([ACCOUNT_ID, OTHER_ACCOUNT_ID])
    assert list(stores.there.list_results_page("j-1", "", 1)) == [first]
    assert list(stores.there.list_results_page("j-1", first, 5)) == [second]
    assert stores.there.list_results_page("j-1", second, 5) == {}
    assert (stores.there.count_results("j-1"), stores.there.count_results("j-2")) == (2, 0)
    assert stores.here.record_results(JOB, {}, JobProgress(3, 2, 1)) is JobState.RUNNING
    assert stores.there.get("j-1").progress == JobProgress(3, 2, 1)


def test_jobs_are_listed_by_their_kind(stores: Stores) -> None:
    stores.here.add(JOB)
    other = next(kind for kind in JobKind if kind is not JOB.kind)
    stores.here.add(replace(JOB, job_id="j-2", kind=other))
    assert [job.job_id for job in stores.there.list_jobs(kinds=[other])] == ["j-2"]
    assert {job.job_id for job in stores.there.list_jobs(kinds=tuple(JobKind))} == {"j-1", "j-2"}


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
        stores.there.record_results(JOB, {ACCOUNT_ID: {}}, JobProgress(3, 1))
    with pytest.raises(JobConflictError):
        stores.there.end(JOB, JobState.DONE, JobProgress(3, 3))
    assert stores.here.list_results("j-1") == {}


def test_what_was_begun_before_a_job_was_taken_over_or_queued_again_writes_nothing_more(stores: Stores) -> None:
    """Though the process is the same."""
    stores.here.add(JOB)
    stores.here.end(JOB, JobState.INTERRUPTED, JobProgress(3, 1))
    newer = stores.here.take_over("j-1")
    for write in list_writes(stores.here, JOB):
        with pytest.raises(JobLostError):
            write()
    assert stores.here.get("j-1") == newer
    stores.here.end(newer, JobState.INTERRUPTED, JobProgress(3, 2))
    queued = stores.there.requeue("j-1", {})
    for write in list_writes(stores.here, newer):
        with pytest.raises(JobLostError):
            write()
    assert stores.here.get("j-1") == queued
    assert (stores.here.list_results("j-1"), stores.here.find_outcome("j-1")) == ({}, None)


def list_writes(store: JobStore, job: Job) -> list[Callable[[], object]]:
    """All that a process that works on a job writes about it."""
    return [
        lambda: store.record_results(job, {}, JobProgress()),
        lambda: store.record_results(job, {ACCOUNT_ID: {}}, JobProgress()),
        lambda: store.set_outcome(job, "{}"),
        lambda: store.postpone(job, JobProgress(), "AWS is away.", None),
        lambda: store.end(job, JobState.DONE, JobProgress()),
    ]


def test_an_interrupted_job_isnt_over_and_a_done_one_is(stores: Stores) -> None:
    stores.here.add(JOB)
    stores.here.end(JOB, JobState.INTERRUPTED, JobProgress(3, 1), "Enough.")
    found = stores.there.get("j-1")
    assert (found.state, found.remark, found.ended_at) == (JobState.INTERRUPTED, "Enough.", None)
    assert stores.there.list_jobs(unfinished_only=True) == (found,)
    taken = stores.there.take_over("j-1")
    stores.there.end(taken, JobState.DONE, JobProgress(3, 3))
    found = stores.here.get("j-1")
    assert (found.state, found.remark, found.ended_at) == (JobState.DONE, None, START)
    assert stores.here.list_jobs(unfinished_only=True) == ()
    with pytest.raises(JobConflictError):
        stores.here.take_over("j-1")


def test_a_process_that_works_on_a_cancelled_job_learns_it_and_cant_undo_it(stores: Stores) -> None:
    stores.here.add(JOB)
    assert stores.there.cancel("j-1", "Cancelled by ana.").state is JobState.CANCELLED
    assert stores.here.record_results(JOB, {ACCOUNT_ID: {}}, JobProgress(3, 1)) is JobState.CANCELLED
    stores.here.end(JOB, JobState.DONE, JobProgress(3, 1))
    assert stores.there.get("j-1").state is JobState.CANCELLED
    with pytest.raises(JobConflictError):
        stores.there.cancel("j-1", "Again.")
    with pytest.raises(NotFoundError):
        stores.there.cancel("j-2", "Nothing.")


def test_jobs_come_newest_first(stores: Stores) -> None:
    for number in range(3):
        at = START + timedelta(hours=number)
        stores.here.add(replace(JOB, job_id=f"j-{number}", created_at=at, updated_at=at))
    assert [job.job_id for job in stores.there.list_jobs()] == ["j-2", "j-1", "j-0"]
    assert [job.job_id for job in stores.there.list_jobs(limit=1)] == ["j-2"]


QUEUED = replace(JOB, job_id="j-q", state=JobState.QUEUED, created_by="ana", created_by_kind=ActorKind.TOKEN)


def test_a_queued_job_belongs_to_no_one_and_is_taken_over_once(stores: Stores) -> None:
    stores.there.add(QUEUED, "the plan")
    stores.kill_there()
    found = stores.here.get("j-q")
    assert found == QUEUED
    assert stores.here.list_jobs(unfinished_only=True) == (found,)
    taken = stores.here.take_over("j-q")
    assert (taken.state, taken.created_by, taken.created_by_kind) == (JobState.RUNNING, "ana", ActorKind.TOKEN)
    with pytest.raises(JobConflictError):
        stores.here.take_over("j-q")


def test_a_queued_job_can_be_cancelled_and_never_begins(stores: Stores) -> None:
    stores.here.add(QUEUED)
    cancelled = stores.there.cancel("j-q", "Cancelled by bo.")
    assert (cancelled.state, cancelled.owner) == (JobState.CANCELLED, None)
    with pytest.raises(JobConflictError):
        stores.here.take_over("j-q")


def test_a_cancelled_job_says_whether_a_process_had_begun_it(stores: Stores) -> None:
    stores.here.add(QUEUED)
    begun = stores.here.take_over("j-q")
    assert begun.owner is not None
    assert stores.there.cancel("j-q", "Cancelled by bo.").owner == begun.owner


def test_a_job_that_is_put_off_counts_its_attempts_and_says_when(stores: Stores) -> None:
    stores.here.add(QUEUED)
    for attempt in (1, 2):
        taken = stores.here.take_over("j-q")
        assert taken.next_attempt_at is None
        stores.here.postpone(taken, JobProgress(3, attempt), "AWS is away.", START + timedelta(minutes=attempt))
        found = stores.there.get("j-q")
        assert (found.state, found.attempts, found.remark) == (JobState.INTERRUPTED, attempt, "AWS is away.")
        assert found.next_attempt_at == START + timedelta(minutes=attempt)
        assert (found.progress.done, found.ended_at) == (attempt, None)
    taken = stores.here.take_over("j-q")
    stores.here.postpone(taken, JobProgress(), "Enough.", None)
    found = stores.there.get("j-q")
    assert (found.attempts, found.next_attempt_at, found.is_due(START)) == (MOST_ATTEMPTS, None, False)


def test_only_its_own_process_puts_a_job_off_and_a_cancelled_one_stays_so(stores: Stores) -> None:
    stores.here.add(JOB)
    with pytest.raises(JobConflictError):
        stores.there.postpone(JOB, JobProgress(), "No.", None)
    stores.there.cancel("j-1", "Cancelled by bo.")
    stores.here.postpone(JOB, JobProgress(3, 2), "AWS is away.", START)
    found = stores.there.get("j-1")
    assert (found.state, found.remark, found.progress.done) == (JobState.CANCELLED, "Cancelled by bo.", 2)


def test_an_outcome_is_kept_and_replaced_by_its_own_process_alone(stores: Stores) -> None:
    stores.here.add(JOB, "the plan")
    assert stores.there.find_outcome("j-1") is None
    assert stores.there.find_outcome("j-9") is None
    for outcome in ("{}", '{"rows": []}'):
        stores.here.set_outcome(JOB, outcome)
        assert stores.there.find_outcome("j-1") == outcome
    assert stores.there.find_document("j-1") == "the plan"
    with pytest.raises(JobConflictError):
        stores.there.set_outcome(JOB, "{}")
    with pytest.raises(JobConflictError):
        stores.there.set_outcome(replace(JOB, job_id="j-9"), "{}")


def test_an_interrupted_job_is_queued_again_with_new_parameters(stores: Stores) -> None:
    stores.here.add(QUEUED)
    taken = stores.here.take_over("j-q")
    with pytest.raises(JobConflictError):
        stores.there.requeue("j-q", {})
    stores.here.postpone(taken, JobProgress(3, 1), "AWS is away.", None)
    queued = stores.there.requeue("j-q", {"plan_id": "plan-1", "retry_failed": True})
    assert queued == stores.here.get("j-q")
    assert (queued.state, queued.attempts, queued.remark, queued.owner) == (JobState.QUEUED, 0, None, None)
    assert queued.parameters == {"plan_id": "plan-1", "retry_failed": True}
    assert queued.progress == JobProgress(3, 1)
    taken = stores.there.take_over("j-q")
    stores.there.end(taken, JobState.DONE, JobProgress(3, 3))
    with pytest.raises(JobConflictError):
        stores.here.requeue("j-q", {})
    with pytest.raises(NotFoundError):
        stores.here.requeue("j-9", {})


def test_jobs_come_page_by_page_also_where_they_began_at_once(stores: Stores) -> None:
    for number in range(7):
        at = START + timedelta(hours=number // 3)
        stores.here.add(replace(JOB, job_id=f"j-{number}", created_at=at, updated_at=at))
    everything = [job.job_id for job in stores.there.list_jobs()]
    assert everything == ["j-6", "j-5", "j-4", "j-3", "j-2", "j-1", "j-0"]
    pages, before = [], None
    while page := stores.there.list_jobs(limit=2, before=before):
        pages.append([job.job_id for job in page])
        before = page[-1].job_id
    assert pages == [["j-6", "j-5"], ["j-4", "j-3"], ["j-2", "j-1"], ["j-0"]]
    with pytest.raises(NotFoundError):
        stores.there.list_jobs(before="j-9")


def test_a_discarded_job_is_gone_and_only_its_own_process_can_discard_it(stores: Stores) -> None:
    stores.here.add(JOB)
    stores.here.add(replace(JOB, job_id="j-2"))
    stores.here.record_results(JOB, {ACCOUNT_ID: {"outcome": "deleted"}}, JobProgress(3))
    with pytest.raises(JobLostError):
        stores.there.discard(JOB)
    stores.here.discard(JOB)
    with pytest.raises(NotFoundError):
        stores.here.get("j-1")
    assert stores.here.list_results("j-1") == {}
    assert [job.job_id for job in stores.there.list_jobs()] == ["j-2"]
