"""Runs the tests that make random examples, with fresh seeds, for as long as it is told.

The modules of these tests run in a random order, some at a time, each batch with a seed of its own. Ends with 1 at the
first failure, and prints the example that it found as the decorator that pins it; ends with 0 when the time is over.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import secrets
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TESTS = REPOSITORY / "tests"
SEED = "TEST_SEED"
MARKED = "hypothesis or randomized"
EXPLORED = re.compile(r"^\s*(from hypothesis|import hypothesis)\b|\bpytest\.mark\.randomized\b", re.MULTILINE)
BATCH = 10
"""Modules that run together: pytest needs some seconds for each batch, and a failure should stop soon."""
NOTHING_SELECTED = 5
"""Source: pytest's exit statuses."""
STOP_SECONDS = 60
FOUND = re.compile(r"^E +Failing test case: \w+\((?P<inside>.*?)(?:^E +\)$|\)$)", re.MULTILINE | re.DOTALL)
FAILED = re.compile(r"^(?:FAILED|ERROR) (?P<test>.+?)(?:@| - |$)", re.MULTILINE)
SCHEMATHESIS = re.compile(r"^import schemathesis$", re.MULTILINE)
"""Its plugin leaves the values out of the examples that other tests print, so its tests run apart."""


def main() -> int:
    options = read_options()
    ends_at = time.monotonic() + options.seconds
    batches = 0
    for plugins, modules in choose_batches():
        left_seconds = ends_at - time.monotonic()
        if left_seconds <= 0:
            break
        seed = secrets.randbelow(2**32)
        output, status = run(plugins, modules, seed, options.jobs, left_seconds)
        if FAILED.search(output) or status not in (0, NOTHING_SELECTED, None):
            report(output, seed)
            return 1
        if status is not None:
            batches += 1
            print(f"{int(options.seconds - left_seconds):>6} s: seed {seed}, {last_line(output)}", flush=True)
    print(f"No failure in {options.seconds:g} s: {batches} whole batches of at most {BATCH} modules.")
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True, help="how long")
    parser.add_argument("--jobs", default="2", help="workers of pytest")
    return parser.parse_args()


def choose_batches() -> Iterator[tuple[list[str], list[str]]]:
    """Options and modules of each batch: all modules in a random order, then again in another."""
    texts = {
        path.relative_to(REPOSITORY): path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("test_*.py"))
    }
    apart = [str(path) for path, text in texts.items() if SCHEMATHESIS.search(text)]
    modules = [str(path) for path, text in texts.items() if EXPLORED.search(text) and str(path) not in apart]
    chance = random.SystemRandom()
    while True:
        chance.shuffle(modules)
        batches = [modules[begin : begin + BATCH] for begin in range(0, len(modules), BATCH)]
        batches += [[module] for module in apart]
        chance.shuffle(batches)
        for batch in batches:
            yield [] if batch[0] in apart else ["-p", "no:schemathesis"], batch


def run(plugins: list[str], modules: list[str], seed: int, jobs: str, left_seconds: float) -> tuple[str, int | None]:
    """Run the random tests of some modules, and return the output and the status; ``None``: the time was over."""
    options = [*plugins, "-m", MARKED, f"--hypothesis-seed={seed}", "-q", "--maxfail=1", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-n", jobs, "--dist", "loadgroup", *options, *modules]
    environment = os.environ | {SEED: str(seed)}
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=left_seconds)
            return output, process.returncode
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        return output, None


def report(output: str, seed: int) -> None:
    """Print the failure, the example to pin, and how to run it again."""
    print(output)
    for found in FOUND.finditer(output):
        arguments = re.sub(r"^E +", "", found["inside"].strip(), flags=re.MULTILINE)
        print("Pin this above @given, without the arguments that are fixtures:")
        print(f"@example(\n{textwrap.indent(arguments, '    ')}\n)")
    tests = sorted({shlex.quote(found["test"]) for found in FAILED.finditer(output)})
    print(f"Run it again: {SEED}={seed} {sys.executable} -m pytest --hypothesis-seed={seed} {' '.join(tests)}")


def last_line(output: str) -> str:
    return output.strip().rpartition("\n")[2].strip(" =")


if __name__ == "__main__":
    sys.exit(main())
