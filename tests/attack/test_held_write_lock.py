"""Another process holds SQLite's write lock: windows close on time, and what was spilled is merged later."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.attack.stage import AttackStage

pytestmark = pytest.mark.long

_HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def write_lock_held(database: Path) -> Iterator[None]:
    """By another process, until the end of the block."""
    command = [sys.executable, "-c", _HOLDER, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        try:
            assert holder.stdout.readline() == "held\n"
            yield
        finally:
            holder.stdin.close()
            holder.wait(10)


def test_p11_a_held_write_lock_keeps_no_window_open_also_not_across_a_restart(stage: AttackStage) -> None:
    server = stage.start_server()
    first, second = stage.open_window(10), stage.open_window(26)
    stage.wait_known(first, second)
    with write_lock_held(stage.database):
        stage.require_closed_on_time(first)
        server.process.kill()
        server.process.wait()
        restarted = stage.start_server(waits=False)
        stage.require_closed_on_time(second)

    def are_recorded() -> bool:
        with closing(sqlite3.connect(stage.database)) as connection:
            found = connection.execute("SELECT state FROM recovery_windows").fetchall()
        return found == [("CLOSED_VERIFIED",)] * 2

    restarted.wait_until(are_recorded)
    restarted.wait_until(lambda: not any(stage.folder.rglob("rootkeeper-spill-*.jsonl")))
    verified = stage.local.run("ledger", "verify")
    assert verified.status == 0, verified.shown
