"""What a backup contains, and where each part of it belongs.

Beside the database go the engine's file, the key of second factors, saved policies and spill files, and the two copies
of the ledger that reveal an older database: mirror and anchor.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from sqlalchemy import make_url

from rootkeeper.database.copying import PRIVATE
from rootkeeper.database.files import sync_folder
from rootkeeper.errors import InputError
from rootkeeper.ledger.spill import list_spill_files
from rootkeeper.settings.reading import APPLICATION_NAME, SQLITE_PREFIX
from rootkeeper.settings.sections import Settings
from rootkeeper.worker.engine import FILE_ENDING

MANIFEST = "backup.json"
SCHEMA_VERSION = 1
DATABASE = "rootkeeper.db"
ENGINE = "engine.db"
DUMP = "database.dump"
KEY = "server.key"
MIRROR = "mirror.jsonl"
ANCHOR = "anchor.jsonl"
POLICIES = "policies"
SPILLS = "spills"


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of one installation is."""

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
    """The folder of backups for which no other one is named."""

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


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes as :func:`write_file` writes them."""
    with source.open("rb") as read:
        write_file(target, iter(lambda: read.read(1 << 20), b""))


def write_file(target: Path, blocks: Iterable[bytes]) -> None:
    """Create a file for the owner alone, and wait until it is on disk."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as written:
        written.writelines(blocks)
        written.flush()
        os.fsync(written.fileno())
    sync_folder(target.parent)


def describe(folder: Path) -> dict[str, str]:
    """List the files below a folder, each with the SHA-256 of its content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {str(path.relative_to(folder)): hash_file(path) for path in files}


def hash_file(path: Path) -> str:
    """Return the SHA-256, in hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read what the backup says of itself, if every file of it is as it was written.

    :raises InputError: if it isn't a backup, or is incomplete.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files, version = manifest["files"], manifest["schema_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} isn't a backup: {MANIFEST} can't be read.", hint="Name the folder of a backup."
        ) from error
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{folder} is a backup of another version.", hint="Restore it with the Rootkeeper that made it."
        )
    if describe(folder) != files:
        raise InputError(f"{folder} is incomplete: its files aren't those that were written.", hint="Use another one.")
    return manifest
