"""How long a recovery window still lasts, as a line that changes in place; only on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rootkeeper.cli.rendering.text import render_length, render_timestamp
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.ports.clock import Clock

if TYPE_CHECKING:
    from rich.status import Status


class Countdown:
    """Shown from entering to leaving; each ``tick`` brings it up to date."""

    def __init__(self, terminal: Terminal, window: RecoveryWindow, clock: Clock) -> None:
        self._terminal = terminal
        self._window = window
        self._clock = clock
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._terminal.remarks.is_terminal:
            self._status = self._terminal.remarks.status(self._text(), spinner="dots")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tick(self) -> bool:
        """Always false, so that it can stand before the question whether to stop."""
        if self._status is not None:
            self._status.update(self._text())
        return False

    def show(self, window: RecoveryWindow) -> None:
        """Count to the end of the window as it stands now: it may have been prolonged."""
        self._window = window

    def _text(self) -> str:
        end = self._window.expires_at or self._clock.now()
        left = render_length(end - self._clock.now())
        return f"Closes in {left}, at {render_timestamp(end)}. Ctrl-C closes it now."


def open_countdown(terminal: Terminal, window: RecoveryWindow, clock: Clock) -> Countdown:
    """A countdown to the window's end."""
    return Countdown(terminal, window, clock)
