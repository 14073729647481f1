"""Processes that run the engine alone, for tests that kill and stop them.

A job's performance is a file: each line records one step of one attempt, and whose it was. A lock file for each job
takes the place of the job's row: the process that holds it performs, the others wait for it and find that the job is
over. A claim without a held lock is one of a dead process, so it is put back, as ``JobReconciler`` does by rows.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.durations import Stopwatch

REPOSITORY = Path(__file__).resolve().parent.parent
ORGANIZATION_ID = "o-exampleorgid"
STEP_SECONDS = 0.2
LOOK_SECONDS = 0.5


class Deeds:
    """What the jobs of a test have done, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def holding_up(self, job_id: str) -> Iterator[None]:
        """No process performs a step of the job meanwhile."""
        with (self.folder / f"{job_id}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def is_performed(self, job_id: str) -> bool:
        """Whether a process holds the job's lock."""
        with (self.folder / f"{job_id}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def perform(self, job_id: str, steps: int, seconds: float = STEP_SECONDS) -> None:
        """Do what is left of the job's steps, unless another process is at it."""
        with self.holding_up(job_id):
            for number in range(len(self.list_steps(job_id)), steps):
                time.sleep(seconds)
                with (self.folder / f"{job_id}.deeds").open("a") as deeds:
                    deeds.write(f"{number} {os.getpid()}\n")

    def list_steps(self, job_id: str) -> list[tuple[int, int]]:
        """Which steps were done, by which process."""
        path = self.folder / f"{job_id}.deeds"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(number), int(process)) for number, process in (line.split() for line in lines)]

    def list_processes(self, job_id: str) -> set[int]:
        return {process for _, process in self.list_steps(job_id)}

    def is_done(self, job_id: str, steps: int) -> bool:
        return len(self.list_steps(job_id)) == steps


class EngineProcess:
    """One worker."""

    def __init__(self, process: subprocess.Popen[str], name: str) -> None:
        self.process = process
        self.name = name

    @classmethod
    @contextmanager
    def start(
        cls,
        url: str,
        folder: Path,
        *,
        name: str = "worker",
        steps: int = 3,
        version: str = "1",
        concurrency: int = 4,
        seconds: float = STEP_SECONDS,
        grace: float = 5.0,
    ) -> Iterator[EngineProcess]:
        """Start one, and wait until it takes jobs."""
        arguments = [url, str(folder), str(steps), version, str(concurrency), str(seconds), str(grace)]
        with cls.run("tests.engine_process", arguments, folder, name) as process:
            yield process

    @classmethod
    @contextmanager
    def run(cls, module: str, arguments: list[str], folder: Path, name: str) -> Iterator[EngineProcess]:
        """A process of a module that says ``started`` once it is."""
        log = (folder / f"{name}.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", module, *arguments],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        found = cls(process, name)
        try:
            found.wait_started(folder)
            yield found
        finally:
            found.end()
            log.close()

    def wait_started(self, folder: Path) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == "started\n", (folder / f"{self.name}.log").read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def terminate(self) -> int:
        """Ask it to end; its exit status."""
        self.process.terminate()
        return self.process.wait(30)

    def end(self) -> None:
        if self.process.poll() is None:
            self.wake()
            self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()


def wait_until(condition: Callable[[], bool], seconds: float) -> float:
    """How long it took.

    :raises AssertionError: if it takes longer.
    """
    watch = Stopwatch()
    while not condition():
        assert watch.seconds < seconds, "it takes too long"
        watch.pause(0.05)
    return watch.seconds


def say_started() -> None:
    """What the caller that started the process waits for."""
    sys.stdout.write("started\n")
    sys.stdout.flush()


def main() -> None:
    """Perform jobs until SIGTERM."""
    from rootkeeper.worker.engine import EngineOptions, open_engine

    url, folder, steps, version, concurrency, seconds, grace = sys.argv[1:]
    deeds, stopping = Deeds(Path(folder)), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    engine = open_engine(url, ORGANIZATION_ID, EngineOptions(int(concurrency), version))
    engine.start(lambda job_id: deeds.perform(job_id, int(steps), float(seconds)))
    say_started()
    stalled: set[str] = set()
    while not stopping.wait(LOOK_SECONDS):
        found = {job_id for job_id in engine.list_claimed() if not deeds.is_performed(job_id)}
        for job_id in found & stalled:
            engine.put_back(job_id)
        stalled = found
    engine.stop(float(grace))


if __name__ == "__main__":
    main()
