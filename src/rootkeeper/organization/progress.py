"""How a use case reports its progress, and how it learns that it must stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rootkeeper.clock import Clock

INTERRUPTED_REMARK = "Interrupted: finishing the accounts in progress. Interrupt again to stop now."


class Progress(Protocol):
    """Receives progress from many threads; never raises."""

    def start(self, label: str, total: int | None) -> None:
        """Begin; ``total`` is ``None`` if it isn't known yet."""
        ...

    def set_total(self, total: int) -> None:
        """Set a total that becomes known later, such as when the last account is listed."""
        ...

    def set_listed(self, count: int) -> None:
        """Show how many accounts are listed so far. A progress that hasn't started shows the listing alone."""
        ...

    def advance(self, *, present: int = 0, unknown: int = 0, unread: int = 0) -> None:
        """Count an account that is done; ``present``, ``unknown`` and ``unread`` add to their counts."""
        ...

    def remark(self, text: str) -> None:
        """Show a line to the operator, beside the data."""
        ...

    def finish(self) -> None: ...


@dataclass
class RemarkProgress:
    """Implements ``Progress`` for work that no one watches: only its remarks go anywhere."""

    write_remark: Callable[[str], None]

    def start(self, label: str, total: int | None) -> None:
        """Do nothing."""

    def set_total(self, total: int) -> None:
        """Do nothing."""

    def set_listed(self, count: int) -> None:
        """Do nothing."""

    def advance(self, *, present: int = 0, unknown: int = 0, unread: int = 0) -> None:
        """Do nothing."""

    def remark(self, text: str) -> None:
        self.write_remark(text)

    def finish(self) -> None:
        """Do nothing."""


class StopSignal(Protocol):
    """Says whether a run must stop. Cheap, for many threads; never raises."""

    def asked_once(self) -> bool:
        """Whether to begin nothing new. Calls in flight end and are recorded."""
        ...

    def asked_twice(self) -> bool:
        """Whether to stop now: no further call is sent, and nothing is waited for."""
        ...

    def wait(self, seconds: float) -> bool:
        """Pause; return true, at once, when asked to stop."""
        ...


@dataclass(frozen=True, slots=True)
class NullStopSignal:
    """Implements ``StopSignal``: never asks to stop."""

    clock: Clock

    def asked_once(self) -> bool:
        return False

    def asked_twice(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.clock.sleep(seconds)
        return False


class ServerStopSignal:
    """Implements ``StopSignal`` for all work in a server that shuts down."""

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
