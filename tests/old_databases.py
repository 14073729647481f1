"""A database that the first version of the schema left, as that Rootkeeper wrote it on a sandbox of three accounts.

It has a ledger of thirty entries, two jobs, an audit, a token, an exception and an open recovery window.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, select, text

from rootkeeper.database.migrations.versions import v0001_initial
from rootkeeper.ledger.rules import render_entry
from rootkeeper.ledger.writer import parse_entry_row

DUMP = Path(__file__).with_name("old_database_0001.sql")
VERSION = "0001"
DUMP_OF_0_1_0 = Path(__file__).with_name("old_database_0_1_0.sql")
"""Of version 0.1.0: a set-up, a deletion, a recovery window, three unlocks, and an orphan of each kind of change."""
ENTRIES = 30
ORGANIZATION_ID = "o-atpb3bvs7c"
WINDOW_ACCOUNT_ID = "124902349625"


def place_old_database(path: Path, dump: Path = DUMP) -> str:
    """Write the file, and the copies of its ledger beside it; return its URL."""
    path.touch(mode=0o600, exist_ok=False)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(dump.read_text(encoding="utf-8"))
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM ledger_entries ORDER BY sequence")]
    entries = [parse_entry_row(row) for row in rows]  # type: ignore[arg-type]  # a mapping, too
    _write_beside(path, ".mirror.jsonl", [render_entry(entry) for entry in entries])
    last = {name: rows[-1][name] for name in ("at", "entry_hash", "organization_id", "sequence")}
    _write_beside(path, ".anchor.jsonl", [json.dumps(last, separators=(",", ":"))])
    return f"sqlite:///{path}"


def _write_beside(path: Path, ending: str, lines: list[str]) -> None:
    beside = path.with_name(path.name + ending)
    beside.touch(mode=0o600)
    beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def fill_old_postgresql(url: str, folder: Path) -> None:
    """Put the same rows into an empty database on PostgreSQL; files beside a server weren't begun."""
    source = create_engine(place_old_database(folder / "source.db"))
    target = create_engine(url)
    with source.connect() as reading, target.begin() as writing:
        v0001_initial.metadata.create_all(writing)
        for table in v0001_initial.metadata.sorted_tables:
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            if rows and table.name != "ledger_copies":
                writing.execute(table.insert(), rows)
        writing.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        writing.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    source.dispose()
    target.dispose()
