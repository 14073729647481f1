"""A command line that runs while the test continues: it can be watched, and asked to stop."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.forked import ForkedProcess
from tests.functional.running import SECONDS, Program, Run

_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class BackgroundRun:
    """One run without a terminal."""

    process: ForkedProcess
    folder: Path

    @property
    def stdout(self) -> str:
        """What it has written so far."""
        return (self.folder / "stdout").read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return (self.folder / "stderr").read_text(encoding="utf-8")

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait while it runs."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert self.process.poll() is None, f"it ended before:\n{self.stdout}\n{self.stderr}"
            assert time.monotonic() < end, f"it takes too long:\n{self.stdout}\n{self.stderr}"
            time.sleep(_LOOK_SECONDS)

    def wait_for(self, words: str) -> None:
        """Wait until it says so on stderr."""
        self.wait_until(lambda: words in self.stderr)

    def ask_to_stop(self) -> None:
        """What Ctrl-C sends."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> Run:
        """Wait for its end."""
        return Run(self.process.wait(SECONDS), self.stdout, self.stderr)


@contextmanager
def in_background(program: Program, *arguments: str | Path, **changes: str | None) -> Iterator[BackgroundRun]:
    """Start a command line; it is killed at the end if it still runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            words = [str(argument) for argument in arguments]
            process = ForkedProcess.start(words, program.surroundings(changes), stdout=stdout, stderr=stderr)
        try:
            yield BackgroundRun(process, folder)
        finally:
            process.kill()
            process.wait()
