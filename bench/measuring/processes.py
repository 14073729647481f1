"""Runs a program in a process of its own and measures it, children included, as the kernel accounts for it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run cost."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time."""
    peak_memory_bytes: int
    exit_status: int
    output: str


def measure(command: Sequence[str], environment: Mapping[str, str]) -> Measurement:
    """Run ``command`` to its end."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as remarks:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=remarks)
        _, wait_status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(wait_status)
        output.seek(0)
        remarks.seek(0)
        if process.returncode not in (0, 1):
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {remarks.read().decode()[-2000:]}")
        return Measurement(
            wall_seconds=wall,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_memory_bytes=usage.ru_maxrss * 1024,
            exit_status=process.returncode,
            output=output.read().decode(),
        )
