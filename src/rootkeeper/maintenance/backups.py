"""Makes a backup while a server runs: one folder with everything that a restore needs.

The folder contains the key of second factors and who did what: keep it as safe as the server itself. It is written
completely or not at all. Mirror and anchor are copied before the database, so that it knows all entries in them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from rootkeeper import __version__
from rootkeeper.database.copying import copy_sqlite, dump_postgresql, read_first_dumped_row
from rootkeeper.database.engines import Store, open_store, reading
from rootkeeper.database.files import sync_folder
from rootkeeper.database.version import find_version
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.ledger.writer import Head, find_entry_hash, read_head
from rootkeeper.maintenance import files


def back_up(places: files.Places, parent: Path, now: datetime) -> Path:
    """Make a backup below ``parent``, and return its folder.

    :raises DatabaseError: if the database can't be read, or the copy has another ledger.
    :raises InputError: if the folder can't be written.
    """
    if places.database is not None and not places.database.is_file():
        raise DatabaseError(f"There is no database {places.database}.", hint="Check the database URL.")
    folder = parent / f"rootkeeper-{now:%Y%m%dT%H%M%SZ}"
    store = open_store(places.url)
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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


def _fill(work: Path, places: files.Places, store: Store, now: datetime) -> None:
    beside = {places.mirror: files.MIRROR, places.anchor: files.ANCHOR, places.key: files.KEY}
    for source, name in beside.items():
        if source.is_file():
            files.copy_file(source, work / name)
    for source in places.list_spills():
        files.copy_file(source, work / files.SPILLS / source.name)
    if places.policies.is_dir():
        for source in sorted(path for path in places.policies.iterdir() if path.is_file()):
            files.copy_file(source, work / files.POLICIES / source.name)
    with reading(store) as connection:
        version, before = find_version(connection, store), read_head(connection)
    copied = _copy_database(work, places)
    _require_same_ledger(store, before, copied)
    manifest = {
        "schema_version": files.SCHEMA_VERSION,
        "made_at": now.isoformat(timespec="seconds"),
        "made_by": f"rootkeeper {__version__}",
        "kind": places.kind,
        "database_version": version,
        "ledger_head": {"sequence": copied.sequence, "entry_hash": copied.entry_hash},
        "files": files.describe(work),
    }
    files.write_file(work / files.MANIFEST, [json.dumps(manifest, indent=2).encode() + b"\n"])


def _copy_database(work: Path, places: files.Places) -> Head:
    """Copy the engine's first: a server enqueues again what our tables know and the engine doesn't.

    :returns: the head of the ledger in the copy.
    """
    if places.database is None or places.engine is None:
        dump = work / files.DUMP
        dump_postgresql(places.url, dump)
        return _read_dumped_head(dump)
    if places.engine.is_file():
        copy_sqlite(places.engine, work / files.ENGINE)
    target = work / files.DATABASE
    copy_sqlite(places.database, target)
    copy = open_store(f"sqlite:///{target}")
    try:
        with reading(copy) as connection:
            return read_head(connection)
    finally:
        copy.engine.dispose()


def _read_dumped_head(dump: Path) -> Head:
    """Read the one row of the ledger's head."""
    found = read_first_dumped_row(dump, "ledger_head")
    if found:
        return Head(int(found["sequence"]), found["entry_hash"], found["organization_id"])
    raise DatabaseError("The dump doesn't contain the head of the ledger.", hint="Check the disk, then try again.")


def _require_same_ledger(store: Store, before: Head, copied: Head) -> None:
    """Check that the copy's last entry is one of the database, and not before the one that it had at the start."""
    with reading(store) as connection:
        known = find_entry_hash(connection, copied.sequence) if copied.sequence else copied.entry_hash
    if copied.sequence < before.sequence or known != copied.entry_hash:
        raise DatabaseError(
            f"The backup's ledger ends at entry {copied.sequence}, which isn't the database's entry of that number.",
            hint="Verify the ledger, then try again.",
        )
