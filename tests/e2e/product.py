"""The product as its users run it, each command in a process of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.foreign_clients import Keys, clean_environment
from tests.e2e.stage import Stage
from tests.forked import run_forked

TIMEOUT_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended and what it wrote."""

    exit_status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """What ``-o json`` wrote."""
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class Rootkeeper:
    """The command line against one sandbox, with a database of its own."""

    url: str
    folder: Path
    keys: Keys
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{self.folder / 'rootkeeper.db'}",
            "ROOTKEEPER_LEASE_SECONDS": "60",
        }
        return clean_environment(self.url, self.folder) | self.keys.as_variables() | own | self.settings

    def run(self, *arguments: str) -> Finished:
        finished = run_forked(list(arguments), self.environment, timeout=TIMEOUT_SECONDS, folder=str(self.folder))
        return Finished(finished.returncode, finished.stdout, finished.stderr)


def open_rootkeeper(stage: Stage, folder: Path, principal: str = "management-admin") -> Rootkeeper:
    return Rootkeeper(stage.url, folder, stage.keys(principal))
