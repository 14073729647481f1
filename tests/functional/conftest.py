"""One sandbox for a file's tests, and a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.administration import Administration
from tests.functional.running import LONG_LEASE, Program, Runner
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def runner() -> Runner:
    return Runner()


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--scenario", "demo") as process:
        yield process


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess) -> SandboxProcess:
    """The demo organization as it is at its start: nothing is switched on."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def program(sandbox: SandboxProcess, tmp_path: Path, runner: Runner) -> Program:
    """The program as the management account's administrator runs it."""
    return Program(
        sandbox.environment()
        | {
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'rootkeeper.db'}",
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "XDG_STATE_HOME": str(tmp_path / "state"),
        },
        runner,
    )


@pytest.fixture
def enabled(program: Program, sandbox: SandboxProcess) -> Program:
    """The same, root access management being set up."""
    Administration(sandbox).set_up()
    return program
