"""The command line in forked processes, as tests see it: start, look, wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from tests.forked import ForkedProcess
from tests.functional.running import Run

SECONDS = 100


class _Reader:
    """Everything that comes out of one end of a pipe."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._readable, self.writable = os.pipe()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        return b"".join(self._pieces).decode(errors="replace")

    def finish(self) -> str:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "a process keeps the output open"
        return self.text

    def _read(self) -> None:
        with os.fdopen(self._readable, "rb", buffering=0) as pipe:
            while piece := pipe.read(65536):
                self._pieces.append(piece)


class ForkedRun:
    """A run that may go on while the test looks at it."""

    def __init__(self, process: ForkedProcess, stdout: _Reader, stderr: _Reader) -> None:
        self._process = process
        self._outputs = (stdout, stderr)
        self.pid = process.pid

    @property
    def remarks(self) -> str:
        """What stderr has got so far."""
        return self._outputs[1].text

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ends_within(self, seconds: float) -> bool:
        """Wait so long for its end."""
        return self._process.ends_within(seconds)

    def kill(self) -> None:
        """End it, if it runs."""
        if self._process.returncode is None:
            self._process.kill()
            self.wait()

    def wait(self, seconds: float = SECONDS) -> Run:
        """Its end, which must come within ``seconds``; else it is killed, lest it disturb the tests that follow."""
        is_late = not self.ends_within(seconds)
        if is_late:
            self._process.kill()
        status = self._process.wait()
        stdout, stderr = (output.finish() for output in self._outputs)
        run = Run(status, stdout, stderr)
        assert not is_late, f"it doesn't end within {seconds} seconds:\n{run.shown}"
        return run


class ForkingProgram:
    """Starts runs."""

    def begin(
        self, argv: list[str], environment: Mapping[str, str], terminal: int | None = None, **how: Any
    ) -> ForkedRun:
        """Start a run; ``how`` are further fields of an order. At a ``terminal`` all three streams are that."""
        stdout, stderr = _Reader(), _Reader()
        streams = (None, stdout.writable, stderr.writable) if terminal is None else (terminal,) * 3
        process = ForkedProcess.start(
            argv, environment, stdin=streams[0], stdout=streams[1] or 1, stderr=streams[2] or 2, **how
        )
        for file in (stdout.writable, stderr.writable):
            os.close(file)
        return ForkedRun(process, stdout, stderr)
