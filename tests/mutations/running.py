"""Test runs on a copy of the product's sources, each in a process forked after the imports, so that each is cheap."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import grimp
import pytest

from tests.times import TIMES

SECONDS = 600
PACKAGES = ("rootkeeper", "rootkeeper_sandbox")
RUN_AT_IMPORT = ("__main__", "migrations.env")
"""Programs, and what Alembic runs."""

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
        "click",
        "yaml",
    ]
)
"""What most tests import and no break changes: neither the product nor the tests."""

OPTIONS = ("-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:schemathesis")
ALREADY_IMPORTED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Assertions of other packages need no rewriting here."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """How a run of tests ended."""

    status: int | None
    """pytest's exit status. Source: ``pytest.ExitCode``."""
    output: str


class BreakableSources:
    """A copy of ``src``, and a process that has imported it, from which each run of tests is forked."""

    def __init__(self, folder: Path, connection: Connection) -> None:
        self.folder = folder
        self._connection = connection

    @classmethod
    @contextmanager
    def start(cls, folder: Path) -> Iterator[BreakableSources]:
        """Import the product from ``folder``, in which nothing is broken yet."""
        ours, theirs = FORKS.Pipe()
        process = FORKS.Process(target=_serve, args=(str(folder), theirs))
        process.start()
        theirs.close()
        try:
            yield cls(folder, ours)
        finally:
            ours.close()
            process.join(SECONDS)

    def run_tests(self, tests: Sequence[str], output: Path, changed: str | None = None) -> FinishedRun:
        """Run tests; they write to the file ``output``.

        :param changed: the changed file, below the folder: it is imported again, with all modules that depend on it.
        """
        self._connection.send((list(tests), changed, str(output)))
        return FinishedRun(self._connection.recv(), output.read_text())


def _serve(folder: str, connection: Connection) -> None:
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    imports = grimp.build_graph(*PACKAGES, cache_dir=None)
    for module in sorted(imports.modules):
        if not module.endswith(RUN_AT_IMPORT):
            importlib.import_module(module)
    gc.freeze()
    while True:
        try:
            tests, changed, output = connection.recv()
        except EOFError:
            return
        stale = set()
        if changed is not None and changed.endswith(".py"):
            module = changed.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            stale = {module, *imports.find_downstream_modules(module)}
        # A folder for each run: in a common one, several runs would delete each other's.
        with tempfile.TemporaryDirectory(prefix="break-", ignore_cleanup_errors=True) as own:
            options = [*OPTIONS, *ALREADY_IMPORTED, "--basetemp", f"{own}/t", *tests]
            process = multiprocessing.get_context("fork").Process(target=_run, args=(options, stale, folder, output))
            process.start()
            process.join(SECONDS)
            process.kill()
            process.join()
        connection.send(process.exitcode)


def _run(options: list[str], stale: set[str], sources: str, output: str) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    sources_of_records = importlib.import_module("rootkeeper.shapes").SOURCES  # of the copy, which is imported by now
    for record in [record for record in sources_of_records if record.__module__ in stale]:
        del sources_of_records[record]
    for name in stale:
        _forget(name)
    os.environ.pop(TIMES, None)
    os.environ |= {"PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}  # of the processes that tests start
    sys.exit(pytest.main(options))


def _forget(name: str) -> None:
    """Have a module imported again: its package must not offer the old one either."""
    sys.modules.pop(name, None)
    package, _, last = name.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package]).pop(last, None)
