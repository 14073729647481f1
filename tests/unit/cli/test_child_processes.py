"""Waiting for what a child process does, and ending it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rootkeeper.cli.demo_processes import comes_true, end_process

HEEDLESS = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@contextmanager
def running(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child that has come to its first line."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("program", "within_seconds", "status"),
    [("import time; print(flush=True); time.sleep(60)", 30, -signal.SIGTERM), (HEEDLESS, 0.1, -signal.SIGKILL)],
    ids=["heeds", "heedless"],
)
def test_a_process_ends_when_it_is_asked_to_or_is_killed(program: str, within_seconds: float, status: int) -> None:
    with running(program) as process:
        end_process(process, within_seconds)
        assert process.returncode == status


def test_what_comes_true_while_the_process_runs_is_seen() -> None:
    answers = iter([False, True])
    with running(HEEDLESS) as process:
        assert comes_true(lambda: next(answers), process, 30)


def test_nothing_is_awaited_from_a_process_that_has_ended() -> None:
    with running("print()") as process:
        process.wait(30)
        assert not comes_true(lambda: True, process, 30)


def test_what_does_not_come_true_in_time_is_given_up() -> None:
    began = time.monotonic()
    with running(HEEDLESS) as process:
        assert not comes_true(lambda: False, process, 0.1)
    assert time.monotonic() - began < 30
