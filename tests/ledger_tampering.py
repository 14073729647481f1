"""What anybody who can write a SQLite database can do to the ledger in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SOMEBODY_ELSE = "999999999999"


def lift_guards(connection: sqlite3.Connection) -> list[str]:
    """Drop the triggers that keep entries from being changed; the statements that put them back."""
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    return [statement for _, statement in triggers]


@contextmanager
def edited_entry(database: Path, sequence: int) -> Iterator[None]:
    """Let an entry name another account, and put it right again."""
    change = "UPDATE ledger_entries SET account_id = ? WHERE sequence = ?"
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        protections = lift_guards(connection)
        find = "SELECT account_id FROM ledger_entries WHERE sequence = ?"
        (before,) = connection.execute(find, (sequence,)).fetchone()
        connection.execute(change, (SOMEBODY_ELSE, sequence))
        try:
            yield
        finally:
            connection.execute(change, (before, sequence))
            for guard in protections:
                connection.execute(guard)
