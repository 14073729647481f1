"""Test runs on a copy of the product's sources, each in a process forked after the imports, so that each is cheap."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS = 600

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "pytest",
        "hypothesis",
        "argon2",
        "psycopg",
        "fastapi",
        "aiohttp",
        "botocore.client",
        "sqlalchemy.orm",
        "alembic.command",
        "typer",
        "yaml",
    ]
)
"""What most tests import and no break changes: neither the product nor the tests."""

OPTIONS = ("-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:schemathesis")
ALREADY_IMPORTED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Assertions of other packages need no rewriting here."""
CLEANED_BESIDE = ("-W", "ignore::pytest.PytestUnraisableExceptionWarning")
"""Several runs delete pytest's old folders at the same time, and leave each other's half read."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """How a run of tests ended."""

    status: int | None
    """pytest's exit status. Source: ``pytest.ExitCode``."""
    output: str


def run_tests(tests: Sequence[str], sources: Path, output: Path) -> FinishedRun:
    """Run tests on the product in ``sources``; what they write goes to the file ``output``."""
    process = FORKS.Process(target=_run, args=(list(tests), str(sources), str(output)))
    process.start()
    process.join(SECONDS)
    process.kill()
    process.join()
    return FinishedRun(process.exitcode, output.read_text())


def _run(tests: list[str], sources: str, output: str) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    sys.path.insert(0, sources)
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}  # of the processes that tests start
    sys.exit(pytest.main([*OPTIONS, *ALREADY_IMPORTED, *CLEANED_BESIDE, *tests]))
