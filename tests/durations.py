"""How long something takes, judged so that a busy machine doesn't count against it."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """Counts the seconds since it was made, but none in which the machine hung: those show in a pause that lasts
    longer than was asked for.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._suspended_seconds = 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began - self._suspended_seconds

    def pause(self, seconds: float) -> None:
        began = time.monotonic()
        time.sleep(seconds)
        self._suspended_seconds += time.monotonic() - began - seconds


def measure_best(act: Callable[[], object], tries: int = 5) -> float:
    """The seconds of the quickest try: what a busy machine adds shows in some tries, what the program takes in all."""
    took = []
    for _ in range(tries):
        began = time.monotonic()
        act()
        took.append(time.monotonic() - began)
    return min(took)
