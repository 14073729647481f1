"""Running the real program as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.forked import run_forked
from tests.sandbox_process import SandboxProcess

SECONDS = 100
LONG_LEASE = "60"
"""Seconds: on a busy machine a program may stand still for a while."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a command line."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.stdout)
        return answer

    @property
    def shown(self) -> str:
        """Everything, for a look at a failure."""
        return f"exit {self.status}\n{self.stdout}\n{self.stderr}"


class Runner:
    """Runs command lines one after the other, each in a process of its own that is forked after the imports."""

    def run(self, arguments: list[str], environment: Mapping[str, str]) -> Run:
        done = run_forked(arguments, environment)
        return Run(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Program:
    """The program with the settings of one test."""

    environment: Mapping[str, str]
    runner: Runner

    def run(self, *arguments: str | Path, **changes: str | None) -> Run:
        """Run a command line; ``changes`` set variables, or take them away."""
        return self.runner.run([str(argument) for argument in arguments], self.surroundings(changes))

    def run_alone(self, *arguments: str | Path, **changes: str | None) -> Run:
        """The same in a process that nothing was prepared for: slower, and for what shows only there."""
        finished = subprocess.run(
            [sys.executable, "-m", "rootkeeper", *map(str, arguments)],
            env=self.surroundings(changes),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Run(finished.returncode, finished.stdout, finished.stderr)

    @contextmanager
    def start(
        self, *arguments: str | Path, stdin: int = subprocess.DEVNULL, **changes: str | None
    ) -> Iterator[subprocess.Popen[str]]:
        """The same while the test continues; it is killed at the end if it still runs."""
        with subprocess.Popen(
            [sys.executable, "-m", "rootkeeper", *map(str, arguments)],
            env=self.surroundings(changes),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def surroundings(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """The whole environment of a run."""
        changed = dict(os.environ) | dict(self.environment) | dict(changes or {})
        return {name: value for name, value in changed.items() if value is not None}


def open_program(sandbox: SandboxProcess, folder: Path, runner: Runner) -> Program:
    """The program as the management account's administrator runs it, with all that it keeps in ``folder``."""
    return Program(
        sandbox.environment()
        | {
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder / 'rootkeeper.db'}",
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "XDG_STATE_HOME": str(folder / "state"),
        },
        runner,
    )
