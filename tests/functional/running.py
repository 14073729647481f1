"""Running the real program as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 60


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


@dataclass(frozen=True, slots=True)
class Program:
    """The program with the settings of one test."""

    environment: Mapping[str, str]

    def run(self, *arguments: str | Path, **changes: str | None) -> Run:
        """Run a command line; ``changes`` set variables, or take them away."""
        environment = dict(os.environ) | dict(self.environment)
        for name, value in changes.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        finished = subprocess.run(
            [sys.executable, "-m", "rootkeeper", *map(str, arguments)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Run(finished.returncode, finished.stdout, finished.stderr)
