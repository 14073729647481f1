"""Writes a report's file whole or not at all, and reads it again."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from rootkeeper.database.files import sync_folder


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place once it is on the disk; a new one can be read by this user alone.

    :raises OSError: if it can't be written; an older file stays as it is.
    """
    beside = path.with_name(f".rootkeeper-{secrets.token_hex(8)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(handle)
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def find_sha256(path: Path) -> str | None:
    """Hash what is in a file; ``None`` if there is none.

    :raises OSError: if it can't be read.
    """
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except FileNotFoundError:
        return None
