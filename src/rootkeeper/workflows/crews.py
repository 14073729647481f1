"""Work on several accounts at a time, each account by one thread at a time.

A loop that looks each second for work hands it over and goes on; what is under way or waiting isn't taken twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from rootkeeper.errors import RootkeeperError
from rootkeeper.workflows.worker_threads import WorkerThreads, WorkResult

Begin = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class KeyedExecutor:
    """Does what it is given, each key once at a time."""

    begin: Begin
    """Has a piece of work done, by another thread."""
    report: Callable[[str], None]
    """Told in one sentence what kept a piece of work from being done."""
    _keys: set[str] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _is_stopped: bool = False

    def offer(self, key: str, work: Callable[[], None]) -> bool:
        """``False`` if work of that key is waiting or under way, or the crew was stopped."""
        with self._changed:
            if self._is_stopped or key in self._keys:
                return False
            self._keys.add(key)
        self.begin(partial(self._perform, key, work))
        return True

    def count(self) -> int:
        """Pieces of work that are waiting or under way."""
        return len(self._keys)

    def stop(self) -> None:
        """Begin nothing more, of what waits neither; returns at once."""
        self._is_stopped = True

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing is under way; ``False`` if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._keys, seconds)

    def _perform(self, key: str, work: Callable[[], None]) -> None:
        try:
            if not self._is_stopped:
                work()
        except RootkeeperError as error:
            self.report(error.message)
        finally:
            with self._changed:
                self._keys.discard(key)
                self._changed.notify_all()


def start_keyed_executor(size: int, name: str, report: Callable[[str], None]) -> KeyedExecutor:
    """A crew of that many threads; what none of us foresaw is told, too."""

    def deliver(done: WorkResult[None]) -> None:
        if done.error is not None:
            report(f"ALERT: an unexpected {type(done.error).__name__} in {name}: {done.error}")

    return KeyedExecutor(WorkerThreads[None](size, f"rootkeeper-{name}", deliver).begin, report)
