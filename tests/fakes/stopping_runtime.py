"""A server's runtime and its stop signal in one, for tests of the HTTP server alone."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from rootkeeper.worker.health import ConnectionLimit


@dataclass
class StoppingRuntime:
    """Ends the server once the test is done."""

    asked: threading.Event = field(default_factory=threading.Event)
    limited: list[ConnectionLimit] = field(default_factory=list)
    """The limits that took effect."""

    def begin_stop(self) -> None:
        """Nothing runs beside it."""

    def note_connection_limit(self, limit: ConnectionLimit, _address: str) -> None:
        self.limited.append(limit)

    def asked_once(self) -> bool:
        return self.asked.is_set()

    def asked_twice(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        return self.asked.wait(seconds)
