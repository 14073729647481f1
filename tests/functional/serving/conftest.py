"""One sandbox for a file's tests, and a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.running import LONG_LEASE, Program, Runner
from tests.functional.serving.stage import Stage
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--accounts", "6", "--seed", "1", "--features", "all") as process:
        yield process


@pytest.fixture
def stage(running_sandbox: SandboxProcess, tmp_path: Path, runner: Runner) -> Stage:
    running_sandbox.reset()
    database = tmp_path / "data" / "rootkeeper.db"
    environment = running_sandbox.environment() | {
        "HOME": str(tmp_path),
        "ROOTKEEPER_DATABASE_URL": f"sqlite:///{database}",
        "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
        "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    return Stage(running_sandbox, Program(environment, runner), database)
