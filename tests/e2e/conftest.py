"""Sandboxes in processes of their own, for stories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.e2e.stage import Stage
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Stage]]:
    """Starts a sandbox with the given options and stops it at the end."""

    @contextmanager
    def start(*options: str) -> Iterator[Stage]:
        with SandboxProcess.start(*options) as process:
            yield Stage(process, tmp_path_factory.mktemp("home"))

    return start
