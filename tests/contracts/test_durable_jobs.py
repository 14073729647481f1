"""Jobs on a server, by their real rows: no step is lost and none is done twice, even if a process dies or sleeps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from rootkeeper.jobs.rules import JobKind, JobState
from rootkeeper.ledger.database import Database
from rootkeeper.worker.requests import JobRequestService, NullEngine
from tests.engine_process import EngineProcess, wait_until
from tests.job_process import describe_steps, list_steps, open_requesting, start_worker
from tests.postgresql import PostgresqlServer

TAKEOVER_SECONDS = 10.0


class Stage:
    """A database, workers on it, and a user who asks for jobs."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.opened = ExitStack()
        self.database: Database
        self.requesting: JobRequestService
        self.database, self.requesting = self.opened.enter_context(open_requesting(url))

    def start(self, name: str, seconds: float = 0.2) -> EngineProcess:
        return self.opened.enter_context(start_worker(self.url, self.folder, name, seconds))

    def request(self, steps: int, number: int = 1) -> list[str]:
        """Jobs of so many steps each."""
        return [self.requesting.request(JobKind.PREFLIGHT, describe_steps(steps)).job_id for _ in range(number)]

    def count_steps(self, job_id: str) -> int:
        return sum(one == job_id for one, _, _ in list_steps(self.folder))

    def list_processes(self, job_id: str) -> set[int]:
        return {process for one, _, process in list_steps(self.folder) if one == job_id}

    def state_of(self, job_id: str) -> JobState:
        return self.requesting.jobs.get(job_id).state

    def ensure_done_once(self, job_ids: list[str], steps: int) -> None:
        """Every step of every job was done, and none twice."""
        done = Counter((job_id, number) for job_id, number, _ in list_steps(self.folder))
        assert set(done.values()) <= {1}
        for job_id in job_ids:
            assert self.state_of(job_id) is JobState.DONE
            assert len(self.requesting.jobs.list_results(job_id)) == steps


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(database_url, tmp_path)
    with stage.opened:
        yield stage


@pytest.fixture
def shared(postgresql_url: str, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(postgresql_url, tmp_path)
    with stage.opened:
        yield stage


@pytest.mark.long
def test_a_job_continues_where_a_killed_process_left_it(stage: Stage) -> None:
    first = stage.start("first")
    (job_id,) = stage.request(60)
    wait_until(lambda: stage.count_steps(job_id) >= 2, 60)
    first.kill()
    assert stage.state_of(job_id) is JobState.INTERRUPTED
    second = stage.start("second", 0.02)
    wait_until(lambda: second.process.pid in stage.list_processes(job_id), TAKEOVER_SECONDS)
    wait_until(lambda: stage.state_of(job_id) is JobState.DONE, 60)
    stage.ensure_done_once([job_id], 60)


@pytest.mark.long
def test_a_process_that_ends_in_order_leaves_its_job_interrupted_and_the_next_one_continues(stage: Stage) -> None:
    first = stage.start("first")
    (job_id,) = stage.request(60)
    wait_until(lambda: stage.count_steps(job_id) >= 2, 60)
    assert first.terminate() == 0
    found = stage.requesting.jobs.get(job_id)
    assert (found.state, found.remark) == (JobState.INTERRUPTED, "Asked to stop.")
    second = stage.start("second", 0.02)
    wait_until(lambda: second.process.pid in stage.list_processes(job_id), TAKEOVER_SECONDS)
    wait_until(lambda: stage.state_of(job_id) is JobState.DONE, 60)
    stage.ensure_done_once([job_id], 60)


@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True)
def test_a_job_that_the_engine_never_learned_of_is_performed_all_the_same(stage: Stage) -> None:
    """The process that took it in died between the two tables, or has no engine."""
    without_engine = replace(stage.requesting, engine=NullEngine())
    job_id = without_engine.request(JobKind.PREFLIGHT, describe_steps(1)).job_id
    stage.start("worker")
    wait_until(lambda: stage.state_of(job_id) is JobState.DONE, 60)


@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True)
def test_a_job_that_is_cancelled_while_it_runs_does_nothing_more(stage: Stage) -> None:
    stage.start("worker")
    (job_id,) = stage.request(100)
    wait_until(lambda: stage.count_steps(job_id) >= 2, 60)
    stage.requesting.cancel(job_id)
    done = stage.count_steps(job_id)
    time.sleep(2)
    assert stage.count_steps(job_id) <= done + 2, "more than what was in flight"
    assert stage.state_of(job_id) is JobState.CANCELLED


@pytest.mark.long
def test_a_stopped_workers_job_is_taken_over_within_ten_seconds_and_nothing_is_done_twice(shared: Stage) -> None:
    frozen = shared.start("frozen")
    (job_id,) = shared.request(150)
    wait_until(lambda: shared.count_steps(job_id) >= 2, 60)
    heir = shared.start("heir", 0.02)
    frozen.freeze()
    took = wait_until(lambda: heir.process.pid in shared.list_processes(job_id), TAKEOVER_SECONDS)
    assert took < TAKEOVER_SECONDS
    frozen.wake()
    wait_until(lambda: shared.state_of(job_id) is JobState.DONE, 60)
    shared.ensure_done_once([job_id], 150)


@pytest.mark.long
def test_postgresql_that_is_stopped_at_once_under_load_loses_nothing(tmp_path: Path) -> None:
    with PostgresqlServer.start() as server:
        stage = Stage(server.create_database(), tmp_path)
        with stage.opened:
            for name in ("first", "second"):
                stage.start(name, 0.05)
            job_ids = stage.request(6, number=24)
            wait_until(lambda: len(list_steps(stage.folder)) >= 20, 60)
            server.stop_immediately()
            time.sleep(2)
            server.start_again()
            wait_until(lambda: all(stage.state_of(job_id) is JobState.DONE for job_id in job_ids), 180)
            stage.ensure_done_once(job_ids, 6)
            assert stage.database.ledger_reader().verify().is_intact
