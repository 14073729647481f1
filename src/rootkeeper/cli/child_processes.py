"""Processes that a demo starts: waiting while one runs, and ending it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

_LOOK_SECONDS = 0.05


def comes_true(holds: Callable[[], bool], process: subprocess.Popen[bytes], within_seconds: float) -> bool:
    """Whether it comes true in time and while the process runs; asked again and again."""
    end = time.monotonic() + within_seconds
    while time.monotonic() < end and process.poll() is None:
        if holds():
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def end_process(process: subprocess.Popen[bytes], within_seconds: float) -> None:
    """Ask it to end, and kill it if it doesn't in time."""
    process.terminate()
    try:
        process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
