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

import rootkeeper.cli.main
from tests.preparation import prepare

_READING = ("SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE")


class Commits:
    """Counts the commits that wrote something, in a file that outlives the process, and ends it at the chosen one.

    Those of the request quotas don't count: how many there are depends on time, and nothing but the pace on them.
    """

    def __init__(self, count_file: Path, kill: list[Any] | None) -> None:
        self._count_file = count_file
        self._when: str = kill[0] if kill else "never"
        self._number: int = kill[1] if kill else 0
        self._count = 0
        self._changes: dict[int, int] = {}
        self._writers: set[int] = set()
        """Connections whose transaction has written beside the quotas."""

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

    def notice(self, connection: sqlalchemy.Connection, _cursor: object, statement: str, *_: object) -> None:
        """A statement is about to be executed."""
        if not statement.startswith(_READING) and "quota_states" not in statement:
            self._writers.add(id(connection.connection.dbapi_connection))

    def _has_written(self, connection: sqlalchemy.Connection) -> bool:
        database: Any = connection.connection.dbapi_connection
        before = self._changes.get(id(database), 0)
        self._changes[id(database)] = database.total_changes
        is_writer = id(database) in self._writers
        self._writers.discard(id(database))
        return is_writer and bool(database.total_changes != before)


def _become(order: dict[str, Any]) -> None:
    for name, number in (("stdout", 1), ("stderr", 2)):
        target = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, number)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["rootkeeper", *order["argv"]]
    commits = Commits(Path(order["stdout"] + ".commits"), order["kill"])
    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", commits.notice)
    sqlalchemy.event.listen(sqlalchemy.Engine, "commit", commits)


def _run(order: dict[str, Any]) -> int:
    _become(order)
    try:
        return rootkeeper.cli.main.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


def main() -> None:
    prepare()
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
