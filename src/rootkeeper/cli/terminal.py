"""The streams of a command, signals, and text files that a user names to be read.

Data goes to stdout, everything else to stderr. Colour is used only on a terminal and honours ``NO_COLOR``. Elsewhere no
line is wrapped or cut, so that a pipe gets whole values.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import getpass
import io
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self, TextIO

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.wrapping import wrap_text
from rootkeeper.errors import InputError
from rootkeeper.untrusted_text import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


_UNWRAPPED_WIDTH = 10_000
_ESCAPING = "rootkeeper.escape"
"""The name of the error handler below."""


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Write a character that the stream's encoding lacks as JSON does, so that JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True)), error.end


codecs.register_error(_ESCAPING, _escape)


def prepare_streams() -> None:
    """Make stdout and stderr accept any text in any encoding, and let each line leave at once, also into a pipe.

    A closed stream is opened, so that no file gets its number: stdout in a way that refuses the answer, the others on
    nothing.
    """
    for number, (name, mode, flags) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - a number; it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPING, line_buffering=True)


_STREAMS = (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY))


class OutputLostError(Exception):
    """The answer can't be written: the disk is full, or the reader is gone.

    No OSError, because Click takes a broken pipe for its own affair and ends with 1.
    """

    def __init__(self, output: str, cause: OSError) -> None:
        super().__init__(output, cause)
        self.output = output
        """``stdout``, or the path of a file."""
        self.cause = cause
        self.status = 0
        """The command's exit status, if its work was done before."""

    @property
    def reader_is_gone(self) -> bool:
        return self.cause.errno == errno.EPIPE


class Terminal:
    """Where a command writes and asks.

    :raises OutputLostError: from every method that writes data, if stdout can't take it.
    """

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
        """Whether a person can answer: questions go to stderr, answers come from stdin."""
        return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    @property
    def shows_output(self) -> bool:
        """Whether a person sees stdout; otherwise a pipe, a file or a journal takes it."""
        return _is_terminal(sys.stdout)

    def write(self, text: str) -> None:
        """Write data as it is."""
        with _losing_output():
            sys.stdout.write(text)

    def write_bytes(self, parts: Iterable[bytes]) -> None:
        """Write the parts of a file as they are."""
        with _losing_output():
            sys.stdout.flush()
            for part in parts:
                sys.stdout.buffer.write(part)

    def show(self, *renderables: RenderableType) -> None:
        """Write data for people."""
        with _losing_output():
            for renderable in renderables:
                _print(renderable, self.output)

    @contextmanager
    def showing_result(self, status: int) -> Iterator[None]:
        """Let a failed change end with its own exit status, also if its result can't be shown."""
        try:
            yield
        except OutputLostError as error:
            error.status = status
            raise

    def finish(self) -> None:
        """Flush stdout."""
        with _losing_output():
            sys.stdout.flush()

    def remark(self, text: str = "", style: str | None = None) -> None:
        """Write a line to stderr; a hint in the words of the command line. If stderr can't take it, it is lost."""
        try:
            _print(printable(render_hint(text) or ""), self.remarks, style)
        except OSError:
            discard(sys.stderr)

    def ask(self, question: str) -> str:
        """Get a line from the person; empty at the end of input."""
        self.remarks.print(printable(question), end=" ", style="bold", soft_wrap=not self.remarks.is_terminal)
        return sys.stdin.readline().strip()

    def ask_secret(self, question: str, what: str, hint: str) -> str:
        """Get a line that isn't shown while it is typed.

        :param what: names it for the error, such as ``password``.
        :param hint: how else it can be given.
        :raises InputError: if it would be shown, or the input ends.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            try:
                return getpass.getpass(f"{printable(question)} ", stream=sys.stderr)
            except (EOFError, getpass.GetPassWarning) as error:
                raise InputError(f"The {what} can't be typed here without being shown.", hint=hint) from error

    def _open_console(self, stream: TextIO) -> Console:
        from rich.console import Console

        class PlainConsole(Console):
            def on_broken_pipe(self) -> None:
                raise  # Rich would end the program with 1

        settings: dict[str, Any] = {"width": _UNWRAPPED_WIDTH, "no_color": True}
        if _is_terminal(stream):
            columns = self._environment.get("COLUMNS", "")  # Rich takes 80 for it on a dumb terminal
            settings = {"width": int(columns), "height": 25} if columns.isdecimal() and int(columns) else {}
        return PlainConsole(
            file=stream,
            highlight=False,
            markup=False,
            emoji=False,
            force_terminal=_is_terminal(stream),
            _environ=self._environment,
            **settings,
        )


def _print(renderable: RenderableType, console: Console, style: str | None = None) -> None:
    """Write it in lines that fit a terminal, as far as no identifier is broken."""
    from rich.text import Text

    text = Text(renderable, style=style or "") if isinstance(renderable, str) else renderable
    if isinstance(text, Text):
        console.print(wrap_text(text, console.width) if console.is_terminal else text, soft_wrap=True)
    else:
        console.print(text, crop=False)


@contextlib.contextmanager
def _losing_output() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputLostError("stdout", error) from error


def discard(stream: TextIO) -> None:
    """Let a stream that can't be written take everything, also what it still holds, so that Python's end is quiet."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


LARGEST_BYTES = 256 * 2**20
"""More than any log file of a trail. A device or an endless pipe stops here."""


def read_text_file(path: Path) -> str:
    """Read the whole file; ``-`` is stdin.

    :raises InputError: if it can't be read, isn't UTF-8 or is too large.
    """
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(LARGEST_BYTES + 1)
        else:
            with path.open("rb") as source:
                content = source.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise InputError(f"{path} is larger than {LARGEST_BYTES:,} bytes.", hint="Split it into smaller files.")
        return content.decode("utf-8")
    except OSError as error:
        raise InputError(
            f"{path} can't be read: {error.strerror}.", hint="Name a readable file, or - for stdin."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} isn't UTF-8 text: {error}.", hint="Decompress a log file of a trail first."
        ) from error


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STEP_SECONDS = 0.1


@contextmanager
def as_interrupts(*signals: signal.Signals) -> Iterator[None]:
    """Make these signals act like Ctrl-C, so that a command ends in the same orderly way."""
    previous = {number: signal.signal(number, signal.default_int_handler) for number in signals}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class StopRequests:
    """Counts signals that ask to stop, while entered; implements the port StopSignal."""

    def __init__(self) -> None:
        self.count = 0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._take) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def asked_once(self) -> bool:
        """Whether to stop waiting, and to begin nothing new."""
        return self.count >= 1

    def asked_twice(self) -> bool:
        """Whether to stop retrying, or to stop now."""
        return self.count >= 2

    def wait(self, seconds: float) -> bool:
        """Pause; true at once when asked to stop. It polls, because a signal handler must not release a lock."""
        ends = time.monotonic() + seconds
        while not self.asked_once() and (left := ends - time.monotonic()) > 0:
            time.sleep(min(_STEP_SECONDS, left))
        return self.asked_once()

    def _take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape is Python's
        self.count += 1
