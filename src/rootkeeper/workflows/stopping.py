"""Stop signals: one where nobody can ask to stop, and one that another thread gives."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from rootkeeper.ports.clock import Clock


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
