"""The loops of a server or worker: each is a thread that repeats its work, also after a turn that failed.

The work is unknown here. An error, such as of a database that can't be read, ends a turn and never a loop: it is
reported, and the next turn begins after the loop's period. A stuck or failing loop shows in ``list_troubles``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rootkeeper.clock import Clock
from rootkeeper.errors import RootkeeperError

_MOST_DOUBLINGS = 10
REPORTED_AGAIN_SECONDS = 60.0
"""A loop that fails again for the same reason is reported only once in this time."""

STUCK_AFTER_SECONDS = 60.0
"""A turn that takes longer than this, and than three periods, is reported as stuck."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Work that is done again and again."""

    name: str
    """In a few words, as a log names it."""
    period_seconds: float
    """From the end of a turn to the start of the next."""
    turn: Callable[[], object]
    longest_pause_seconds: float = 15.0
    """After failed turns the pause becomes longer, up to this."""


@dataclass(slots=True)
class _LoopThread:
    """A loop's thread and its state."""

    loop: Loop
    thread: threading.Thread = field(init=False)
    turn_began: float | None = None
    """Monotonic; ``None`` between turns."""
    failure: str | None = None
    """Of the last turn; ``None`` if it succeeded."""
    failed_turns: int = 0
    """In a row."""
    report_at: float = 0.0
    """When the same failure is reported again, in monotonic seconds."""

    def find_pause(self) -> float:
        """Return the seconds until the next turn: twice as long after each failed turn."""
        period = self.loop.period_seconds
        longest = max(period, self.loop.longest_pause_seconds)
        return min(period * (1 << min(self.failed_turns, _MOST_DOUBLINGS)), longest)


class Loops:
    """Runs loops until they are stopped."""

    def __init__(self, clock: Clock, report_failure: Callable[[str, BaseException], None]) -> None:
        """:param report_failure: called from a loop's thread with the loop's name and each error; must not raise."""
        self._clock = clock
        self._report_failure = report_failure
        self._stopping = threading.Event()
        self._running: list[_LoopThread] = []

    def start(self, loops: Iterable[Loop]) -> None:
        """Start a thread for each; its first turn begins at once."""
        for loop in loops:
            running = _LoopThread(loop)
            name = f"rootkeeper-loop-{loop.name}"
            running.thread = threading.Thread(target=self._run, args=(running,), name=name, daemon=True)
            self._running.append(running)
            running.thread.start()

    def begin_stop(self) -> None:
        """Begin no further turn; returns at once."""
        self._stopping.set()

    def wait_stopped(self, seconds: float) -> tuple[str, ...]:
        """Wait for the turns that are under way; return the names of loops with a turn that hasn't ended."""
        ends = self._clock.monotonic() + seconds
        for running in self._running:
            running.thread.join(max(0.0, ends - self._clock.monotonic()))
        return tuple(running.loop.name for running in self._running if running.thread.is_alive())

    def list_troubles(self) -> tuple[str, ...]:
        """List the troubles of loops, a sentence each; empty if there are none."""
        now, troubles = self._clock.monotonic(), []
        for running in self._running:
            name, began = running.loop.name, running.turn_began
            if not running.thread.is_alive():
                troubles.append(f"The loop for {name} has ended.")
            elif began is not None and now - began > max(STUCK_AFTER_SECONDS, 3 * running.loop.period_seconds):
                troubles.append(f"The loop for {name} is stuck for {now - began:.0f} seconds.")
            elif running.failure is not None:
                troubles.append(f"The loop for {name} failed: {running.failure}")
        return tuple(troubles)

    def _run(self, running: _LoopThread) -> None:
        while not self._stopping.is_set():
            running.turn_began = self._clock.monotonic()
            try:
                running.loop.turn()
                running.failure, running.failed_turns = None, 0
            except Exception as error:  # noqa: BLE001 - the runner of loops: no bug may end the closing of windows
                now = self._clock.monotonic()
                failure = (
                    error.message if isinstance(error, RootkeeperError) else f"an unexpected {type(error).__name__}"
                )
                if failure != running.failure or now >= running.report_at:
                    running.report_at = now + REPORTED_AGAIN_SECONDS
                    self._report_failure(running.loop.name, error)
                running.failure, running.failed_turns = failure, running.failed_turns + 1
            running.turn_began = None
            self._stopping.wait(running.find_pause())
