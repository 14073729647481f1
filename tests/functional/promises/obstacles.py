"""What keeps a database from being written, each for real and for root too."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from tests.functional.promises.stage import Stage

Obstacle = Callable[[Stage], AbstractContextManager[dict[str, Any]]]
"""Blocks a call while its context is entered, and gives the fields of an order that belong to it."""


@contextlib.contextmanager
def full_disk(_stage: Stage) -> Iterator[dict[str, Any]]:
    yield {"file_size_limit": 0}


@contextlib.contextmanager
def read_only_files(stage: Stage) -> Iterator[dict[str, Any]]:
    folder = stage.database.parent
    for path in folder.iterdir():
        path.chmod(0o400)
    folder.chmod(0o500)
    try:
        yield {"is_powerless": True}
    finally:
        folder.chmod(0o700)
        for path in folder.iterdir():
            path.chmod(0o600)


@contextlib.contextmanager
def log_that_is_a_folder(stage: Stage) -> Iterator[dict[str, Any]]:
    """In the place of SQLite's write-ahead log."""
    folder = stage.database.with_name(stage.database.name + "-wal")
    folder.unlink(missing_ok=True)
    folder.mkdir()
    try:
        yield {}
    finally:
        folder.rmdir()


@contextlib.contextmanager
def locked_by_another_process(stage: Stage) -> Iterator[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(stage.database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield {}
        connection.execute("ROLLBACK")
