"""Sandboxes in processes of their own, for stories."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.e2e.stage import Stage

STOP_SECONDS = 10


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Stage]]:
    """Starts a sandbox with the given options and stops it at the end."""

    @contextmanager
    def start(*options: str) -> Iterator[Stage]:
        home = tmp_path_factory.mktemp("home")
        with open_sandbox(options, home) as url:
            yield Stage(url, home)

    return start


@contextmanager
def open_sandbox(options: tuple[str, ...], home: Path) -> Iterator[str]:
    """A sandbox process on any free port; its first line on stdout tells where."""
    command = [sys.executable, "-m", "rootkeeper.sandbox", "--port", "0", "--exit-with-parent", *options]
    with (home / "sandbox.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            ready, _, url = process.stdout.readline().strip().partition(" ")
            assert ready == "READY", (home / "sandbox.log").read_text()
            yield url
        finally:
            process.terminate()
            process.communicate(timeout=STOP_SECONDS)
