"""How a use case shows its progress and learns that it must stop.

How a use case tells how far it is.

How a use case learns that somebody wants it to stop.

Stop signals: one where nobody can ask to stop, and one that another thread gives.

Threads that work off what they are given, and that a process which was told to stop now needn't wait for.

The standard pool's threads keep a process alive until the last of them ends; these don't. What they leave undone is
an intent without an outcome, which the next command settles.

Work on several accounts at a time, each account by one thread at a time.

A loop that looks each second for work hands it over and goes on; what is under way or waiting isn't taken twice.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Protocol, TypeVar

from rootkeeper.clock import Clock
from rootkeeper.errors import RootkeeperError


class Progress(Protocol):
    """Told from many threads; never raises."""

    def start(self, label: str, total: int | None) -> None:
        """``total`` is ``None`` while it isn't known."""
        ...

    def set_total(self, total: int) -> None:
        """The total that has become known meanwhile, such as when the last account is listed."""
        ...

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        """One account is done; ``present`` and ``unknown`` count it."""
        ...

    def remark(self, text: str) -> None:
        """One line for the person, beside the data."""
        ...

    def finish(self) -> None: ...


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
