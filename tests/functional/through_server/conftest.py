"""One sandbox and one server for a file's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.running import Runner
from tests.functional.through_server.stage import ServedStage, open_stage


@pytest.fixture(scope="module")
def stage(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStage]:
    with open_stage(runner, tmp_path_factory.mktemp("served")) as opened:
        yield opened
