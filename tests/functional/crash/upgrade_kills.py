"""Kills an upgrade at moments that are spread over it, each in a process that is forked after the imports.

``python -m tests.functional.crash.upgrade_kills FOLDER`` writes a line for each moment: what the kill left, and how a
second run ended.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from rootkeeper.cli.main import main
from tests.old_databases import place_old_database

MOMENTS = 16
FILE_CALLS = ("fsync", "rename")


def upgrade_until(moment: int, url: str, backups: Path) -> None:
    """Upgrade, and end with SIGKILL at the call of that number: a statement, a commit, or a file call.

    :param moment: 0 for none; then the number of calls is written to a file beside the backups.
    """
    called = 0

    def count(*_: Any, **__: Any) -> None:
        nonlocal called
        called += 1
        if called == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            count()
            return function(*arguments, **options)

        return call

    for name in ("before_cursor_execute", "commit"):
        event.listen(Engine, name, count)
    for name in FILE_CALLS:
        setattr(os, name, counted(getattr(os, name)))
    os.environ["ROOTKEEPER_DATABASE_URL"] = url
    status = main(["database", "upgrade", "--yes", "--backup-to", str(backups)])
    backups.with_name(f"{backups.name}.calls").write_text(str(called))
    os._exit(status)


def in_fork(work: Callable[[], Any]) -> int:
    """Run it in a process of its own, and return its wait status."""
    process = os.fork()
    if process == 0:
        work()
        os._exit(0)
    return os.waitpid(process, 0)[1]


def run_all(folder: Path) -> None:
    template = folder / "template"
    template.mkdir()
    place_old_database(template / "rootkeeper.db")
    calls = try_moment(folder, 0)
    step = max(calls // MOMENTS, 1)
    for moment in range(1, calls + 1, step):
        try_moment(folder, moment)


def try_moment(folder: Path, moment: int) -> int:
    """Kill an upgrade, look at what it left, and upgrade again; return how many calls it made if it wasn't killed."""
    stage = folder / "stage"
    shutil.copytree(folder / "template", stage)
    path = stage / "rootkeeper.db"
    url = f"sqlite:///{path}"
    status = in_fork(lambda: upgrade_until(moment, url, stage / "first"))
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
        (views,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'saved_views'").fetchone()
    again = os.waitstatus_to_exitcode(in_fork(lambda: upgrade_until(0, url, stage / "second")))
    whole = stage / "first.calls"
    calls = int(whole.read_text()) if whole.exists() else 0
    sys.stdout.write(f"{moment} {os.WIFSIGNALED(status)} {version} {sound} {views} {again}\n")
    sys.stdout.flush()
    shutil.rmtree(stage)
    return calls


if __name__ == "__main__":
    run_all(Path(sys.argv[1]))
