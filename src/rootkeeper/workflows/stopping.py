"""A stop signal where nobody can ask to stop."""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Unstoppable:
    """Implements StopSignal: nobody asks."""

    clock: Clock

    def asked_once(self) -> bool:
        return False

    def asked_twice(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.clock.sleep(seconds)
        return False
