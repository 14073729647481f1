"""A database of its own for each storage test, and nothing left running afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rootkeeper.storage.database import Database
from tests.unit.storage.samples import Stage, Worker, make_worker


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def database(stage: Stage) -> Iterator[Database]:
    with stage.open() as database:
        yield database


@pytest.fixture
def worker(database: Database) -> Iterator[Worker]:
    worker = make_worker(database)
    yield worker
    worker.owner.close()
