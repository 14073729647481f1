"""Threads that work off what they are given, and that a process which was told to stop now needn't wait for.

The standard pool's threads keep a process alive until the last of them ends; these don't. What they leave undone is
an intent without an outcome, which the next command settles.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkResult(Generic[T]):
    """What came of one piece of work: a result, or an error that nobody foresaw."""

    result: T | None
    error: BaseException | None

    def get(self) -> T:
        """The result; raises the error."""
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # without an error there is a result


class WorkerThreads(Generic[T]):
    """A fixed number of threads; results come in the order in which they are done."""

    def __init__(self, count: int, name: str, deliver: Callable[[WorkResult[T]], None] | None = None) -> None:
        """:param deliver: told each result, by the thread that has it; without it they wait for ``take_done``."""
        self._waiting: queue.SimpleQueue[Callable[[], T] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[WorkResult[T]] = queue.SimpleQueue()
        self._deliver = deliver or self._done.put
        self._count = count
        for number in range(count):
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True).start()

    def begin(self, work: Callable[[], T]) -> None:
        """Have it done by the next thread that is free."""
        self._waiting.put(work)

    def take_done(self, wait_seconds: float) -> list[T]:
        """Everything that is done by now; waits for the first, but not for ever."""
        found: list[T] = []
        try:
            found.append(self._done.get(timeout=wait_seconds).get())
            while True:
                found.append(self._done.get_nowait().get())
        except queue.Empty:
            return found

    def close(self) -> None:
        """Let each thread end after what it is doing; doesn't wait for it."""
        for _ in range(self._count):
            self._waiting.put(None)

    def _serve(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                done = WorkResult(work(), None)
            except BaseException as error:  # noqa: BLE001 - the job runner: whoever takes the result raises it
                done = WorkResult(None, error)
            self._deliver(done)
