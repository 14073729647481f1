"""Runs of the real command line against one sandbox, ended by SIGKILL where a test says so."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.functional.crash.killing_proxy import KillingProxy, KillPoint
from tests.sandbox_process import SandboxProcess

KILLED = -9
"""The status of a process that SIGKILL ended."""


def in_listed_order(operations: Iterable[str]) -> list[str]:
    """The same calls, those of the two threads that list the organization in the order in which they are written."""
    found = list(operations)
    places = [place for place, name in enumerate(found) if name in _LISTING][: len(_LISTING)]
    for place, name in zip(places, sorted((found[place] for place in places), key=_LISTING.index), strict=True):
        found[place] = name
    return found


def parse_calls(text: str) -> list[str]:
    """Names of operations, in lines that a ``#`` may head."""
    return [name for line in text.splitlines() if not line.strip().startswith("#") for name in line.split()]


MOMENT = "moment"
"""What a kill point may be beside a call and a commit: its number counts the milliseconds from the beginning."""


@contextlib.contextmanager
def _killing_after(pid: int, seconds: float) -> Iterator[None]:
    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program."""

    status: int
    operations: tuple[str, ...]
    commits: int
    stdout: str
    stderr: str

    def kill_points(self) -> list[KillPoint]:
        """Before and after each of its calls, and after each commit: before a commit is after what came last."""
        return [
            KillPoint(what, when, number)
            for what, when, count in (
                ("call", "before", len(self.operations)),
                ("call", "after", len(self.operations)),
                ("commit", "after", self.commits),
            )
            for number in range(1, count + 1)
        ]


_LISTING = ("ListAccounts", "ListRoots", "ListOrganizationalUnitsForParent")


class Program:
    """The command line with a database of its own, behind the killing proxy."""

    def __init__(
        self, folder: Path, sandbox: SandboxProcess, proxy: KillingProxy, settings: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.proxy = proxy
        self._driver = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.crash.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._environment = {
            "HOME": str(folder),
            "XDG_STATE_HOME": str(self.database.parent),  # what the ledger remembers is kept with the database
            "PATH": "/usr/bin:/bin",
            "AWS_EC2_METADATA_DISABLED": "true",
            **sandbox.environment(),
            "AWS_ENDPOINT_URL": proxy.url,
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{self.database}",
            "ROOTKEEPER_LEASE_SECONDS": "60",
            **(settings or {}),
        }

    @property
    def database(self) -> Path:
        return self.folder / "data" / "rootkeeper.db"

    def close(self) -> None:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.close()
        self._driver.wait(60)
        self._driver.stdout.close()

    def run(self, *arguments: str, kill: KillPoint | None = None) -> Run:
        """Run one command to its end, or to ``kill``."""
        outputs = [self.folder / name for name in ("stdout", "stderr")]
        order = {
            "argv": list(arguments),
            "environment": self._environment,
            "kill": [kill.when, kill.number] if kill is not None and kill.what == "commit" else None,
            "stdout": str(outputs[0]),
            "stderr": str(outputs[1]),
        }
        self.proxy.begin_run()
        pid = self._ask(order)["pid"]
        with contextlib.ExitStack() as armed:
            if kill is not None and kill.what == MOMENT:
                armed.enter_context(_killing_after(pid, kill.number / 1000))
            elif kill is not None:
                self.proxy.arm(pid, kill)
            ended = self._ask("go")
        return Run(
            status=ended["status"],
            operations=tuple(self.proxy.operations),
            commits=ended["commits"],
            stdout=outputs[0].read_text(),
            stderr=outputs[1].read_text(),
        )

    def keep_database(self, name: str = "kept") -> None:
        """Remember the database as it is now: with its mirror and anchor."""
        shutil.copytree(self.database.parent, self.folder / name)

    def restore_database(self, name: str = "kept") -> None:
        """Go back to the remembered one."""
        shutil.rmtree(self.database.parent)
        shutil.copytree(self.folder / name, self.database.parent)

    def entries(self) -> list[dict[str, Any]]:
        """The ledger, read past the program."""
        return self.query("SELECT * FROM ledger_entries ORDER BY sequence")

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Rows of the database, read past the program."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement).fetchall()]

    def _ask(self, line: Any) -> Any:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(line) + "\n")
        self._driver.stdin.flush()
        return json.loads(self._driver.stdout.readline())


@contextlib.contextmanager
def started_program(
    folder: Path, *sandbox_arguments: str, settings: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """A sandbox, a proxy before it and the program."""
    with SandboxProcess.start(*sandbox_arguments) as sandbox, KillingProxy(sandbox.base_url) as proxy:
        program = Program(folder, sandbox, proxy, settings)
        try:
            yield program
        finally:
            program.close()
