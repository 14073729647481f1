"""Runs the real command line again and again in fresh processes, forked after the imports so that a run is cheap.

Reads one JSON object a line: ``{"argv", "environment", "kill": [when, number] | null, "stdout", "stderr"}``; answers
with ``{"pid"}``, waits for a line that lets the process go, and answers with ``{"status", "commits"}`` at its end.
``kill`` ends the process by SIGKILL right before or right after its n-th database commit; the listener is SQLAlchemy's
own public event.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import sqlalchemy
import sqlalchemy.event

import rootkeeper.aws.gateway
import rootkeeper.bootstrap
import rootkeeper.cli.apply
import rootkeeper.cli.audit
import rootkeeper.cli.delete
import rootkeeper.cli.deletion_resuming
import rootkeeper.cli.emails
import rootkeeper.cli.jobs
import rootkeeper.cli.ledger
import rootkeeper.cli.main
import rootkeeper.cli.recover
import rootkeeper.cli.unlock
import rootkeeper.cli.windows
import rootkeeper.storage.database


class Commits:
    """Counts the commits that wrote something, in a file that outlives the process, and ends it at the chosen one."""

    def __init__(self, count_file: Path, kill: list[Any] | None) -> None:
        self._count_file = count_file
        self._when: str = kill[0] if kill else "never"
        self._number: int = kill[1] if kill else 0
        self._count = 0
        self._changes: dict[int, int] = {}

    def __call__(self, connection: sqlalchemy.Connection) -> None:
        if not self._has_written(connection):
            return
        self._count += 1
        self._count_file.write_text(str(self._count))
        if self._count != self._number:
            return
        if self._when == "after":
            connection.connection.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    def _has_written(self, connection: sqlalchemy.Connection) -> bool:
        database: Any = connection.connection.dbapi_connection
        before = self._changes.get(id(database), 0)
        self._changes[id(database)] = database.total_changes
        return bool(database.total_changes != before)


def _become(order: dict[str, Any]) -> None:
    for name, number in (("stdout", 1), ("stderr", 2)):
        target = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, number)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["rootkeeper", *order["argv"]]
    sqlalchemy.event.listen(sqlalchemy.Engine, "commit", Commits(Path(order["stdout"] + ".commits"), order["kill"]))


def _run(order: dict[str, Any]) -> int:
    _become(order)
    try:
        return rootkeeper.cli.main.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        Path(order["stdout"] + ".commits").write_text("0")
        gate_out, gate_in = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(gate_out, 1)
            status = _run(order)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        _answer({"pid": pid})
        sys.stdin.readline()
        os.write(gate_in, b"g")
        os.close(gate_in)
        os.close(gate_out)
        _, wait_status = os.waitpid(pid, 0)
        commits = int(Path(order["stdout"] + ".commits").read_text() or 0)
        _answer({"status": os.waitstatus_to_exitcode(wait_status), "commits": commits})


def _answer(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
