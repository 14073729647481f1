"""Servers and workers of the product, each a process of its own, and what they cost as the kernel counts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120.0
STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_READY = re.compile("^Rootkeeper (serves|works)", re.MULTILINE)
"""Said at the end of the start, by servers and workers."""
_BENCH = str(Path(__file__).parents[1])


@dataclass(slots=True)
class Worker:
    """One that runs."""

    process: subprocess.Popen[bytes]
    remarks: Path
    """What it says on stderr."""
    cpu_before: float = 0.0
    """Seconds of CPU until the measuring began."""
    cpu_seconds: float = 0.0
    """Seconds of CPU since."""
    peak_memory_bytes: int = 0

    def begin_measuring(self) -> None:
        self.cpu_before = read_cpu_seconds(self.process.pid)

    def end_measuring(self) -> None:
        """Nothing is measured any more once it was killed."""
        if self.process.poll() is None:
            self.cpu_seconds = read_cpu_seconds(self.process.pid) - self.cpu_before
            self.peak_memory_bytes = read_peak_memory(self.process.pid)

    def kill(self) -> None:
        """As kill -9 does."""
        self.end_measuring()
        self.process.kill()
        self.process.wait()

    def wait_ready(self) -> None:
        """:raises RuntimeError: if it ends before, or takes too long."""
        ends = time.monotonic() + START_SECONDS
        while _READY.search(self.remarks.read_text(encoding="utf-8")) is None:
            if self.process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"A worker didn't start: {self.remarks.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)


@contextmanager
def run_workers(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> Iterator[list[Worker]]:
    """Start one for each command, each as on a host of its own; ready when the body begins, and stopped at its end."""
    path = os.pathsep.join(filter(None, (_BENCH, environment.get("PYTHONPATH", ""))))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        workers = []
        for number, command in enumerate(commands, 1):
            worker = _start(number, command, {**environment, "PYTHONPATH": path}, Path(folder))
            running.callback(worker.stop)
            workers.append(worker)
        for worker in workers:
            worker.wait_ready()
        yield workers


def _start(number: int, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Worker:
    remarks = folder / f"worker-{number}"
    with remarks.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "measuring.elsewhere", f"worker-{number}", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    return Worker(process, remarks)


def read_cpu_seconds(process_id: int) -> float:
    """User and system time so far. Source: proc_pid_stat(5)."""
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_peak_memory(process_id: int) -> int:
    """The largest resident set so far. Source: proc_pid_status(5)."""
    lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    (found,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(found) * 1024


def read_stolen_seconds() -> tuple[float, float]:
    """What the machine's host took from its cores, and all that they had, since it started. Source: proc_stat(5)."""
    with Path("/proc/stat").open(encoding="utf-8") as lines:
        ticks = [int(text) for text in lines.readline().split()[1:9]]
    per_second = os.sysconf("SC_CLK_TCK")
    return ticks[7] / per_second, sum(ticks) / per_second
