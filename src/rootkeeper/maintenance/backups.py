"""Makes a backup, also while a server runs, and restores it while none runs.

A backup is a folder. Beside the database it contains the engine's file, the key of second factors, saved policies and
spill files, and the two copies of the ledger that reveal an older database: mirror and anchor. Those two are copied
before the database, so that it knows all entries in them. The folder contains the key and the ledger: keep it as safe
as the server itself. It is written completely or not at all.

A restore puts the previous files aside. A mirror and an anchor that exist stay: they know the entries after the backup,
so that the restore shows until it is adopted. On PostgreSQL the database must be empty.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

import platformdirs
from sqlalchemy import inspect, make_url

from rootkeeper import __version__
from rootkeeper.clock import Clock
from rootkeeper.database.copying import PRIVATE, copy_sqlite, dump_postgresql, read_first_dumped_row, restore_postgresql
from rootkeeper.database.engines import Store, open_store, reading
from rootkeeper.database.files import make_private_folder, sync_folder
from rootkeeper.database.processes import take_server_lock
from rootkeeper.database.version import find_version
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.ledger.database import DEFAULT_LEASE_SECONDS
from rootkeeper.ledger.spill import list_spill_files
from rootkeeper.ledger.writer import Head, find_entry_hash, read_head
from rootkeeper.settings.reading import APPLICATION_NAME, SQLITE_PREFIX
from rootkeeper.settings.sections import Settings
from rootkeeper.worker.engine import FILE_ENDING

_MANIFEST = "backup.json"
_SCHEMA_VERSION = 1
_DATABASE = "rootkeeper.db"
_ENGINE = "engine.db"
_DUMP = "database.dump"
_KEY = "server.key"
_MIRROR = "mirror.jsonl"
_ANCHOR = "anchor.jsonl"
_POLICIES = "policies"
_SPILLS = "spills"

_COMPANIONS = ("", "-wal", "-shm", "-journal")
"""Endings of the files that SQLite keeps for a database. Source: SQLite, "Temporary Files Used By SQLite"."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of an installation's data."""

    url: str
    """Of the database; it may contain a password."""
    database: Path | None
    """The SQLite file; ``None`` on PostgreSQL."""
    key: Path
    mirror: Path
    anchor: Path
    policies: Path
    spills: Path
    backups: Path
    """The usual folder of backups."""

    @property
    def kind(self) -> str:
        return "postgresql" if self.database is None else "sqlite"

    @property
    def engine(self) -> Path | None:
        return None if self.database is None else self.database.with_name(self.database.name + FILE_ENDING)

    def list_spills(self) -> tuple[Path, ...]:
        return list_spill_files(self.spills)


def find_places(settings: Settings) -> Places:
    """Find the places that the settings name."""
    url = settings.database.url
    database, backups = None, platformdirs.user_data_path(APPLICATION_NAME, appauthor=False) / "backups"
    if url.startswith(SQLITE_PREFIX):
        database = Path(make_url(url).database or "").absolute()
        backups = database.with_name(database.name + ".backups")
    return Places(
        url=url,
        database=database,
        key=settings.server.key_file,
        mirror=settings.ledger.mirror,
        anchor=settings.ledger.anchor,
        policies=settings.unlock.saved_policies,
        spills=settings.ledger.spill,
        backups=backups,
    )


def back_up(places: Places, parent: Path, now: datetime) -> Path:
    """Make a backup below ``parent``, and return its folder.

    :raises DatabaseError: if the database can't be read, or the copy has another ledger.
    :raises InputError: if the folder can't be written.
    """
    if places.database is not None and not places.database.is_file():
        raise DatabaseError(f"There is no database {places.database}.", hint="Check the database URL.")
    folder = parent / f"rootkeeper-{now:%Y%m%dT%H%M%SZ}"
    store = open_store(places.url)
    try:
        make_private_folder(parent)
        if folder.exists():
            raise InputError(f"{folder} exists already.", hint="Wait a second, or name another folder.")
        work = Path(tempfile.mkdtemp(prefix=".rootkeeper-", dir=parent))
        try:
            _fill(work, places, store, now)
            work.rename(folder)
            sync_folder(parent)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    except OSError as error:
        raise InputError(
            f"{folder} can't be written: {error.strerror}.", hint="Check the folder and the disk."
        ) from error
    finally:
        store.engine.dispose()
    return folder


def _fill(work: Path, places: Places, store: Store, now: datetime) -> None:
    beside = {places.mirror: _MIRROR, places.anchor: _ANCHOR, places.key: _KEY}
    for source, name in beside.items():
        if source.is_file():
            _copy_file(source, work / name)
    for source in places.list_spills():
        _copy_file(source, work / _SPILLS / source.name)
    if places.policies.is_dir():
        for source in sorted(path for path in places.policies.iterdir() if path.is_file()):
            _copy_file(source, work / _POLICIES / source.name)
    with reading(store) as connection:
        version, before = find_version(connection, store), read_head(connection)
    copied = _copy_database(work, places)
    # The copy's last entry must be in the database, and not before the database's last entry at the start.
    with reading(store) as connection:
        known = find_entry_hash(connection, copied.sequence) if copied.sequence else copied.entry_hash
    if copied.sequence < before.sequence or known != copied.entry_hash:
        raise DatabaseError(
            f"The backup's ledger ends at entry {copied.sequence}, which isn't the database's entry of that number.",
            hint="Verify the ledger, then try again.",
        )
    manifest = {
        "schema_version": _SCHEMA_VERSION,
        "made_at": now.isoformat(timespec="seconds"),
        "made_by": f"rootkeeper {__version__}",
        "kind": places.kind,
        "database_version": version,
        "ledger_head": {"sequence": copied.sequence, "entry_hash": copied.entry_hash},
        "files": _describe(work),
    }
    _write_file(work / _MANIFEST, [json.dumps(manifest, indent=2).encode() + b"\n"])


def _copy_database(work: Path, places: Places) -> Head:
    """Copy the engine's file first: a server enqueues again the jobs that our tables know and the engine doesn't.

    :returns: the head of the ledger in the copy.
    """
    if places.database is None or places.engine is None:
        dump = work / _DUMP
        dump_postgresql(places.url, dump)
        found = read_first_dumped_row(dump, "ledger_head")
        if found:
            return Head(int(found["sequence"]), found["entry_hash"], found["organization_id"])
        raise DatabaseError("The dump doesn't contain the head of the ledger.", hint="Check the disk, then try again.")
    if places.engine.is_file():
        copy_sqlite(places.engine, work / _ENGINE)
    target = work / _DATABASE
    copy_sqlite(places.database, target)
    copy = open_store(f"sqlite:///{target}")
    try:
        with reading(copy) as connection:
            return read_head(connection)
    finally:
        copy.engine.dispose()


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is complete, as its manifest describes it."""

    folder: Path
    made_at: datetime
    database_version: str | None


def open_backup(folder: Path, places: Places) -> Backup:
    """Check that the backup is complete and fits the settings.

    :raises InputError: if it doesn't.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        files, version = manifest["files"], manifest["schema_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} isn't a backup: {_MANIFEST} can't be read.", hint="Name the folder of a backup."
        ) from error
    if version != _SCHEMA_VERSION:
        raise InputError(
            f"{folder} is a backup of another version.", hint="Restore it with the Rootkeeper that made it."
        )
    if _describe(folder) != files:
        raise InputError(f"{folder} is incomplete: its files aren't those that were written.", hint="Use another one.")
    if manifest["kind"] != places.kind:
        raise InputError(
            f"The backup is of {manifest['kind']}, the settings name {places.kind}.", hint="Check the settings."
        )
    return Backup(folder, datetime.fromisoformat(manifest["made_at"]), manifest.get("database_version"))


def restore(backup: Backup, places: Places, clock: Clock) -> None:
    """Put everything where it belongs.

    :raises InputError: if the database on PostgreSQL isn't empty.
    :raises ServerRunningError: if a server runs on the database.
    :raises DatabaseError: if the database can't be restored.
    """
    now = clock.now()
    with take_server_lock(places.url, clock, DEFAULT_LEASE_SECONDS, None) or nullcontext():
        try:
            _restore_files(backup.folder, places, now)
        except OSError as error:
            raise DatabaseError(
                f"The backup {backup.folder} can't be restored: {error}.", hint="Nothing was deleted; try again."
            ) from error


def _restore_files(folder: Path, places: Places, now: datetime) -> None:
    if places.database is None or places.engine is None:
        store = open_store(places.url)
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
        restore_postgresql(places.url, folder / _DUMP)
    else:
        for name, place in ((_ENGINE, places.engine), (_DATABASE, places.database)):
            _put_aside(place, now)
            if (folder / name).is_file():
                _copy_file(folder / name, place)
    key = folder / _KEY
    if key.is_file() and not (places.key.is_file() and places.key.read_bytes() == key.read_bytes()):
        _put_aside(places.key, now)
        _copy_file(key, places.key)
    kept = {folder / _MIRROR: places.mirror, folder / _ANCHOR: places.anchor}
    for name, target in ((_POLICIES, places.policies), (_SPILLS, places.spills)):
        kept |= {source: target / source.name for source in sorted((folder / name).glob("*"))}
    for source, place in kept.items():
        if source.is_file() and not place.exists():
            _copy_file(source, place)


def _put_aside(path: Path, now: datetime) -> None:
    """Rename a file with SQLite's companions, so that they aren't taken for companions of the restored file.

    No file has the new name: another restore in the same second can have put files aside, too.
    """
    usual = f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}"
    names = chain([usual], (f"{usual}-{number}" for number in count(2)))
    aside = next(name for name in names if not any(path.with_name(name + ending).exists() for ending in _COMPANIONS))
    for ending in _COMPANIONS:
        file = path.with_name(path.name + ending)
        if file.exists():
            file.rename(path.with_name(aside + ending))


def _copy_file(source: Path, target: Path) -> None:
    """Copy the bytes as :func:`_write_file` writes them."""
    with source.open("rb") as read:
        _write_file(target, iter(lambda: read.read(1 << 20), b""))


def _write_file(target: Path, blocks: Iterable[bytes]) -> None:
    """Create a file for the owner alone, and wait until it is on disk."""
    make_private_folder(target.parent)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as written:
        written.writelines(blocks)
        written.flush()
        os.fsync(written.fileno())
    sync_folder(target.parent)


def _describe(folder: Path) -> dict[str, str]:
    """List the files below a folder, each with the SHA-256 of its content."""
    described: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _MANIFEST):
        with path.open("rb") as content:
            described[str(path.relative_to(folder))] = hashlib.file_digest(content, "sha256").hexdigest()
    return described
