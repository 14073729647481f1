"""Runs the console blocks of README and guides as a person types them: in one shell, at a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

SECONDS = 90
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BLOCK = re.compile(r"^([ ]*)```console\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
_QUESTION = re.compile(
    r"(?:\[y/N\]|Type (?P<typed>o-\w+) to continue:|One-time password sent to (?P<mailed>\S+):"
    r"|(?:New password for|Password of) [^\n]+:|The same password again:|Code of your authenticator app:)\s*$"
)


def list_commands(page: Path) -> list[str]:
    """List the command lines of a page's console blocks, in order; a line that ends with a backslash continues."""
    commands: list[str] = []
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        lines = iter(textwrap.dedent(block[2]).splitlines())
        for line in lines:
            if line.startswith("$ "):
                command = line.removeprefix("$ ")
                while command.endswith("\\"):
                    command = f"{command}\n{next(lines)}"
                commands.append(command)
    return commands


@dataclass(slots=True)
class Typed:
    """One command line at a terminal."""

    command: str
    process: subprocess.Popen[bytes]
    terminal: int
    answer: Callable[[re.Match[str]], str]
    raw: str = ""
    _answered_up_to: int = 0
    _reader: Thread | None = None

    @property
    def text(self) -> str:
        return _ESCAPE.sub("", self.raw).replace("\r", "")

    def keep_reading(self) -> None:
        """Read in the background from now on, because a program that logs would wait for a full terminal."""
        self._reader = Thread(target=self._read_to_the_end, daemon=True)
        self._reader.start()

    def end(self) -> int:
        """Read and answer to the end, and return the exit status."""
        if self._reader is not None:
            self._reader.join(SECONDS)
            assert not self._reader.is_alive(), f"{self.command}\ndoesn't end:\n{self.text}"
        else:
            self._read_to_the_end()
        os.close(self.terminal)
        return self.process.wait(SECONDS)

    def wait_for(self, shown: str) -> None:
        """Read and answer until a text is shown."""
        while shown not in self.text:
            assert self._read(), f"{self.command}\nended before {shown!r} was shown:\n{self.text}"

    def interrupt(self) -> int:
        """Press Ctrl-C once, and read to the end; a stopped process continues, to notice it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
            os.killpg(self.process.pid, signal.SIGCONT)
        return self.end()

    def _read_to_the_end(self) -> None:
        while self._read():
            pass

    def _read(self) -> bool:
        patience = None if self._reader else SECONDS
        ready, _, _ = select.select([self.terminal], [], [], patience)
        assert ready, f"{self.command}\nshows nothing more:\n{self.text}"
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # Linux: the other end is closed
            return False
        self.raw += data.decode(errors="replace")
        self._answer()
        return bool(data)

    def _answer(self) -> None:
        found = _QUESTION.search(self.text, self._answered_up_to)
        if found:
            self._answered_up_to = len(self.text)
            os.write(self.terminal, f"{self.answer(found)}\n".encode())


def type_command(
    command: str, argv: Sequence[str], environment: Mapping[str, str], answer: Callable[[re.Match[str]], str]
) -> Typed:
    """Run a program at a terminal of its own.

    :param answer: gives what a person types when the program asks.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        argv, env=dict(environment), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    return Typed(command, process, ours, answer)
