"""Signals as requests: a window that is open must be closed, whatever asks this process to end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STEP_SECONDS = 0.1


@contextmanager
def as_interrupts(*signals: signal.Signals) -> Iterator[None]:
    """Let these signals do what Ctrl-C does, so that a command ends in the same orderly way."""
    previous = {number: signal.signal(number, signal.default_int_handler) for number in signals}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class StopRequests:
    """Counts the signals that ask to end, from entering to leaving; implements the port StopSignal."""

    def __init__(self) -> None:
        self.count = 0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._take) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def asked_once(self) -> bool:
        """Whether to stop waiting, or to begin nothing new."""
        return self.count >= 1

    def asked_twice(self) -> bool:
        """Whether to stop trying again, or to stop now."""
        return self.count >= 2

    def wait(self, seconds: float) -> bool:
        """Pause; true, at once, when asked to stop. In small steps: a signal handler must not wake a lock's holder."""
        ends = time.monotonic() + seconds
        while not self.asked_once() and (left := ends - time.monotonic()) > 0:
            time.sleep(min(_STEP_SECONDS, left))
        return self.asked_once()

    def _take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape is Python's
        self.count += 1
