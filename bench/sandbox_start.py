"""Starts the sandbox with many accounts: how long until it is ready, and how much memory it then holds."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from dataclasses import dataclass
from statistics import median

import psutil

from measuring.sandboxes import run_sandbox

MAX_SECONDS = 5.0
MAX_BYTES = 400e6


@dataclass(frozen=True, slots=True)
class Start:
    """One start."""

    wall_seconds: float
    cpu_seconds: float
    memory_bytes: int
    """Resident, once it is ready."""


def main() -> int:
    options = read_options()
    print(f"Start with {options.accounts:,} accounts; Python {platform.python_version()}, {describe_load()}")
    starts = [measure_start(options.accounts) for _ in range(options.rounds)]
    wall = median(start.wall_seconds for start in starts)
    memory = max(start.memory_bytes for start in starts)
    print(f"{'rounds':>6}  {'ready after s':>13}  {'CPU s':>6}  {'memory MB':>9}")
    cpu = median(start.cpu_seconds for start in starts)
    print(f"{len(starts):>6}  {wall:>13.2f}  {cpu:>6.2f}  {memory / 1e6:>9.0f}")
    return 0 if wall < MAX_SECONDS and memory < MAX_BYTES else 1


def read_options() -> argparse.Namespace:
    ends = f"Ends with 1 if the median is over {MAX_SECONDS:.0f} s or the most memory over {MAX_BYTES / 1e6:.0f} MB."
    parser = argparse.ArgumentParser(description=__doc__, epilog=ends)
    parser.add_argument("--accounts", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def describe_load() -> str:
    return f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def measure_start(accounts: int) -> Start:
    started = time.perf_counter()
    with run_sandbox("--accounts", str(accounts), "--features", "all") as sandbox:
        wall_seconds = time.perf_counter() - started
        process = psutil.Process(sandbox.process_id)
        times = process.cpu_times()
        memory_bytes = process.memory_info().rss
        if len(sandbox.ask("organization")["accounts"]) != accounts:
            raise RuntimeError("Not every account is there.")
        return Start(wall_seconds, times.user + times.system, memory_bytes)


if __name__ == "__main__":
    sys.exit(main())
