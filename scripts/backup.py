#!/usr/bin/env python3
"""Back Rootkeeper up, while it runs: one folder with everything that a restore needs.

The folder holds the key of second factors and who did what: keep it as safe as the server itself. It is written whole
or not at all. Mirror and anchor are copied before the database, so that the database knows whatever they know.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import backup_files as backups
from rootkeeper import __version__
from rootkeeper.cli.failures import report_error
from rootkeeper.cli.terminal import Terminal
from rootkeeper.database.files import sync_folder
from rootkeeper.errors import DatabaseError, InputError, RootkeeperError


def main() -> int:
    """Ends with 0, or as the program does when something is in the way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0] if __doc__ else None)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file that the server is given")
    parser.add_argument("--to", type=Path, metavar="FOLDER", required=True, help="where the backup's folder is made")
    options = parser.parse_args()
    try:
        made = back_up(backups.find_places(options.config), options.to, datetime.now(UTC))
    except RootkeeperError as error:
        return report_error(error, Terminal())
    print(made)
    return 0


def back_up(places: backups.Places, parent: Path, now: datetime) -> Path:
    """Make a backup below ``parent``; its folder.

    :raises DatabaseError: if the database can't be read.
    :raises InputError: if the folder can't be written.
    """
    folder = parent / f"rootkeeper-{now:%Y%m%dT%H%M%SZ}"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.exists():
            raise InputError(f"{folder} is there already.", hint="Wait a second, or name another folder.")
        work = Path(tempfile.mkdtemp(prefix=".rootkeeper-", dir=parent))
        try:
            _fill(work, places, now)
            work.rename(folder)
            sync_folder(parent)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    except OSError as error:
        raise InputError(
            f"{folder} can't be written: {error.strerror}.", hint="Check the folder and the disk."
        ) from error
    return folder


def _fill(work: Path, places: backups.Places, now: datetime) -> None:
    beside = {places.mirror: backups.MIRROR, places.anchor: backups.ANCHOR, places.key: backups.KEY}
    for source, name in beside.items():
        if source.is_file():
            backups.copy_file(source, work / name)
    for source in places.list_spills():
        backups.copy_file(source, work / backups.SPILLS / source.name)
    if places.policies.is_dir():
        for source in sorted(path for path in places.policies.iterdir() if path.is_file()):
            backups.copy_file(source, work / backups.POLICIES / source.name)
    _copy_database(work, places)
    manifest = {
        "schema_version": backups.SCHEMA_VERSION,
        "made_at": now.isoformat(timespec="seconds"),
        "made_by": f"rootkeeper {__version__}",
        "kind": "sqlite" if places.database else "postgresql",
        "files": backups.describe(work),
    }
    backups.write_file(work / backups.MANIFEST, [json.dumps(manifest, indent=2).encode() + b"\n"])


def _copy_database(work: Path, places: backups.Places) -> None:
    """The engine's first: what our tables know and it doesn't, a server enqueues again."""
    if places.database is None or places.engine is None:
        backups.run_postgresql_tool("pg_dump", "--format=custom", "--file", str(work / backups.DUMP), url=places.url)
        (work / backups.DUMP).chmod(backups.PRIVATE)
        return
    if not places.database.is_file():
        raise DatabaseError(
            f"There is no database {places.database}.", hint="Check ROOTKEEPER_DATABASE_URL or --config."
        )
    if places.engine.is_file():
        copy_sqlite(places.engine, work / backups.ENGINE)
    copy_sqlite(places.database, work / backups.DATABASE)


def copy_sqlite(source: Path, target: Path) -> None:
    """One moment of the file, whatever is written meanwhile. Source: SQLite, "Using the SQLite Online Backup API".

    :raises DatabaseError: if it can't be read, or is damaged.
    """
    target.touch(mode=backups.PRIVATE)
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)
            writing.execute("PRAGMA synchronous=FULL")
            (found,) = writing.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise DatabaseError(f"{source} can't be copied: {error}.", hint="Check the file and the disk.") from error
    if found != "ok":
        raise DatabaseError(f"{source} is damaged: {found}.", hint="Restore the last good backup.")


if __name__ == "__main__":
    sys.exit(main())
