"""One sandbox for each worker of the tests, and a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.stage import AttackStage, open_attack_stage
from tests.functional.running import Runner
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def runner() -> Runner:
    return Runner()


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--accounts", "24", "--seed", "1", "--features", "all") as process:
        yield process


@pytest.fixture
def stage(running_sandbox: SandboxProcess, tmp_path: Path, runner: Runner) -> Iterator[AttackStage]:
    with open_attack_stage(running_sandbox, tmp_path, runner) as stage:
        yield stage
