"""The command line in forked processes, as tests see it: start, look, wait."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from tests.functional.promises.forked_program import Order
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
        assert not self._thread.is_alive(), "somebody keeps the output open"
        return self.text

    def _read(self) -> None:
        with os.fdopen(self._readable, "rb", buffering=0) as pipe:
            while piece := pipe.read(65536):
                self._pieces.append(piece)


class ForkedRun:
    """A run that goes on."""

    def __init__(self, report: socket.socket, stdout: _Reader, stderr: _Reader) -> None:
        self._report = report
        self._outputs = (stdout, stderr)
        self._has_ended = False
        self.pid: int = self._hear()["pid"]

    @property
    def remarks(self) -> str:
        """What stderr has got so far."""
        return self._outputs[1].text

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ends_within(self, seconds: float) -> bool:
        """Wait so long for its end."""
        return bool(select.select([self._report], [], [], seconds)[0])

    def kill(self) -> None:
        """End it, if it goes on."""
        if not self._has_ended:
            self.signal(signal.SIGKILL)
            self.wait()

    def wait(self, seconds: float = SECONDS) -> Run:
        """Its end, which must come within ``seconds``; else it is killed, lest it disturb the tests that follow."""
        is_late = not self.ends_within(seconds)
        if is_late:
            self.signal(signal.SIGKILL)
        with self._report:
            status = self._hear()["status"]
        self._has_ended = True
        stdout, stderr = (output.finish() for output in self._outputs)
        run = Run(status, stdout, stderr)
        assert not is_late, f"it doesn't end within {seconds} seconds:\n{run.shown}"
        return run

    def _hear(self) -> dict[str, int]:
        heard: dict[str, int] = json.loads(self._report.recv(1000) or "{}")
        return heard


class ForkingProgram:
    """The process that forks the runs."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[ForkingProgram]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.functional.promises.forked_program"]
        with subprocess.Popen(command, stdin=theirs.fileno()) as process:
            theirs.close()
            with ours:
                yield cls(ours)
            process.wait(SECONDS)

    def begin(
        self, argv: list[str], environment: Mapping[str, str], terminal: int | None = None, **how: Any
    ) -> ForkedRun:
        """Start a run; ``how`` are further fields of an order. At a ``terminal`` all three streams are that."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(SECONDS)
        stdout, stderr = _Reader(), _Reader()
        nothing = os.open(os.devnull, os.O_RDONLY)
        streams = [nothing, stdout.writable, stderr.writable] if terminal is None else [terminal] * 3
        message = json.dumps(asdict(Order(argv, dict(environment), **how))).encode()
        socket.send_fds(self._orders, [message], [*streams, theirs.fileno()])
        theirs.close()
        for file in (nothing, stdout.writable, stderr.writable):
            os.close(file)
        return ForkedRun(ours, stdout, stderr)
