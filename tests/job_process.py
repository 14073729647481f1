"""Workers that perform jobs by real rows, locks of processes and the real engine, but without AWS.

What a job does is a number of steps, one for each account. A step is recorded in the job's row, which refuses it unless
the job is still this process's own, and then written to a file: a step that is in it twice was done twice.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.access.store import IdentityStore
from rootkeeper.clock import SystemClock
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.jobs.rules import JobKind, JobState
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.database import Database, open_database
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.notifications.service import NullNotifier
from rootkeeper.organization.accounts import AccountId, Endpoint
from rootkeeper.organization.progress import ServerStopSignal
from rootkeeper.values import JsonValue
from rootkeeper.worker.engine import EngineOptions, open_engine
from rootkeeper.worker.performers import JobResult, JobTask
from rootkeeper.worker.requests import JobRequestService, parse_preflight
from rootkeeper.worker.service import JobReconciler, JobRunner
from tests.engine_process import ORGANIZATION_ID, EngineProcess, say_started

LEASE_SECONDS = 6.0
ENDPOINT = Endpoint("AWS")
REQUESTER = Actor("ana", ActorKind.TOKEN)


class StepPerformer:
    """Does a job of some steps."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds

    def __call__(self, task: JobTask) -> JobResult:
        total = parse_steps(task.parameters)
        done = task.store.list_results(task.kept.job_id)
        for number in range(total):
            account_id = AccountId(f"{number:012}")
            if account_id in done:
                continue
            if task.stop.wait(self.seconds):
                task.kept.end(JobState.INTERRUPTED, "Asked to stop.")
                return JobResult()
            task.kept.record({account_id: {"process": os.getpid()}})
            with (self.folder / "steps").open("a") as steps:
                steps.write(f"{task.kept.job_id} {number} {os.getpid()}\n")
            if task.kept.is_cancelled:
                break
        return JobResult(JobState.DONE)


def describe_steps(number: int) -> dict[str, JsonValue]:
    """The parameters of a job of so many steps: a real job's that has no use for them otherwise."""
    return {"selection": {"everything": True, "excluded": [str(number)]}}


def parse_steps(parameters: Mapping[str, JsonValue]) -> int:
    return int(parse_preflight(parameters).selection.excluded[0])


def list_steps(folder: Path) -> list[tuple[str, int, int]]:
    """Job, number and process of each step, in their order."""
    path = folder / "steps"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(job_id, int(number), int(process)) for job_id, number, process in (line.split() for line in lines)]


@contextmanager
def start_worker(url: str, folder: Path, name: str, seconds: float = 0.2) -> Iterator[EngineProcess]:
    """Start one, and wait until it takes jobs."""
    with EngineProcess.run("tests.job_process", [url, str(folder), str(seconds)], folder, name) as process:
        yield process


@contextmanager
def open_requesting(url: str) -> Iterator[tuple[Database, JobRequestService]]:
    """As a server has it that performs nothing itself."""
    clock = SystemClock()
    with open_database(url) as database:
        owner = database.register_owner(clock, LEASE_SECONDS)
        engine = open_engine(url, ORGANIZATION_ID)
        numbers = iter(range(10_000))
        with suppress(InputError):  # known from before
            identity = Identity("t-1", IdentityKind.TOKEN, REQUESTER.name, ServerRole.OPERATOR, "test", clock.now())
            database.get_store(IdentityStore, ORGANIZATION_ID, clock).add_token(identity, "rk_ana")
        requesting = JobRequestService(
            database.get_store(JobStore, ORGANIZATION_ID, clock, lambda: owner),
            database.ledger(ORGANIZATION_ID, ENDPOINT, REQUESTER, owner),
            engine,
            clock,
            ORGANIZATION_ID,
            ENDPOINT.label,
            REQUESTER,
            lambda: f"j-{next(numbers):04}",
        )
        yield database, requesting
        engine.stop(0)
        owner.close()


def main() -> None:
    """Perform jobs until SIGTERM."""
    url, folder, seconds = sys.argv[1:]
    stopping, stop, clock = threading.Event(), ServerStopSignal(), SystemClock()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with open_database(url) as database:
        owner = database.register_owner(clock, LEASE_SECONDS)
        jobs = database.get_store(JobStore, ORGANIZATION_ID, clock, lambda: owner)
        engine = open_engine(url, ORGANIZATION_ID, EngineOptions())
        performing = JobRunner(
            jobs,
            _act_on_nothing,
            clock,
            stop,
            NullNotifier(),
            ORGANIZATION_ID,
            ENDPOINT.label,
            database.get_store(IdentityStore, ORGANIZATION_ID, clock),
            performers={JobKind.PREFLIGHT: StepPerformer(Path(folder), float(seconds))},
        )
        reconciling = JobReconciler(jobs, engine, clock)
        engine.start(performing.perform)
        say_started()
        while not stopping.wait(1):
            try:
                reconciling.tick()
            except DatabaseError as error:
                sys.stderr.write(f"{error.message}\n")
        stop.ask()
        engine.stop(5)
        owner.close()


class _NullAccess:
    """Acts on nothing, so that there is nothing to let go of."""

    def close(self) -> None:
        """Nothing."""

    def close_later(self) -> None:
        """Nothing."""


def _act_on_nothing(*_: object) -> Any:
    return _NullAccess()


if __name__ == "__main__":
    main()
