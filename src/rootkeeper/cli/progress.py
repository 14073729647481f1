"""How far a command is, on stderr: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rootkeeper.cli.rendering.text import counted, printable
from rootkeeper.cli.terminal import Terminal
from rootkeeper.ports.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_SECONDS_BETWEEN_LINES = 5.0


def open_progress(terminal: Terminal) -> Progress:
    """The progress that fits where stderr goes."""
    return BarProgress(terminal) if terminal.remarks.is_terminal else LineProgress(terminal)


class BarProgress:
    """One bar, with findings beside it."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lock = threading.Lock()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._present = 0
        self._unknown = 0

    def start(self, label: str, total: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self.finish()
        self._present = self._unknown = 0
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[findings]}"),
            console=self._terminal.remarks,
            transient=True,
        )
        self._task = self._bar.add_task(printable(label), total=total, findings="")
        self._bar.start()

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        with self._lock:
            self._present += present
            self._unknown += unknown
            if self._bar is not None and self._task is not None:
                self._bar.update(self._task, advance=1, findings=spoken_findings(self._present, self._unknown))

    def remark(self, text: str) -> None:
        self._terminal.remark(text)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class LineProgress:
    """A line at the start, every few seconds, and at the end."""

    def __init__(self, terminal: Terminal, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._label = ""
        self._total: int | None = None
        self._done = self._present = self._unknown = 0
        self._next_line_at = 0.0

    def start(self, label: str, total: int | None) -> None:
        self.finish()
        self._label, self._total = label, total
        self._done = self._present = self._unknown = 0
        self._next_line_at = self._monotonic() + _SECONDS_BETWEEN_LINES

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        with self._lock:
            self._done += 1
            self._present += present
            self._unknown += unknown
            if self._monotonic() >= self._next_line_at:
                self._next_line_at = self._monotonic() + _SECONDS_BETWEEN_LINES
                self._terminal.remark(self._line())

    def remark(self, text: str) -> None:
        self._terminal.remark(text)

    def finish(self) -> None:
        if self._label:
            self._terminal.remark(self._line())
            self._label = ""

    def _line(self) -> str:
        done = f"{self._done:,} of {self._total:,}" if self._total is not None else counted(self._done, "done", "done")
        findings = spoken_findings(self._present, self._unknown)
        return f"{self._label}: {done}{f', {findings}' if findings else ''}"


def spoken_findings(present: int, unknown: int) -> str:
    """Such as ``3 present, 1 unknown``; empty without any."""
    return ", ".join(f"{count:,} {name}" for count, name in ((present, "present"), (unknown, "unknown")) if count)
