"""How long each test takes, in wall and CPU seconds. `bench/suites.py` makes a table of it.

A test's CPU seconds are those of its worker, and of the processes that ended in it. A server that a module shares
counts where the module ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import TextIO

import pytest

TIMES = "TEST_TIMES"
"""The variable that names a folder, in which each run writes a file."""


def read_cpu_seconds() -> float:
    """The CPU seconds of this process and of its ended children until now."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class CpuMeter:
    """Runs in each process that runs tests: adds to each report the CPU seconds since the one before."""

    def __init__(self) -> None:
        self._last = read_cpu_seconds()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self._last = read_cpu_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = read_cpu_seconds()
        vars(report)["cpu_seconds"] = now - self._last
        self._last = now
        return report


class TimesFile:
    """Runs in the process that collects the reports: writes a line of JSON for each of them."""

    def __init__(self, folder: Path) -> None:
        self._file: TextIO = (folder / f"times-{os.getpid()}.jsonl").open("w", encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        line = {
            "test": report.nodeid,
            "phase": report.when,
            "outcome": report.outcome,
            "began": report.start,
            "worker": getattr(report, "worker_id", ""),
            "wall_seconds": round(report.duration, 3),
            "cpu_seconds": round(getattr(report, "cpu_seconds", 0.0), 3),
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def pytest_sessionfinish(self) -> None:
        self._file.close()
