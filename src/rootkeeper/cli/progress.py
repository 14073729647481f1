"""Progress on stderr, as a bar on a terminal or as lines elsewhere; and the countdown of recovery windows."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from rootkeeper.cli.rendering.listings import counted, render_findings, render_length, render_timestamp
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.progress import Progress
from rootkeeper.untrusted_text import printable
from rootkeeper.windows.rules import RecoveryWindow

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID
    from rich.status import Status


_SECONDS_BETWEEN_LINES = 5.0
_LISTING = "Listing accounts"
_SECONDS_BEFORE_RATE = 1.0
"""A rate over less time means nothing."""

Monotonic = Callable[[], float]


def open_progress(terminal: Terminal) -> Progress:
    """Choose the progress that fits stderr."""
    return BarProgress(terminal) if terminal.remarks.is_terminal else LineProgress(terminal)


@dataclass(slots=True)
class ProgressRate:
    """The counts since a start, and the rate and estimate that follow."""

    started_at: float
    total: int | None = None
    done: int = 0
    present: int = 0
    unknown: int = 0
    unread: int = 0
    listed: int = 0
    """The accounts of the organization, while they are listed."""

    def find_rate(self, now: float) -> float | None:
        """Accounts a second; ``None`` while it isn't known."""
        passed = now - self.started_at
        return self.done / passed if self.done and passed >= _SECONDS_BEFORE_RATE else None

    def find_seconds_left(self, now: float) -> float | None:
        """An estimate from the rate so far; ``None`` if the total or the rate isn't known."""
        rate = self.find_rate(now)
        if rate is None or self.total is None:
            return None
        return max(0, self.total - self.done) / rate


class CountedProgress(ABC):
    """The common part of a bar and lines. Several threads can advance it."""

    def __init__(self, terminal: Terminal, monotonic: Monotonic = time.monotonic) -> None:
        self._terminal = terminal
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._pace = ProgressRate(0.0)

    def set_total(self, total: int) -> None:
        with self._lock:
            self._pace.total = total

    def set_listed(self, count: int) -> None:
        if not self._has_started:
            self.start(_LISTING, None)
        with self._lock:
            self._pace.listed = count
            self._update()

    def advance(self, *, present: int = 0, unknown: int = 0, unread: int = 0) -> None:
        with self._lock:
            self._pace.done += 1
            self._pace.present += present
            self._pace.unknown += unknown
            self._pace.unread += unread
            self._update()

    def remark(self, text: str) -> None:
        self._terminal.remark(text)

    @abstractmethod
    def start(self, label: str, total: int | None) -> None: ...

    @property
    @abstractmethod
    def _has_started(self) -> bool: ...

    @abstractmethod
    def _update(self) -> None: ...


class BarProgress(CountedProgress):
    """A bar, with rate, estimate and findings beside it."""

    _bar: Bar | None = None
    _task: TaskID | None = None

    def start(self, label: str, total: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self.finish()
        self._pace = ProgressRate(self._monotonic(), total)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[beside]}"),
            console=self._terminal.remarks,
            transient=True,
        )
        self._task = self._bar.add_task(printable(label), total=total, beside="")
        self._bar.start()

    def set_total(self, total: int) -> None:
        with self._lock:
            self._pace.total = total
            self._update()

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def beside(self) -> str:
        """The text beside the bar."""
        return render_pace(self._pace, self._monotonic())

    @property
    def _has_started(self) -> bool:
        return self._bar is not None

    def _update(self) -> None:
        if self._bar is not None and self._task is not None:
            pace = self._pace
            self._bar.update(self._task, completed=pace.done, total=pace.total, beside=self.beside)


class LineProgress(CountedProgress):
    """A line every few seconds and at the end."""

    _label = ""
    _next_line_at = 0.0

    def start(self, label: str, total: int | None) -> None:
        self.finish()
        self._label, self._pace = label, ProgressRate(self._monotonic(), total)
        self._next_line_at = self._monotonic() + _SECONDS_BETWEEN_LINES

    def finish(self) -> None:
        is_listing = self._pace.total is None and self._pace.done == 0 and self._pace.listed > 0
        if self._label and self._pace.total != 0 and not is_listing:
            self._write_line(has_ended=True)
        self._label = ""

    @property
    def _has_started(self) -> bool:
        return self._label != ""

    def _update(self) -> None:
        if self._monotonic() >= self._next_line_at:
            self._next_line_at = self._monotonic() + _SECONDS_BETWEEN_LINES
            self._write_line()

    def _write_line(self, *, has_ended: bool = False) -> None:
        pace = self._pace
        if pace.total is not None:
            done = [f"{pace.done:,} of {pace.total:,}"]
        else:
            done = [] if pace.listed and not pace.done else [counted(pace.done, "done", "done")]
        beside = render_pace(pace, self._monotonic(), has_ended=has_ended)
        self._terminal.remark(f"{self._label}: {', '.join([*done, beside] if beside else done)}")


def render_pace(pace: ProgressRate, now: float, *, has_ended: bool = False) -> str:
    """Such as ``12.5/s, about 1m 20s left, 3 present, 1 unknown``, without parts that aren't known yet."""
    rate, left = pace.find_rate(now), pace.find_seconds_left(now)
    parts = [f"{pace.listed:,} listed"] if pace.listed and pace.total is None else []
    if rate is not None:
        parts.append(f"{rate:,.1f}/s")
    if left is not None and left >= 1 and not has_ended:
        parts.append(f"about {render_seconds(left)} left")
    findings = render_findings(pace.present, pace.unknown, pace.unread)
    return ", ".join([*parts, findings] if findings else parts)


def render_seconds(seconds: float) -> str:
    """Such as ``45s``, ``2m 5s`` or ``1h 3m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"


class Countdown:
    """Counts to the end of recovery windows while entered, on a terminal only; each ``tick`` updates it.

    Several threads can use it, each for its window.
    """

    def __init__(self, terminal: Terminal, now: Callable[[], datetime]) -> None:
        self._terminal = terminal
        self._now = now
        self._lock = threading.Lock()
        self._windows: dict[str, RecoveryWindow] = {}
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._windows.clear()
            self._update()

    def tick(self) -> bool:
        """Update it; always ``False``, so that it can precede the question whether to stop."""
        with self._lock:
            self._update()
        return False

    def show(self, window: RecoveryWindow) -> None:
        """Count to the end of the window, which may have been extended."""
        with self._lock:
            self._windows[window.window_id] = window
            self._update()

    def hide(self, window: RecoveryWindow) -> None:
        """Count to its end no more."""
        with self._lock:
            self._windows.pop(window.window_id, None)
            self._update()

    def _update(self) -> None:
        if not self._terminal.remarks.is_terminal:
            return
        if not self._windows:
            if self._status is not None:
                self._status.stop()
                self._status = None
            return
        if self._status is None:
            self._status = self._terminal.remarks.status(self._text(), spinner="dots")
            self._status.start()
        self._status.update(self._text())

    def _text(self) -> str:
        now = self._now()
        end = min(window.expires_at or now for window in self._windows.values())
        closes, stopped = "Closes", "it"
        if len(self._windows) > 1:
            closes, stopped = f"{len(self._windows)} windows are open. The first closes", "them all"
        return f"{closes} in {render_length(end - now)}, at {render_timestamp(end)}. Ctrl-C closes {stopped} now."
