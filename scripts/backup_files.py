"""What a backup of Rootkeeper holds, and where each part of it belongs.

The database is what counts. Beside it go the engine's file, the key of second factors, saved policies and spill files,
and the two copies of the ledger that an older database is told by: mirror and anchor.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

from rootkeeper.database.files import sync_folder
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.ledger.spill import list_spill_files
from rootkeeper.settings.reading import SQLITE_PREFIX, load_user_settings
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
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of one installation is."""

    url: str
    """Of the database; may hold a password."""
    database: Path | None
    """The SQLite file; ``None`` on PostgreSQL."""
    key: Path
    mirror: Path
    anchor: Path
    policies: Path
    spills: Path

    @property
    def engine(self) -> Path | None:
        return None if self.database is None else self.database.with_name(self.database.name + FILE_ENDING)

    def list_spills(self) -> tuple[Path, ...]:
        return list_spill_files(self.spills)


def find_places(config: Path | None) -> Places:
    """As the settings have them.

    :raises SettingsError: if a setting can't be used.
    """
    settings = load_user_settings(config)
    url = settings.database.url
    is_file = url.startswith(SQLITE_PREFIX)
    return Places(
        url=url,
        database=Path(make_url(url).database or "").absolute() if is_file else None,
        key=settings.server.key_file,
        mirror=settings.ledger.mirror,
        anchor=settings.ledger.anchor,
        policies=settings.unlock.saved_policies,
        spills=settings.ledger.spill,
    )


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes as :func:`write_file` writes them."""
    with source.open("rb") as read:
        write_file(target, iter(lambda: read.read(1 << 20), b""))


def write_file(target: Path, blocks: Iterable[bytes]) -> None:
    """Make a file, for the owner alone, and wait until it is on disk."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as written:
        written.writelines(blocks)
        written.flush()
        os.fsync(written.fileno())
    sync_folder(target.parent)


def run_postgresql_tool(tool: str, *arguments: str, url: str) -> None:
    """Run ``pg_dump`` or ``pg_restore`` on the database; its password is on no command line and in no environment.

    :raises DatabaseError: if the tool isn't there, or fails.
    """
    address = make_url(url)
    _, parts = address.get_dialect()().create_connect_args(address)
    password = parts.pop("password", None)
    withheld = ("ROOTKEEPER_",) if password is None else ("ROOTKEEPER_", "PGPASSWORD")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(withheld)}
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as passwords:
            if password is not None:
                passwords.write(_render_password_line(str(password)))
                passwords.flush()
                parts["passfile"] = passwords.name
            command = [tool, *arguments, "--no-owner", "--no-privileges", "--dbname", make_conninfo("", **parts)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - a tool of PostgreSQL
    except FileNotFoundError as error:
        raise DatabaseError(
            f"{tool} isn't on this machine.",
            hint="Install PostgreSQL's client tools, of the server's version or later.",
        ) from error
    if done.returncode:
        raise DatabaseError(f"{tool} failed: {done.stderr.strip()}", hint="Check the database's address and rights.")


def _render_password_line(password: str) -> str:
    """For any server. Source: PostgreSQL, "The Password File" of libpq."""
    return "*:*:*:*:" + re.sub(r"([:\\])", r"\\\1", password) + "\n"


def describe(folder: Path) -> dict[str, str]:
    """The files below a folder, each with the SHA-256 of its content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {str(path.relative_to(folder)): hash_file(path) for path in files}


def hash_file(path: Path) -> str:
    """SHA-256, in hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the backup says of itself, once every file of it is found as it was written.

    :raises InputError: if it isn't a backup, or not whole any more.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files, version = manifest["files"], manifest["schema_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} isn't a backup: {MANIFEST} can't be read.", hint="Name a backup's folder."
        ) from error
    if version != SCHEMA_VERSION:
        raise InputError(f"{folder} is a backup of another version.", hint="Restore it with that version's script.")
    if describe(folder) != files:
        raise InputError(f"{folder} isn't whole: its files aren't those that were written.", hint="Use another backup.")
    return manifest
