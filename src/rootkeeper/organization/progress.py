"""How a use case reports its progress, and how it learns that it must stop."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from rootkeeper.clock import Clock


class Progress(Protocol):
    """Told from many threads; never raises."""

    def start(self, label: str, total: int | None) -> None:
        """``total`` is ``None`` while it isn't known."""
        ...

    def set_total(self, total: int) -> None:
        """The total that has become known meanwhile, such as when the last account is listed."""
        ...

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        """One account is done; ``present`` and ``unknown`` count it."""
        ...

    def remark(self, text: str) -> None:
        """One line for the person, beside the data."""
        ...

    def finish(self) -> None: ...


class StopSignal(Protocol):
    """Asked from many threads, as often as one likes; never raises."""

    def asked_once(self) -> bool:
        """Whether to begin nothing new: what is in flight comes to its end and is recorded."""
        ...

    def asked_twice(self) -> bool:
        """Whether to stop now: no further call leaves, and nothing is waited for."""
        ...

    def wait(self, seconds: float) -> bool:
        """Pause; true, at once, when asked to stop."""
        ...


@dataclass(frozen=True, slots=True)
class NullStopSignal:
    """Implements StopSignal: nobody asks."""

    clock: Clock

    def asked_once(self) -> bool:
        return False

    def asked_twice(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.clock.sleep(seconds)
        return False


class ServerStopSignal:
    """Implements StopSignal: a server's end, for all that is at work in it."""

    def __init__(self) -> None:
        self._once = threading.Event()
        self._twice = threading.Event()

    def ask(self) -> None:
        """Ask to stop; the second time, to stop now."""
        if self._once.is_set():
            self._twice.set()
        self._once.set()

    def asked_once(self) -> bool:
        return self._once.is_set()

    def asked_twice(self) -> bool:
        return self._twice.is_set()

    def wait(self, seconds: float) -> bool:
        return self._once.wait(seconds)
