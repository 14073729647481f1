"""How long each suite of tests took: the table of the last `make test-times`.

Wall minutes are those of all workers together. CPU minutes are those of the tests' processes and of the processes that
ended in them, as the operating system counts them: what a killed process started isn't in them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from measuring.pages import parse_options, show
from measuring.signing_cost import measure_signing_milliseconds
from measuring.surroundings import describe_machine
from measuring.tables import render_list, render_table

PROGRAM = "bench/suites.py"
FOLDER = Path("build")
DEEPER = {"functional"}
"""Folders whose own folders are suites."""


def main() -> int:
    options = parse_options(argparse.ArgumentParser(description=__doc__), PROGRAM)
    phases = [line for path in sorted(FOLDER.glob("times-*.jsonl")) for line in read_run(path)]
    if not phases:
        print(f"{FOLDER} has no times of tests. Run: make test-times")
        return 0
    minutes = find_elapsed(phases) / 60
    signing = measure_signing_milliseconds()
    remarks = [
        f"From the first test to the last: {minutes:.0f} minutes, without the set-up and static checks before.",
        f"On this machine botocore takes {signing:.2f} ms to sign two calls and parse their answers.",
    ]
    text = f"{render_suites(phases)}\n\n{render_list(remarks)}"
    show(text, f"{describe_machine()}.", PROGRAM, options.markdown)
    return 0


def read_run(path: Path) -> list[dict[str, object]]:
    """The phases of all tests of one run of pytest."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def find_elapsed(phases: list[dict[str, object]]) -> float:
    """Seconds from the first test's begin to the last test's end, of all runs of pytest, which overlap."""
    began = [float(str(line["began"])) for line in phases]
    lasted = [float(str(line["wall_seconds"])) for line in phases]
    return max(begin + seconds for begin, seconds in zip(began, lasted, strict=True)) - min(began)


def render_suites(lines: list[dict[str, object]]) -> str:
    """One row for each suite, the longest first."""
    tests: Counter[str] = Counter()
    wall: defaultdict[str, float] = defaultdict(float)
    cpu: defaultdict[str, float] = defaultdict(float)
    for line in lines:
        suite = name_suite(str(line["test"]))
        tests[suite] += line["phase"] == "call"
        wall[suite] += float(str(line["wall_seconds"]))
        cpu[suite] += float(str(line["cpu_seconds"]))
    rows = [
        (f"`tests/{suite}`", str(tests[suite]), f"{seconds / 60:.1f}", f"{cpu[suite] / 60:.1f}")
        for suite, seconds in sorted(wall.items(), key=lambda row: -row[1])
    ]
    total = ("all", str(tests.total()), f"{sum(wall.values()) / 60:.1f}", f"{sum(cpu.values()) / 60:.1f}")
    return render_table(("suite", "tests", "wall minutes", "CPU minutes"), [*rows, total])


def name_suite(test: str) -> str:
    """The folder of a test below ``tests``."""
    _, folder, *deeper = test.partition("::")[0].split("/")
    return f"{folder}/{deeper[0]}" if folder in DEEPER and len(deeper) > 1 else folder


if __name__ == "__main__":
    sys.exit(main())
