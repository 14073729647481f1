"""Whether a SQLite database is being written, for tests that stop a process only when that locks no one out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def is_being_written(database: Path) -> bool:
    """Whether some process is in the midst of a transaction that keeps others from writing."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=0.1)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
    return False
