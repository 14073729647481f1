"""Restores a backup in place of what is there now, which is kept beside it.

A mirror and an anchor that exist stay: they know what happened after the backup, so that the restore shows until it is
adopted. On PostgreSQL the database must be empty.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from sqlalchemy import inspect

from rootkeeper.clock import Clock
from rootkeeper.composition.database import DEFAULT_LEASE_SECONDS
from rootkeeper.database.copying import restore_postgresql
from rootkeeper.database.engines import open_store, reading
from rootkeeper.database.processes import take_server_lock
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.maintenance import files

_COMPANIONS = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps beside a file. Source: SQLite, "Temporary Files Used By SQLite"."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is complete, as its manifest describes it."""

    folder: Path
    made_at: datetime
    database_version: str | None


def open_backup(folder: Path, places: files.Places) -> Backup:
    """Check that the backup is complete and fits the settings.

    :raises InputError: if it doesn't.
    """
    manifest = files.read_manifest(folder)
    if manifest["kind"] != places.kind:
        raise InputError(
            f"The backup is of {manifest['kind']}, the settings name {places.kind}.", hint="Check the settings."
        )
    made_at = datetime.fromisoformat(manifest["made_at"])
    return Backup(folder, made_at, manifest.get("database_version"))


def restore(backup: Backup, places: files.Places, clock: Clock) -> None:
    """Put everything where it belongs.

    :raises InputError: if the database on PostgreSQL isn't empty.
    :raises ServerRunningError: if a server runs on the database.
    :raises DatabaseError: if the database can't be restored.
    """
    now = clock.now()
    with take_server_lock(places.url, clock, DEFAULT_LEASE_SECONDS, None) or nullcontext():
        try:
            _restore_database(backup.folder, places, now)
            _restore_rest(backup.folder, places, now)
        except OSError as error:
            raise DatabaseError(
                f"The backup {backup.folder} can't be restored: {error}.", hint="Nothing was deleted; try again."
            ) from error


def _restore_database(folder: Path, places: files.Places, now: datetime) -> None:
    if places.database is None or places.engine is None:
        _require_empty(places.url)
        restore_postgresql(places.url, folder / files.DUMP)
        return
    for name, place in ((files.ENGINE, places.engine), (files.DATABASE, places.database)):
        _put_aside(place, now)
        if (folder / name).is_file():
            files.copy_file(folder / name, place)


def _restore_rest(folder: Path, places: files.Places, now: datetime) -> None:
    key = folder / files.KEY
    if key.is_file() and not (places.key.is_file() and places.key.read_bytes() == key.read_bytes()):
        _put_aside(places.key, now)
        files.copy_file(key, places.key)
    for name, place in ((files.MIRROR, places.mirror), (files.ANCHOR, places.anchor)):
        _copy_if_missing(folder / name, place)
    for name, target in ((files.POLICIES, places.policies), (files.SPILLS, places.spills)):
        for source in sorted((folder / name).glob("*")):
            _copy_if_missing(source, target / source.name)


def _copy_if_missing(source: Path, target: Path) -> None:
    if source.is_file() and not target.exists():
        files.copy_file(source, target)


def _put_aside(path: Path, now: datetime) -> None:
    """Rename a file with SQLite's companions, so that they aren't taken for those of the restored one.

    No file has the new name: another restore in the same second can have put one aside, too.
    """
    usual = f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}"
    names = chain([usual], (f"{usual}-{number}" for number in count(2)))
    aside = next(name for name in names if not any(path.with_name(name + one).exists() for one in _COMPANIONS))
    for ending in _COMPANIONS:
        one = path.with_name(path.name + ending)
        if one.exists():
            one.rename(path.with_name(aside + ending))


def _require_empty(url: str) -> None:
    store = open_store(url)
    try:
        with reading(store) as connection:
            names = inspect(connection).get_table_names()
    finally:
        store.engine.dispose()
    if names:
        raise InputError(
            "The database isn't empty.",
            hint="Make a new one (createdb), name it in the settings, and restore into that.",
        )
