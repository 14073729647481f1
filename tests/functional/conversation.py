"""A person at a terminal: types answers into the program and reads what it shows."""

from __future__ import annotations

import os
import pty
import re
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.forked import ForkedProcess
from tests.functional.running import SECONDS, Program

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(slots=True)
class Conversation:
    """One run at a terminal, with stdin, stdout and stderr on it."""

    process: ForkedProcess
    terminal: int
    raw: str = ""
    _read_up_to: int = field(default=0)

    @property
    def text(self) -> str:
        """All that was shown, without escape sequences."""
        return _ESCAPE.sub("", self.raw)

    def wait_for(self, wanted: str) -> None:
        """Read until ``wanted`` is shown after what was waited for before."""
        end = time.monotonic() + SECONDS
        while wanted not in self.text[self._read_up_to :]:
            assert time.monotonic() < end, f"{wanted!r} isn't shown:\n{self.text}"
            assert self._read(), f"it ended before {wanted!r} was shown:\n{self.text}"
        self._read_up_to = self.text.index(wanted, self._read_up_to) + len(wanted)

    def type(self, line: str) -> None:
        os.write(self.terminal, f"{line}\n".encode())

    def end(self) -> int:
        """Read to the end and return the exit status."""
        while self._read():
            pass
        return self.process.wait(SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], SECONDS)
        assert ready, f"nothing more is shown:\n{self.text}"
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # Linux: the other end is closed
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)


@contextmanager
def converse(program: Program, *arguments: str, **changes: str) -> Iterator[Conversation]:
    """Start a command line at a terminal of 120 columns."""
    ours, theirs = pty.openpty()
    surroundings = program.surroundings({"TERM": "xterm-256color", "COLUMNS": "120"} | changes)
    process = ForkedProcess.start(list(arguments), surroundings, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        yield Conversation(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
