"""A stage for each test, on the sandbox of its file; one process forks the runs of all files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.current_databases import place_database
from tests.functional.administration import Administration
from tests.functional.promises.forked_runs import ForkingProgram
from tests.functional.promises.interposed_proxy import InterposedProxy
from tests.functional.promises.stage import Stage
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def forking() -> ForkingProgram:
    return ForkingProgram()


@pytest.fixture
def bare_stage(sandbox: SandboxProcess, tmp_path: Path, forking: ForkingProgram) -> Stage:
    """The demo organization as it is at its start: nothing is switched on."""
    (tmp_path / "temporary").mkdir()
    return Stage(sandbox, tmp_path, forking)


@pytest.fixture
def stage(bare_stage: Stage) -> Stage:
    """The same with root access management set up, and with an empty database: making one costs more than a copy."""
    Administration(bare_stage.sandbox).set_up()
    Administration(bare_stage.sandbox).trust_account_management()
    place_database(bare_stage.database)
    return bare_stage


@pytest.fixture
def proxy(sandbox: SandboxProcess) -> Iterator[InterposedProxy]:
    with InterposedProxy(sandbox.base_url) as proxy:
        yield proxy
