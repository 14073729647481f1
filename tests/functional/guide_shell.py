"""Runs the console blocks of README and guides as a person types them: in one shell, at a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import textwrap
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 90
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BLOCK = re.compile(r"^([ ]*)```console\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
_QUESTION = re.compile(r"(?:\[y/N\]|Type (?P<typed>o-\w+) to continue:|One-time password sent to (?P<mailed>\S+):)\s*$")


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
    read_mail: Callable[[str], str]
    raw: str = ""
    _answered_up_to: int = 0

    @property
    def text(self) -> str:
        return _ESCAPE.sub("", self.raw).replace("\r", "")

    def end(self) -> int:
        """Read and answer to the end, and return the exit status."""
        while self._read():
            pass
        os.close(self.terminal)
        return self.process.wait(SECONDS)

    def wait_for(self, shown: str) -> None:
        """Read and answer until a text is shown."""
        while shown not in self.text:
            assert self._read(), f"{self.command}\nended before {shown!r} was shown:\n{self.text}"

    def interrupt(self) -> int:
        """Press Ctrl-C once, and read to the end."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        return self.end()

    def _read(self) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], SECONDS)
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
            answer = self.read_mail(found["mailed"]) if found["mailed"] else found["typed"] or "y"
            os.write(self.terminal, f"{answer}\n".encode())


@dataclass(slots=True)
class GuideShell:
    """A shell that keeps its exported variables from one command to the next."""

    folder: Path
    environment: Mapping[str, str]
    read_mail: Callable[[str], str]
    """Returns the one-time password that an address was sent."""
    waiting: list[Typed] = field(default_factory=list)
    """Commands that don't end by themselves yet, such as a recovery that waits."""

    def start(self, command: str) -> Typed:
        state = self.folder / "exported"
        script = f'[ -e {state} ] && . {state}\n{command}\nstatus=$?\nexport -p > {state}\nexit "$status"\n'
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["/bin/bash", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        return Typed(command, process, ours, self.read_mail)

    def run(self, command: str) -> tuple[int, str]:
        typed = self.start(command)
        return typed.end(), typed.text

    def leave_waiting(self, command: str, shown: str) -> None:
        """Start a command and read until it waits."""
        typed = self.start(command)
        typed.wait_for(shown)
        self.waiting.append(typed)

    def interrupt_all(self) -> None:
        for typed in self.waiting:
            typed.interrupt()
        self.waiting.clear()
