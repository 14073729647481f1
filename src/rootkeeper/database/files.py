"""Append-only files of lines that several processes write: mirror, anchor and spill; and files that are replaced whole.

A line counts once its line end is written. The next writer cuts off an incomplete line that a crash left.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 64 * 1024
_POLL_SECONDS = 0.01
_PRIVATE_FOLDER = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class LineFileBusyError(OSError):
    """Another process is writing to the file."""


def make_private_folder(folder: Path) -> None:
    """Create the folder, and the folders above it that are missing, each for this user alone, whatever the umask is.

    A folder that exists stays as it is.

    :raises OSError: if one can't be created.
    """
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER)
    except FileExistsError:
        if not folder.is_dir():
            raise
    except FileNotFoundError:
        if folder.parent.exists():  # as in /proc, where nothing can be created
            raise
        make_private_folder(folder.parent)
        make_private_folder(folder)
    else:
        folder.chmod(_PRIVATE_FOLDER)


def list_wide_folders(folders: Iterable[Path]) -> tuple[Path, ...]:
    """List the folders that other users may open; a missing or unreadable folder isn't listed."""
    return tuple(folder for folder in dict.fromkeys(folders) if _is_wide(folder))


def _is_wide(folder: Path) -> bool:
    """A group may open another user's folder: that is how Kubernetes gives a volume to a user that isn't root."""
    try:
        found = folder.stat()
    except OSError:
        return False
    return bool(found.st_mode & (_OTHERS if found.st_uid == os.geteuid() else stat.S_IRWXO))


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file. A device or pipe in its place is refused at once, because reading it could wait forever.

    :raises OSError: if it can't be opened, or isn't a regular file.
    """
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "it isn't a regular file", str(path))


@contextmanager
def open_locked(path: Path, wait_seconds: float) -> Iterator[BinaryIO]:
    """Open for reading and appending, created if necessary, and lock out other writers.

    :raises LineFileBusyError: if another writer holds the lock for longer than ``wait_seconds``.
    :raises OSError: if it can't be opened.
    """
    make_private_folder(path.parent)
    deadline = time.monotonic() + wait_seconds
    while True:
        handle = os.fdopen(open_regular(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW), "r+b")
        if try_lock(handle.fileno(), fcntl.LOCK_EX) and _is_still_at(handle, path):
            break
        handle.close()
        if time.monotonic() >= deadline:
            raise LineFileBusyError(f"Another process is writing to {path}.")
        time.sleep(_POLL_SECONDS)
    with handle:
        yield handle


def try_lock(handle: int, kind: int) -> bool:
    """Lock an open file or folder, by LOCK_EX or LOCK_SH, if no other process holds a conflicting lock."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still_at(handle: BinaryIO, path: Path) -> bool:
    """Whether the file wasn't renamed or removed while we waited for it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(handle.fileno())
    return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)


def cut_torn_end(handle: BinaryIO) -> None:
    """Remove the text after the last complete line."""
    end = _find_line_start(handle, handle.seek(0, os.SEEK_END))
    handle.truncate(end)
    handle.seek(end)


def read_last_line(handle: BinaryIO) -> bytes | None:
    """Read the last complete line, without its line end; ``None`` if there is none."""
    end = _find_line_start(handle, handle.seek(0, os.SEEK_END))
    if end == 0:
        return None
    start = _find_line_start(handle, end - 1)
    handle.seek(start)
    return handle.read(end - 1 - start)


def find_last_line(path: Path) -> bytes | None:
    """Find the last complete line of a file; ``None`` if there is none, or no file."""
    try:
        with os.fdopen(open_regular(path), "rb") as handle:
            return read_last_line(handle)
    except FileNotFoundError:
        return None


def cut_last_line(handle: BinaryIO) -> None:
    """Remove the last complete line."""
    end = _find_line_start(handle, handle.seek(0, os.SEEK_END))
    start = _find_line_start(handle, max(end - 1, 0))
    handle.truncate(start)
    handle.seek(start)


def read_lines(path: Path) -> Generator[bytes, None, None]:
    """Read the lines that are complete at the start of the reading, without their ends; none without a file."""
    try:
        handle = os.fdopen(open_regular(path), "rb")
    except FileNotFoundError:
        return
    with handle:
        left = os.fstat(handle.fileno()).st_size
        for line in handle:
            left -= len(line)
            if left < 0 or not line.endswith(b"\n"):
                return
            yield line[:-1]


def write_line(handle: BinaryIO, text: str) -> None:
    """Append a line, which is on disk afterwards.

    It is unbuffered: a buffer would later write again the text that a full disk refused.
    """
    descriptor = handle.fileno()
    os.lseek(descriptor, 0, os.SEEK_END)
    left = text.encode() + b"\n"
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


@contextmanager
def open_replacing(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a new file, which takes the place of ``path`` once it is on disk.

    Its folder isn't synced; see :func:`sync_folder`.

    :raises OSError: if it can't be written. An older file stays as it is, then and after any error of the caller.
    """
    beside = path.with_name(f".rootkeeper-{secrets.token_hex(8)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as target:
            yield target
            target.flush()
            os.fsync(handle)
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make new and renamed files in the folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _find_line_start(handle: BinaryIO, end: int) -> int:
    """Find the offset after the last line end before ``end``; 0 if there is none."""
    while end > 0:
        start = max(end - _BLOCK_BYTES, 0)
        handle.seek(start)
        position = handle.read(end - start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0
