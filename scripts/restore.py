#!/usr/bin/env python3
"""Restore a backup of Rootkeeper: in place of what is there now, which is kept beside it.

Mirror and anchor that are there stay: they know what happened since the backup, so that the restore shows until
``rootkeeper ledger adopt`` records it. On PostgreSQL the database must be empty.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import SQLAlchemyError

import backup_files as backups
from rootkeeper.cli.failures import report_error
from rootkeeper.cli.terminal import Terminal
from rootkeeper.clock import SystemClock
from rootkeeper.composition.database import DEFAULT_LEASE_SECONDS
from rootkeeper.database.processes import take_server_lock
from rootkeeper.errors import DatabaseError, InputError, RootkeeperError

NEXT = """Restored. Next:
  rootkeeper ledger adopt     records the restore, if mirror or anchor know of later entries
  rootkeeper ledger verify    checks every entry
  rootkeeper serve            closes first what is overdue"""
_COMPANIONS = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps beside a file. Source: SQLite, "Temporary Files Used By SQLite"."""


def main() -> int:
    """Ends with 0, or as the program does when something is in the way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0] if __doc__ else None)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file that the server is given")
    parser.add_argument("backup", type=Path, metavar="BACKUP", help="the folder that backup.py has printed")
    options = parser.parse_args()
    try:
        restore(options.backup, backups.find_places(options.config), datetime.now(UTC))
    except RootkeeperError as error:
        return report_error(error, Terminal())
    print(NEXT)
    return 0


def restore(folder: Path, places: backups.Places, now: datetime) -> None:
    """Put everything where it belongs.

    :raises InputError: if the backup isn't whole, or is of another kind of database.
    :raises ServerRunningError: if a server runs on the database.
    :raises DatabaseError: if the database can't be restored.
    """
    manifest = backups.read_manifest(folder)
    kind = "sqlite" if places.database else "postgresql"
    if manifest["kind"] != kind:
        raise InputError(f"The backup is of {manifest['kind']}, the settings name {kind}.", hint="Check --config.")
    with ExitStack() as held:
        lock = take_server_lock(places.url, SystemClock(), DEFAULT_LEASE_SECONDS, None)
        if lock is not None:
            held.enter_context(lock)
        try:
            _restore_database(folder, places, now)
            _restore_rest(folder, places, now)
        except OSError as error:
            raise DatabaseError(f"It can't be restored: {error}.", hint="Nothing was deleted; try again.") from error


def _restore_database(folder: Path, places: backups.Places, now: datetime) -> None:
    if places.database is None or places.engine is None:
        _ensure_empty(places.url)
        dump = str(folder / backups.DUMP)
        backups.run_postgresql_tool("pg_restore", "--exit-on-error", "--single-transaction", dump, url=places.url)
        return
    for name, place in ((backups.ENGINE, places.engine), (backups.DATABASE, places.database)):
        _put_aside(place, now)
        if (folder / name).is_file():
            backups.copy_file(folder / name, place)


def _restore_rest(folder: Path, places: backups.Places, now: datetime) -> None:
    key = folder / backups.KEY
    if key.is_file() and not (places.key.is_file() and places.key.read_bytes() == key.read_bytes()):
        _put_aside(places.key, now)
        backups.copy_file(key, places.key)
    for name, place in ((backups.MIRROR, places.mirror), (backups.ANCHOR, places.anchor)):
        _copy_if_missing(folder / name, place)
    for name, target in ((backups.POLICIES, places.policies), (backups.SPILLS, places.spills)):
        for source in sorted((folder / name).glob("*")):
            _copy_if_missing(source, target / source.name)


def _copy_if_missing(source: Path, target: Path) -> None:
    if source.is_file() and not target.exists():
        backups.copy_file(source, target)


def _put_aside(path: Path, now: datetime) -> None:
    """SQLite's companions go with their file, lest they be taken for those of the restored one."""
    for ending in _COMPANIONS:
        one = path.with_name(path.name + ending)
        if one.exists():
            one.rename(path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}{ending}"))


def _ensure_empty(url: str) -> None:
    engine = create_engine(url)
    try:
        names = inspect(engine).get_table_names()
    except SQLAlchemyError as error:
        raise DatabaseError("The database can't be opened.", hint="Check its address.") from error
    finally:
        engine.dispose()
    if names:
        raise InputError(
            "The database isn't empty.",
            hint="Make a new one (createdb), name it in the settings, and restore into that.",
        )


if __name__ == "__main__":
    sys.exit(main())
