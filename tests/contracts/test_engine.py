"""What the durable engine does on SQLite and on PostgreSQL, with processes that are killed, stopped and replaced."""

from __future__ import annotations

import base64
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from rootkeeper.errors import DatabaseError
from rootkeeper.worker.engine import DbosEngine, EngineOptions, open_engine
from tests.engine_process import ORGANIZATION_ID, Deeds, EngineProcess, wait_until

TAKEOVER_SECONDS = 10.0
ENDING_SECONDS = 60.0
"""An engine is closed within it: the process can have no other one before."""
CANARY = "canary/wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@dataclass
class Place:
    """A database, and the folder of what its jobs do."""

    url: str
    folder: Path
    opened: ExitStack = field(default_factory=ExitStack)

    @property
    def deeds(self) -> Deeds:
        return Deeds(self.folder)

    def start(self, name: str = "worker", **options: object) -> EngineProcess:
        return self.opened.enter_context(EngineProcess.start(self.url, self.folder, name=name, **options))  # type: ignore[arg-type]  # its own options

    def ask(self, **options: object) -> DbosEngine:
        """The engine as a process has it that only asks for jobs."""
        engine = open_engine(self.url, ORGANIZATION_ID, EngineOptions(**options))  # type: ignore[arg-type]  # its own options
        self.opened.callback(engine.stop, ENDING_SECONDS)
        return engine


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    place = Place(database_url, tmp_path)
    with place.opened:
        yield place


@pytest.fixture
def shared(postgresql_url: str, tmp_path: Path) -> Iterator[Place]:
    """A place for many workers."""
    place = Place(postgresql_url, tmp_path)
    with place.opened:
        yield place


def test_a_job_is_performed_once_however_often_it_is_enqueued(place: Place) -> None:
    place.start()
    engine = place.ask()
    with place.deeds.holding_up("j-1"):
        for _ in range(3):
            engine.enqueue("j-1")
        assert engine.list_waiting() == ("j-1",)
    wait_until(lambda: not engine.list_waiting(), 60)
    assert [number for number, _ in place.deeds.list_steps("j-1")] == [0, 1, 2]


def test_a_job_that_is_over_for_the_engine_can_be_enqueued_again(place: Place) -> None:
    performed: list[str] = []
    engine = place.ask()
    engine.start(performed.append)
    for times in (1, 2):
        engine.enqueue("j-1")
        wait_until(lambda: not engine.list_waiting(), 60)
        assert performed == ["j-1"] * times


def test_what_is_over_is_forgotten_in_time_and_what_waits_or_runs_isnt(place: Place) -> None:
    engine = place.ask(concurrency=1)
    began, continue_job, performed = threading.Event(), threading.Event(), list[str]()

    def perform(job_id: str) -> None:
        performed.append(job_id)
        if job_id == "j-2":
            began.set()
            continue_job.wait(60)

    engine.start(perform)
    for job_id in ("j-1", "j-1", "j-0"):
        engine.enqueue(job_id)
        wait_until(lambda: not engine.list_waiting(), 60)
    for job_id in ("j-2", "j-3"):
        engine.enqueue(job_id)
    assert began.wait(60)
    engine.enqueue("j-4")
    engine.cancel("j-4")
    assert engine.forget_before(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert engine.forget_before(datetime.now(UTC) + timedelta(hours=1)) == 4
    assert engine.list_waiting() == ("j-2", "j-3")
    assert count_rows(place) == {
        "workflow_status": 2,
        "workflow_input": 2,
        "workflow_output": 0,
        "operation_outputs": 0,
    }
    continue_job.set()
    wait_until(lambda: not engine.list_waiting(), 60)
    engine.enqueue("j-1")
    wait_until(lambda: not engine.list_waiting(), 60)
    assert performed == ["j-1", "j-1", "j-0", "j-2", "j-3", "j-1"]


def count_rows(place: Place) -> dict[str, int]:
    """In those of the engine's tables that grow with each job."""
    is_file = place.url.startswith("sqlite")
    pool = create_engine(f"{place.url}.engine.db" if is_file else place.url)
    schema = "" if is_file else "rootkeeper_engine."
    tables = ("workflow_status", "workflow_input", "workflow_output", "operation_outputs")
    with pool.connect() as connection:
        counts = [connection.execute(text(f"SELECT count(*) FROM {schema}{table}")).scalar_one() for table in tables]  # noqa: S608 - its own names
    pool.dispose()
    return dict(zip(tables, counts, strict=True))


def test_earlier_attempts_at_a_job_that_runs_are_forgotten_without_it(place: Place) -> None:
    engine = place.ask()
    times, began, continue_job = list[int](), threading.Event(), threading.Event()

    def perform(_: str) -> None:
        times.append(1)
        if len(times) == 2:
            began.set()
            continue_job.wait(60)

    engine.start(perform)
    engine.enqueue("j-1")
    wait_until(lambda: not engine.list_waiting(), 60)
    engine.enqueue("j-1")
    assert began.wait(60)
    assert engine.forget_before(datetime.now(UTC) + timedelta(hours=1)) == 1
    engine.enqueue("j-1")
    assert engine.list_waiting() == ("j-1",)
    continue_job.set()
    wait_until(lambda: not engine.list_waiting(), 60)
    assert times == [1, 1]
    assert engine.forget_before(datetime.now(UTC) + timedelta(hours=1)) == 1


def test_a_claimed_job_that_is_put_back_is_performed_again_and_a_queued_one_stays(place: Place) -> None:
    engine = place.ask(concurrency=2)
    began, continue_job, performed = threading.Event(), threading.Event(), list[str]()

    def perform(job_id: str) -> None:
        performed.append(job_id)
        if len(performed) == 1:
            began.set()
            continue_job.wait(60)

    engine.start(perform)
    engine.enqueue("j-1")
    assert began.wait(60)
    assert engine.list_claimed() == ("j-1",)
    engine.put_back("j-1")
    engine.put_back("j-2")
    wait_until(lambda: not engine.list_waiting(), 60)
    assert performed == ["j-1", "j-1"]
    engine.enqueue("j-1")
    wait_until(lambda: not engine.list_waiting(), 60)
    continue_job.set()
    assert performed == ["j-1", "j-1", "j-1"]


def test_of_processes_that_enqueue_a_job_together_one_attempt_remains(place: Place) -> None:
    place.ask().start(lambda _: None)
    engines = [place.ask(application_version="2") for _ in range(4)]
    threads = [threading.Thread(target=engine.enqueue, args=("j-1",)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_rows(place)["workflow_status"] == 1


def test_what_cant_be_asked_is_reported(place: Place) -> None:
    with pytest.raises(DatabaseError):
        place.ask().enqueue("j-1")


def test_a_job_is_taken_out_before_it_begins_and_not_after(place: Place) -> None:
    engine = place.ask(concurrency=1)
    began, continue_job, performed = threading.Event(), threading.Event(), []

    def perform(job_id: str) -> None:
        performed.append(job_id)
        began.set()
        continue_job.wait(60)

    engine.start(perform)
    engine.enqueue("j-1")
    assert began.wait(60)
    engine.enqueue("j-2")
    assert engine.list_waiting() == ("j-1", "j-2")
    engine.cancel("j-1")
    engine.cancel("j-2")
    engine.cancel("j-3")
    assert engine.list_waiting() == ("j-1",)
    continue_job.set()
    wait_until(lambda: not engine.list_waiting(), 60)
    assert performed == ["j-1"]


def test_no_more_jobs_run_at_once_than_was_said(place: Place) -> None:
    engine = place.ask(concurrency=2)
    guard, together, running, most = threading.Lock(), threading.Event(), set[str](), 0

    def perform(job_id: str) -> None:
        nonlocal most
        with guard:
            running.add(job_id)
            most = max(most, len(running))
            if most == 2:
                together.set()
        assert together.wait(60)
        time.sleep(0.3)  # for a third, that mustn't come
        with guard:
            running.discard(job_id)

    engine.start(perform)
    for number in range(7):
        engine.enqueue(f"j-{number}")
    wait_until(lambda: not engine.list_waiting(), 60)
    assert most == 2


@pytest.mark.long
def test_a_job_whose_process_was_killed_is_taken_up_by_the_next_one(place: Place) -> None:
    first = place.start("first", steps=40)
    place.ask().enqueue("j-1")
    wait_until(lambda: len(place.deeds.list_steps("j-1")) >= 2, 60)
    first.kill()
    second = place.start("second", steps=40, seconds=0.01)
    wait_until(lambda: second.process.pid in place.deeds.list_processes("j-1"), TAKEOVER_SECONDS)
    wait_until(lambda: place.deeds.is_done("j-1", 40), 60)
    assert [number for number, _ in place.deeds.list_steps("j-1")] == list(range(40))
    assert place.deeds.list_processes("j-1") == {first.process.pid, second.process.pid}
    wait_until(lambda: not place.ask().list_waiting(), 60)


@pytest.mark.long
def test_a_process_that_ends_in_order_leaves_its_job_to_the_next_one(place: Place) -> None:
    first = place.start("first", steps=40, grace=0.5)
    place.ask().enqueue("j-1")
    wait_until(lambda: len(place.deeds.list_steps("j-1")) >= 2, 60)
    assert first.terminate() == 0
    second = place.start("second", steps=40, seconds=0.01)
    wait_until(lambda: second.process.pid in place.deeds.list_processes("j-1"), TAKEOVER_SECONDS)
    wait_until(lambda: place.deeds.is_done("j-1", 40), 60)


@pytest.mark.long
def test_the_program_goes_to_a_newer_version_and_back_and_no_job_is_lost(place: Place) -> None:
    """What an older version enqueued isn't seen by a newer one; it is enqueued again then, and performed once."""
    old, new = place.start("old", concurrency=1, steps=30), None
    asking_old, asking_new = place.ask(), place.ask(application_version="2")
    for number in range(3):
        asking_old.enqueue(f"j-{number}")
    wait_until(lambda: bool(place.deeds.list_steps("j-0")), 60)
    old.kill()
    new = place.start("new", version="2", steps=30, seconds=0.01)
    assert asking_new.list_waiting() == ()
    for number in range(2):
        asking_new.enqueue(f"j-{number}")
    wait_until(lambda: all(place.deeds.is_done(f"j-{number}", 30) for number in range(2)), 60)
    new.kill()
    place.start("old again", steps=30, seconds=0.01)
    wait_until(lambda: not asking_old.list_waiting(), 60)
    for number in range(3):
        assert [step for step, _ in place.deeds.list_steps(f"j-{number}")] == list(range(30))


@pytest.mark.long
def test_a_killed_workers_jobs_are_taken_up_by_another_within_ten_seconds(shared: Place) -> None:
    doomed = shared.start("doomed", steps=100)
    engine = shared.ask()
    for number in range(4):
        engine.enqueue(f"j-{number}")
    wait_until(lambda: all(shared.deeds.list_steps(f"j-{number}") for number in range(4)), 60)
    heir = shared.start("heir", steps=100, seconds=0.01)
    doomed.kill()
    took = wait_until(
        lambda: all(heir.process.pid in shared.deeds.list_processes(f"j-{number}") for number in range(4)),
        TAKEOVER_SECONDS,
    )
    assert took < TAKEOVER_SECONDS
    wait_until(lambda: not engine.list_waiting(), 60)
    for number in range(4):
        assert [step for step, _ in shared.deeds.list_steps(f"j-{number}")] == list(range(100))


@pytest.mark.long
def test_a_stopped_workers_queue_is_taken_up_by_another_and_it_continues_when_it_wakes(shared: Place) -> None:
    """It keeps its connections as long as it is stopped."""
    frozen = shared.start("frozen", steps=2, concurrency=1)
    engine = shared.ask()
    engine.enqueue("j-warm")
    wait_until(lambda: not engine.list_waiting(), 60)
    frozen.freeze()
    heir = shared.start("heir", steps=2, concurrency=1)
    engine.enqueue("j-1")
    wait_until(lambda: shared.deeds.is_done("j-1", 2), 60)
    assert shared.deeds.list_processes("j-1") == {heir.process.pid}
    time.sleep(7)
    frozen.wake()
    time.sleep(3)
    heir.kill()
    engine.enqueue("j-2")
    wait_until(lambda: shared.deeds.is_done("j-2", 2), TAKEOVER_SECONDS)
    assert shared.deeds.list_processes("j-2") == {frozen.process.pid}


def test_nothing_of_a_jobs_secrets_reaches_the_engines_tables_files_or_log(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """What performs a job holds session credentials; the engine is handed nothing of it, not even in an error."""
    engine, ended = place.ask(), threading.Event()
    threading.excepthook, usual = (lambda _: None), threading.excepthook

    def perform(_: str) -> str:
        secret = CANARY
        try:
            raise RuntimeError(secret)
        finally:
            ended.set()

    try:
        engine.start(perform)  # type: ignore[arg-type]  # an answer that no one asked for
        engine.enqueue("j-1")
        assert ended.wait(60)
        wait_until(lambda: not engine.list_waiting(), 60)
    finally:
        threading.excepthook = usual
    assert CANARY not in read_everything(place)
    assert CANARY not in caplog.text
    assert "j-1" in read_everything(place)


def read_everything(place: Place) -> str:
    """All that the engine keeps: its files with their logs, or all of its tables."""
    if place.url.startswith("sqlite"):
        files = sorted(place.folder.glob("rootkeeper.db.engine.db*"))
        return "".join(file.read_bytes().decode("latin-1") for file in files)
    pool = create_engine(place.url)
    with pool.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'rootkeeper_engine'"))
        found = [
            str(connection.execute(text(f'SELECT * FROM rootkeeper_engine."{table}"')).all())  # noqa: S608 - its own names
            for table in tables.scalars()
        ]
    pool.dispose()
    return "".join(found)


def test_a_forged_row_is_never_unpickled(place: Place, tmp_path: Path) -> None:
    """Who can write the engine's tables would run what he likes with the power of the server."""
    engine, sprung = place.ask(), tmp_path / "sprung"
    pickled = base64.b64encode(pickle.dumps({"args": (Trap(sprung),), "kwargs": {}})).decode()
    performed: list[str] = []
    engine.start(performed.append)
    engine.enqueue("j-0")
    wait_until(lambda: performed == ["j-0"], 60)
    engine.stop(ENDING_SECONDS)
    engine.enqueue("j-1")
    forge(place, pickled)
    engine.start(performed.append)
    time.sleep(2.5)
    assert performed == ["j-0"]
    assert not sprung.exists()


class Trap:
    """What unpickling it would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def forge(place: Place, pickled: str) -> None:
    """Put a pickle into all that is enqueued."""
    is_file = place.url.startswith("sqlite")
    pool = create_engine(f"{place.url}.engine.db" if is_file else place.url)
    schema = "" if is_file else "rootkeeper_engine."
    with pool.begin() as connection:
        for statement in (
            f"UPDATE {schema}workflow_status SET serialization = 'py_pickle' WHERE status = 'ENQUEUED'",  # noqa: S608 - ours
            f"UPDATE {schema}workflow_input SET inputs = :pickled",  # noqa: S608 - ours
        ):
            connection.execute(text(statement), {"pickled": pickled} if ":pickled" in statement else {})
    pool.dispose()


def test_the_engine_listens_nowhere_and_speaks_to_no_one_but_its_database(place: Place) -> None:
    """P24."""
    worker = place.start("worker", steps=2)
    place.ask().enqueue("j-1")
    seen: set[tuple[str, str]] = set()

    def look() -> bool:
        seen.update(list_sockets(worker.process.pid))
        return place.deeds.is_done("j-1", 2)

    wait_until(look, 60)
    time.sleep(1)
    seen.update(list_sockets(worker.process.pid))
    assert seen == set()


def list_sockets(process_id: int) -> set[tuple[str, str]]:
    """Internet sockets of a process: local and remote address. Those of the tests' PostgreSQL are Unix sockets."""
    inodes = set()
    for link in Path(f"/proc/{process_id}/fd").iterdir():
        with suppress(OSError):
            target = str(link.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{process_id}/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                found.add((fields[1], fields[2]))
    return found
