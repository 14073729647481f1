"""How a use case learns that somebody wants it to stop."""

from __future__ import annotations

from typing import Protocol


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
