"""Copies a database while others write to it: SQLite by its online backup, PostgreSQL by its own tools.

A function that needs a tool raises ``DatabaseError`` if the tool isn't there, or fails.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

from rootkeeper.errors import DatabaseError

PRIVATE = 0o600


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a single moment of the file, however much is written meanwhile. Source: SQLite, "Online Backup API".

    :raises DatabaseError: if it can't be read, or is damaged.
    :raises FileExistsError: if there is a target already.
    """
    target.touch(mode=PRIVATE, exist_ok=False)
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            writing.execute("PRAGMA synchronous=FULL")
            reading.backup(writing)
            (found,) = writing.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise DatabaseError(f"{source} can't be copied: {error}.", hint="Check the file and the disk.") from error
    if found != "ok":
        raise DatabaseError(f"{source} is damaged: {found}.", hint="Restore the last good backup.")


def dump_postgresql(url: str, target: Path) -> None:
    """Dump the database to a file in PostgreSQL's custom format; it is of a single moment."""
    _run_tool("pg_dump", "--format=custom", "--file", str(target), url=url)
    target.chmod(PRIVATE)


def restore_postgresql(url: str, dump: Path) -> None:
    """Restore a dump into an empty database, all of it or nothing."""
    _run_tool("pg_restore", "--exit-on-error", "--single-transaction", str(dump), url=url)


def read_first_dumped_row(dump: Path, table: str) -> dict[str, str]:
    """Read the first row of a table from a dump, as ``COPY`` writes it; empty if it has none."""
    lines = _run_tool("pg_restore", "--data-only", f"--table={table}", "--file=-", str(dump)).splitlines()
    for line, row in pairwise(lines):
        if line.startswith("COPY ") and row != "\\.":
            names = line[line.index("(") + 1 : line.index(")")].split(", ")
            return dict(zip(names, row.split("\t"), strict=True))
    return {}


def _run_tool(tool: str, *arguments: str, url: str | None = None) -> str:
    """Run a tool; the database's password is on no command line and in no environment.

    :param url: the database; ``None`` if the tool only reads a file.
    :returns: the text that the tool wrote to stdout.
    """
    parts: dict[str, str] = {}
    if url is not None:
        address = make_url(url)
        _, found = address.get_dialect()().create_connect_args(address)
        parts = {name: str(value) for name, value in found.items()}
    password = parts.pop("password", None)
    withheld = ("ROOTKEEPER_",) if password is None else ("ROOTKEEPER_", "PGPASSWORD")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(withheld)}
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as passwords:
            if password is not None:
                # For any server. Source: PostgreSQL, "The Password File" of libpq.
                passwords.write("*:*:*:*:" + re.sub(r"([:\\])", r"\\\1", password) + "\n")
                passwords.flush()
                parts["passfile"] = passwords.name
            command = [tool, *arguments, "--no-owner", "--no-privileges"]
            if parts:
                from psycopg.conninfo import make_conninfo  # here, because it is an extra

                command += ["--dbname", make_conninfo("", **parts)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - a tool of PostgreSQL
    except FileNotFoundError as error:
        raise DatabaseError(
            f"{tool} isn't on this machine.",
            hint="Install PostgreSQL's client tools, of the server's version or later.",
        ) from error
    if done.returncode:
        raise DatabaseError(f"{tool} failed: {done.stderr.strip()}", hint="Check the database's address and rights.")
    return done.stdout
