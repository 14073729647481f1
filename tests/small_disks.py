"""A file system of a few megabytes that a test fills to the last byte: what a full disk is to every program on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_BLOCK_BYTES = 4096
NEEDS_MOUNTING = "a small disk needs the right to mount a file system"


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, but_bytes: int = 0) -> None:
        """Take all space that is left. Files keep the blocks that they have, so they can be written over.

        :param but_bytes: how much to leave.
        """
        with self._ballast.open("ab", buffering=0) as handle, suppress(OSError):
            while handle.write(bytes(_BLOCK_BYTES)):
                pass
        os.truncate(self._ballast, self._ballast.stat().st_size - but_bytes)

    def free(self) -> None:
        self._ballast.unlink()


@contextmanager
def mounted_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount one; skip the test where that isn't allowed."""
    folder.mkdir()
    options = f"size={megabytes}m,mode=0700"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(NEEDS_MOUNTING)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
