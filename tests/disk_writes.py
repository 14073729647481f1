"""What a test's process has waited for until it was on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

LINUX = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name an open file")


@dataclass
class DiskWrites:
    """Every ``os.fsync``: the path, and what the file contained then; empty for a folder."""

    synced: list[tuple[Path, bytes]] = field(default_factory=list)

    @classmethod
    def record(cls, monkeypatch: pytest.MonkeyPatch) -> DiskWrites:
        """Record from now on, until the test ends."""
        found, sync = cls(), os.fsync

        def note(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            sync(descriptor)
            found.synced.append((path, path.read_bytes() if path.is_file() else b""))

        monkeypatch.setattr(os, "fsync", note)
        return found

    def find(self, path: Path) -> bytes | None:
        """What the file contained when it was last waited for; ``None`` if it never was."""
        return next((content for synced, content in reversed(self.synced) if synced == path), None)
