"""Processes of the product and of the sandbox, forked from one that has imported them: started, watched, ended.

with ForkedProcess.start(["serve", "--port", "0"], environment, stdout=log, stderr=log) as process:
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from typing import IO, Any

from tests.forked_program import PRODUCT, Order

SECONDS = 100


class ForkedProcess:
    """A run of the product or the sandbox; behaves as ``subprocess.Popen`` does."""

    def __init__(self, report: socket.socket) -> None:
        self._report = report
        self.returncode: int | None = None
        self.pid: int = self._receive()["pid"]

    @classmethod
    def start(
        cls,
        argv: list[str],
        environment: Mapping[str, str],
        *,
        stdin: int | None = None,
        stdout: IO[Any] | int,
        stderr: IO[Any] | int,
        module: str = PRODUCT,
        **how: Any,
    ) -> ForkedProcess:
        """Start a run; ``how`` are further fields of an order. Without ``stdin`` it reads nothing."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(SECONDS)
        nothing = os.open(os.devnull, os.O_RDONLY)
        streams = [nothing if stdin is None else stdin, _number_of(stdout), _number_of(stderr)]
        message = json.dumps(asdict(Order(argv, dict(environment), module, **how))).encode()
        socket.send_fds(_open_orders(), [message], [*streams, theirs.fileno()])
        theirs.close()
        os.close(nothing)
        return cls(ours)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def ends_within(self, seconds: float) -> bool:
        """Wait so long for its end."""
        return self.returncode is not None or bool(select.select([self._report], [], [], seconds)[0])

    def poll(self) -> int | None:
        if self.returncode is None and self.ends_within(0):
            self.returncode = self._receive()["status"]
            self._report.close()
        return self.returncode

    def wait(self, timeout: float = SECONDS) -> int:
        """:raises subprocess.TimeoutExpired: if it doesn't end in time."""
        if not self.ends_within(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        status = self.poll()
        assert status is not None
        return status

    def _receive(self) -> dict[str, int]:
        received: dict[str, int] = json.loads(self._report.recv(1000) or "{}")
        return received


def run_forked(
    argv: list[str], environment: Mapping[str, str], *, timeout: float = SECONDS, **how: Any
) -> subprocess.CompletedProcess[str]:
    """Run one command line to its end, as ``subprocess.run`` does.

    :raises subprocess.TimeoutExpired: if it takes too long; it is killed then.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = ForkedProcess.start(argv, environment, stdout=stdout, stderr=stderr, **how)
        try:
            status = process.wait(timeout)
        finally:
            process.kill()
        for stream in (stdout, stderr):
            stream.seek(0)
        return subprocess.CompletedProcess(argv, status, stdout.read().decode(), stderr.read().decode())


def _number_of(stream: IO[Any] | int) -> int:
    return stream if isinstance(stream, int) else stream.fileno()


@cache
def _open_orders() -> socket.socket:
    """The way to the process that forks; it starts when the first run is asked for, and ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen([sys.executable, "-m", "tests.forked_program"], stdin=theirs.fileno())
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(SECONDS)

    atexit.register(end)
    return ours
