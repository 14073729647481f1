"""Threads that do work handed to them, and an executor that does each key once at a time.

The standard pool's threads keep a process alive until the last of them ends. These don't, so a process that must stop
now doesn't wait for them. Work that they leave undone is an intent without an outcome, which the next command settles.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from rootkeeper.errors import RootkeeperError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkResult(Generic[T]):
    """The result of a piece of work, or its unexpected error."""

    result: T | None
    error: BaseException | None

    def get(self) -> T:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # without an error there is a result


class WorkerThreads(Generic[T]):
    """A fixed number of threads; results come in the order in which they are ready."""

    def __init__(self, count: int, name: str, deliver: Callable[[WorkResult[T]], None] | None = None) -> None:
        """:param deliver: receives each result in its thread; without it, results wait for ``take_done``."""
        self._waiting: queue.SimpleQueue[Callable[[], T] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[WorkResult[T]] = queue.SimpleQueue()
        self._deliver = deliver or self._done.put
        self._count = count
        for number in range(count):
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True).start()

    def begin(self, work: Callable[[], T]) -> None:
        """Hand work to the next free thread."""
        self._waiting.put(work)

    def take_done(self, wait_seconds: float) -> list[T]:
        """Take all results that are ready; wait for the first result at most ``wait_seconds``."""
        found: list[T] = []
        try:
            found.append(self._done.get(timeout=wait_seconds).get())
            while True:
                found.append(self._done.get_nowait().get())
        except queue.Empty:
            return found

    def close(self) -> None:
        """End each thread after its current work; doesn't wait for them."""
        for _ in range(self._count):
            self._waiting.put(None)

    def _serve(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                done = WorkResult(work(), None)
            except BaseException as error:  # noqa: BLE001 - the job runner: ``get`` raises it
                done = WorkResult(None, error)
            self._deliver(done)


def begin_in_thread(
    name: str, work: Callable[[], T], deliver: Callable[[WorkResult[T]], None] | None = None
) -> WorkerThreads[T]:
    """Begin the work in a thread of its own, which ends after it."""
    threads = WorkerThreads[T](1, name, deliver)
    threads.begin(work)
    threads.close()
    return threads


Begin = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class KeyedExecutor:
    """Does work in other threads, at most one piece for each key at a time."""

    begin: Begin
    """Hands a piece of work to another thread."""
    report: Callable[[str], None]
    """Receives the error message of a piece of work that failed."""
    _keys: set[str] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _is_stopped: bool = False

    def offer(self, key: str, work: Callable[[], None]) -> bool:
        """Begin the work; ``False`` if work for that key is waiting or running, or the executor was stopped."""
        with self._changed:
            if self._is_stopped or key in self._keys:
                return False
            self._keys.add(key)
        self.begin(partial(self._perform, key, work))
        return True

    def count(self) -> int:
        """Count the pieces of work that are waiting or running."""
        return len(self._keys)

    def stop(self) -> None:
        """Begin nothing more, not even waiting work; returns at once."""
        self._is_stopped = True

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no work is running; ``False`` if that takes longer."""
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
    """Start an executor of ``size`` threads, which also reports unexpected errors."""

    def deliver(done: WorkResult[None]) -> None:
        if done.error is not None:
            report(f"ALERT: an unexpected {type(done.error).__name__} in {name}: {done.error}")

    return KeyedExecutor(WorkerThreads[None](size, f"rootkeeper-{name}", deliver).begin, report)
