"""Starts servers and workers in fresh processes, forked after the imports so that a start is cheap.

Reads one JSON object a line and answers each: ``{"command", "port", "environment", "offset", "kill", "folder"}`` makes
a process and answers ``{"pid"}``; ``"go"`` lets the newest one begin; ``{"wait", "seconds"}`` answers ``{"status"}`` of
that process, ``null`` if it still runs.
``kill`` ends the process by SIGKILL right after its n-th commit that is a step of a window's life; the listener is
SQLAlchemy's own public event. The clock is that of ``tests/clocked_server.py``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy
import sqlalchemy.event

from tests.clocked_server import main as run_server
from tests.preparation import prepare

_STEPS = re.compile(r"^(INSERT INTO|UPDATE|DELETE FROM) (recovery_windows|ledger_entries|account_locks)\b")
"""What a step of a window's life writes; leases, quotas and the engine's own tables are written as time passes."""


class Commits:
    """Counts and lists the commits that are steps, in files that outlive the process, and ends the process after the
    chosen one.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._count_file = folder / "commits"
        self._steps_file = folder / "steps"
        self._number = number
        self._count = 0
        self._writers: dict[int, str] = {}
        """Connections whose transactions have written, and what they wrote last."""

    def notice(self, connection: sqlalchemy.Connection, _cursor: object, statement: str, *_: object) -> None:
        """A statement is about to be executed."""
        if (step := _STEPS.match(statement)) is not None:
            self._writers[id(connection.connection.dbapi_connection)] = step[0]

    def rolling_back(self, connection: sqlalchemy.Connection) -> None:
        """A transaction is about to be rolled back."""
        self._writers.pop(id(connection.connection.dbapi_connection), None)

    def committing(self, connection: sqlalchemy.Connection) -> None:
        """A transaction is about to be committed."""
        written = self._writers.pop(id(connection.connection.dbapi_connection), None)
        if written is None:
            return
        self._count += 1
        self._count_file.write_text(str(self._count))
        with self._steps_file.open("a", encoding="utf-8") as steps:
            steps.write(f"{self._count} {written}\n")
        if self._count == self._number:
            connection.connection.commit()
            os.kill(os.getpid(), signal.SIGKILL)


def _become(order: dict[str, Any]) -> int:
    folder = Path(order["folder"])
    for name, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(order["environment"])
    commits = Commits(folder, order["kill"] or 0)
    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", commits.notice)
    sqlalchemy.event.listen(sqlalchemy.Engine, "rollback", commits.rolling_back)
    sqlalchemy.event.listen(sqlalchemy.Engine, "commit", commits.committing)
    sys.argv = ["rootkeeper", str(folder / "offset"), order["command"], str(order["port"])]
    return run_server()


def _start(order: dict[str, Any], gate: tuple[int, int]) -> dict[str, Any]:
    folder = Path(order["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stderr").write_text("")
    (folder / "commits").write_text("0")
    (folder / "steps").write_text("")
    (folder / "offset").write_text(str(order["offset"]))
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            os.read(gate[0], 1)
            status = _become(order)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return {"pid": pid}


def _wait(order: dict[str, Any]) -> dict[str, Any]:
    end = time.monotonic() + order["seconds"]
    while True:
        pid, status = os.waitpid(order["wait"], os.WNOHANG)
        if pid:
            return {"status": os.waitstatus_to_exitcode(status)}
        if time.monotonic() >= end:
            return {"status": None}
        time.sleep(0.01)


def _answer(order: Any, gate: tuple[int, int]) -> dict[str, Any]:
    if order == "go":
        os.write(gate[1], b"g")
        return {}
    return _wait(order) if "wait" in order else _start(order, gate)


def main() -> None:
    prepare()
    gate = os.pipe()
    for line in sys.stdin:
        answer = _answer(json.loads(line), gate)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
