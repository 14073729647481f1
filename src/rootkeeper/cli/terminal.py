"""The two streams of a command: data on stdout, everything else on stderr.

Colour is used only on a terminal and honours ``NO_COLOR``; off a terminal lines are never wrapped or cut, so that a
pipe gets whole values.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from rootkeeper.cli.rendering.text import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_UNWRAPPED_WIDTH = 10_000


_ESCAPING = "rootkeeper.escape"
"""The name of the error handler below."""


def _escape(error: UnicodeError) -> tuple[str, int]:
    """What the stream's encoding lacks, as JSON writes it: so JSON stays JSON, and people see which one it is."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True)), error.end


codecs.register_error(_ESCAPING, _escape)


def prepare_streams() -> None:
    """Let stdout and stderr take any text, whatever their encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPING)


class OutputLostError(OSError):
    """stdout can't take the answer: its disk is full, or its reader has gone away."""


class Terminal:
    """Where a command writes and asks."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment

    @cached_property
    def output(self) -> Console:
        """For data."""
        return self._open_console(sys.stdout)

    @cached_property
    def remarks(self) -> Console:
        """For progress, prompts, remarks and errors."""
        return self._open_console(sys.stderr)

    @property
    def can_ask(self) -> bool:
        """Whether a person sits there: questions go to stderr, answers come from stdin."""
        return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    def write(self, text: str) -> None:
        """Data as it is.

        :raises OutputLostError: if stdout can't take it.
        """
        with _losing_output():
            sys.stdout.write(text)

    def show(self, *renderables: RenderableType) -> None:
        """Data for people.

        :raises OutputLostError: if stdout can't take it.
        """
        with _losing_output():
            for renderable in renderables:
                self.output.print(renderable, soft_wrap=isinstance(renderable, str) and not self.output.is_terminal)

    def finish(self) -> None:
        """Bring out what is still held back.

        :raises OutputLostError: if stdout can't take it.
        """
        with _losing_output():
            sys.stdout.flush()

    def remark(self, text: str = "", style: str | None = None) -> None:
        """One line beside the data."""
        self.remarks.print(printable(text), style=style, soft_wrap=not self.remarks.is_terminal)

    def ask(self, question: str) -> str:
        """One line from the person; empty at the end of input."""
        self.remarks.print(printable(question), end=" ", style="bold", soft_wrap=not self.remarks.is_terminal)
        return sys.stdin.readline().strip()

    def _open_console(self, stream: TextIO) -> Console:
        from rich.console import Console

        settings: dict[str, Any] = {} if _is_terminal(stream) else {"width": _UNWRAPPED_WIDTH, "no_color": True}
        return Console(
            file=stream,
            highlight=False,
            markup=False,
            emoji=False,
            force_terminal=_is_terminal(stream),
            _environ=self._environment,
            **settings,
        )


@contextlib.contextmanager
def _losing_output() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputLostError(error.errno, error.strerror) from error


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False
