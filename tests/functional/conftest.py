"""One sandbox for a file's tests, and a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.current_databases import place_database
from tests.functional.administration import Administration
from tests.functional.running import Program, Runner, open_program
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
    return open_program(sandbox, tmp_path, runner)


@pytest.fixture
def enabled(program: Program, sandbox: SandboxProcess, tmp_path: Path) -> Program:
    """The same with root access management set up, and with an empty database: making one costs more than a copy."""
    Administration(sandbox).set_up()
    place_database(tmp_path / "rootkeeper.db")
    return program
