"""Counting who is using something that is to be closed, so that nothing is closed under anybody's hands."""

from __future__ import annotations

import threading


class UseCounter:
    """A number of users; safe in many threads."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def begin(self) -> None:
        """One more."""
        with self._changed:
            self._count += 1

    def end(self) -> None:
        """One fewer."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_none(self, seconds: float) -> bool:
        """Wait until nobody uses it; ``False`` if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, seconds)
