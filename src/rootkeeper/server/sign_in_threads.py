"""Threads for checking passwords, apart from the threads of all other requests.

A check takes a core and 64 MB of memory for a moment, on purpose, and anyone can ask for one. So only a few run at a
time, a few more wait for their turn without using a thread, and all others are refused at once. Known devices have a
turn of their own, so that a flood from elsewhere doesn't keep them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from rootkeeper.errors import TooManyAttemptsError

MOST_WAITING = 16
"""For each of the two turns."""

WAIT_SECONDS = 5
"""What the refused are asked to wait; by then the queue is empty."""

_Result = TypeVar("_Result")


class SignInThreads:
    """One thread for known devices, and one for all others."""

    def __init__(self) -> None:
        self._known = _Turns()
        self._strangers = _Turns()

    async def run(self, check: Callable[[], _Result], *, is_known: bool) -> _Result:
        """Run ``check`` in its turn.

        :raises TooManyAttemptsError: if too many wait already.
        """
        turns = self._known if is_known else self._strangers
        if turns.taken > MOST_WAITING:
            raise TooManyAttemptsError(
                "Too many people sign in at once.",
                hint=f"Wait {WAIT_SECONDS} seconds, then try again.",
                wait_seconds=WAIT_SECONDS,
            )
        turns.taken += 1
        try:
            return await run_sync(check, limiter=turns.limiter)
        finally:
            turns.taken -= 1


@dataclass(slots=True)
class _Turns:
    """Used by the event loop's thread alone."""

    limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    taken: int = 0
    """How many run or wait."""
