"""A real server or worker as a process of its own: started, killed, stopped, paused and woken.

with ServerProcess.start(environment) as server:
    server.token("administrator", "ana")
    server.kill()
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.api_conformance import ensure_conforms
from tests.durations import Stopwatch
from tests.forked import ForkedProcess, run_forked
from tests.forked_program import PRODUCT

START_SECONDS = 60.0
STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.02
_READY = re.compile(r"Rootkeeper (serves (?P<url>\S+)|works): organizations? ")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class ServerProcess:
    """One process of ``rootkeeper serve`` or ``rootkeeper worker``."""

    process: ForkedProcess | subprocess.Popen[bytes]
    environment: dict[str, str]
    folder: Path
    offset_file: Path | None = None
    url: str = ""
    """Where it listens; empty for a worker."""
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    @contextmanager
    def start(
        cls,
        environment: Mapping[str, str],
        command: str = "serve",
        *,
        port: int = 0,
        options: Sequence[str] = (),
        clock_offset: float | None = None,
        waits: bool = True,
        **how: Any,
    ) -> Iterator[ServerProcess]:
        """Start one and wait until it says that it is ready; it is killed at the end if it still runs.

        :param options: further ones of the command; a server of a clock of its own takes none.
        :param clock_offset: give it a clock that is off by so many seconds, and that ``move_clock`` moves.
        :param waits: ``False`` for one that isn't expected to get ready.
        :param how: further fields of a forked run's order, such as ``open_file_limit``.
        """
        with tempfile.TemporaryDirectory() as name:
            server = cls.spawn(
                environment, command, Path(name), port=port, options=options, clock_offset=clock_offset, **how
            )
            try:
                if waits:
                    server.wait_ready()
                yield server
            finally:
                server.end()

    @classmethod
    def spawn(
        cls,
        environment: Mapping[str, str],
        command: str,
        folder: Path,
        *,
        port: int = 0,
        options: Sequence[str] = (),
        clock_offset: float | None = None,
        **how: Any,
    ) -> ServerProcess:
        """Start the process, which may end at once."""
        offset_file = folder / "offset"
        offset_file.write_text(str(clock_offset or 0))
        listening = ["--port", str(port)] if command == "serve" else []
        module, arguments = PRODUCT, [command, *listening, *options]
        if clock_offset is not None:
            module, arguments = "tests.clocked_server", [str(offset_file), command, str(port)]
        surroundings = dict(os.environ) | dict(environment)
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            process: ForkedProcess | subprocess.Popen[bytes]
            if "PYTHONPATH" in environment:  # what the interpreter does at its start is part of the test
                process = subprocess.Popen(
                    [sys.executable, "-m", "rootkeeper" if module == PRODUCT else module, *arguments],
                    env=surroundings,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            else:
                process = ForkedProcess.start(
                    arguments, surroundings, stdout=stdout, stderr=stderr, module=module, **how
                )
        return cls(process, surroundings, folder, None if clock_offset is None else offset_file)

    # How it goes.

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return (self.folder / "stderr").read_text(encoding="utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The whole lines of its log: the last one may be half written."""
        return [json.loads(line) for line in self.stderr.rpartition("\n")[0].splitlines() if line.startswith("{")]

    def has_error(self, text: str) -> bool:
        """Whether its log has an error whose message contains that."""
        return any(line["level"] == "error" and text in line["message"] for line in self.lines)

    def wait_ready(self) -> None:
        """:raises AssertionError: if it ends before, or takes too long."""
        self.wait_until(lambda: _READY.search(self.stderr) is not None, START_SECONDS)
        found = _READY.search(self.stderr)
        assert found is not None
        self.url = found["url"].rstrip(":") if found["url"] else ""

    def wait_until(self, holds: Any, seconds: float = START_SECONDS) -> None:
        """Wait while it runs."""
        watch = Stopwatch()
        while not holds():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.stderr}"
            assert watch.seconds < seconds, f"it takes too long:\n{self.stderr}"
            watch.pause(_LOOK_SECONDS)

    # What is done to it.

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to end by a signal; how many seconds that took.

        :raises AssertionError: if it takes longer than ten seconds, or ends badly.
        """
        watch = Stopwatch()
        self.process.send_signal(number)
        while self.process.poll() is None:
            assert watch.seconds < STOP_SECONDS, f"it doesn't end:\n{self.stderr}"
            watch.pause(_LOOK_SECONDS)
        took, status = watch.seconds, self.process.returncode
        assert status == 0, f"it ended with {status}:\n{self.stderr}"
        assert took <= 10, f"it took {took:.1f} seconds to end"
        return took

    def pause(self) -> None:
        """Stop it. The signal returns before the last thread stands still, so each one is waited for."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.process.pid}/task")
        watch = Stopwatch()
        while any(_read_task_state(task) != "T" for task in tasks.iterdir()):
            assert watch.seconds < STOP_SECONDS, "it doesn't stand still"
            watch.pause(0.01)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def move_clock(self, seconds: float) -> None:
        """Let its wall clock be off by so much from now on."""
        assert self.offset_file is not None, "started without a clock to move"
        new = self.offset_file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self.offset_file)

    def end(self) -> None:
        """End it in any state."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    # What it is asked.

    def token(self, role: str, name: str) -> str:
        """Make an API token beside it, and remember it by its name."""
        made = run_forked(["token", "create", "--role", role, "--name", name], self.environment)
        assert made.returncode == 0, made.stderr
        self.tokens[name] = made.stdout.strip()
        return self.tokens[name]

    def ask(self, method: str, path: str, body: object = None, *, name: str | None = None) -> Answer:
        """One request, in the name of one who has a token; what it answers is held to the OpenAPI document."""
        request = urllib.request.Request(  # noqa: S310 - http to this machine only
            self.url + path, None if body is None else json.dumps(body).encode(), method=method
        )
        request.add_header("Content-Type", "application/json")
        if name is not None:
            request.add_header("Authorization", f"Bearer {self.tokens[name]}")
        try:
            with _DIRECT.open(request, timeout=30) as response:
                answer, text = _read(response)
        except urllib.error.HTTPError as error:
            with error:
                answer, text = _read(error)
        ensure_conforms(method, path, answer.status, answer.headers.get("content-type", ""), text)
        return answer


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy: the server is on this machine."""


def _read(response: Any) -> tuple[Answer, str]:
    text = response.read().decode()
    is_json = "json" in response.headers.get("Content-Type", "")
    return Answer(response.status, json.loads(text) if is_json and text else text, dict(response.headers)), text


def _read_task_state(task: Path) -> str:
    """The letter after the name in parentheses, see proc_pid_stat(5). A thread that has ended stands still too."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "T"
