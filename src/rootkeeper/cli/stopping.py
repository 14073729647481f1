"""Signals as requests: a window that is open must be closed, whatever asks this process to end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
    """Counts the signals that ask to end, from entering to leaving."""

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
        """Whether to stop waiting."""
        return self.count >= 1

    def asked_twice(self) -> bool:
        """Whether to stop trying again, too."""
        return self.count >= 2

    def _take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape is Python's
        self.count += 1
