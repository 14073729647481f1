"""What anyone who can write a SQLite database can do to the ledger in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from rootkeeper.ledger.rules import GENESIS_HASH, compute_entry_hash
from rootkeeper.ledger.writer import parse_entry_row
from rootkeeper.organization.accounts import AccountId

ANOTHER_ACCOUNT = "999999999999"


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
        connection.execute(change, (ANOTHER_ACCOUNT, sequence))
        try:
            yield
        finally:
            connection.execute(change, (before, sequence))
            for guard in protections:
                connection.execute(guard)


def rewrite_ledger(database: Path, sequence: int) -> None:
    """Let an entry name another account, and chain it and all later ones again, head included: it fits in itself."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        guards = lift_guards(connection)
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN IMMEDIATE")
        previous = GENESIS_HASH
        for row in connection.execute("SELECT * FROM ledger_entries ORDER BY sequence").fetchall():
            entry = replace(parse_entry_row(dict(row)), previous_hash=previous)  # type: ignore[arg-type]  # SQLAlchemy's rows are mappings too
            if entry.sequence == sequence:
                entry = replace(entry, account_id=AccountId(ANOTHER_ACCOUNT))
            previous = compute_entry_hash(entry)
            connection.execute(
                "UPDATE ledger_entries SET account_id = ?, previous_hash = ?, entry_hash = ? WHERE sequence = ?",
                (entry.account_id, entry.previous_hash, previous, entry.sequence),
            )
        connection.execute("UPDATE ledger_head SET entry_hash = ?", (previous,))
        connection.execute("COMMIT")
        for guard in guards:
            connection.execute(guard)


def remove_copies(database: Path) -> None:
    """Remove mirror and anchor beside the database."""
    for ending in (".mirror.jsonl", ".anchor.jsonl"):
        database.with_name(database.name + ending).unlink()
