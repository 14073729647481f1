"""What a source of root events brought and nobody can understand, as lines of a file beside the database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from rootkeeper.domain.ledger import render_time
from rootkeeper.errors import DatabaseError
from rootkeeper.ports.clock import Clock
from rootkeeper.storage.line_files import cut_torn_end, open_locked, write_line

FULL_BYTES = 16 * 1024 * 1024
"""Beyond it nothing more is kept, only remarked: whoever can write to a source must not fill the disk."""
LONGEST_TEXT = 256 * 1024
_WAIT_SECONDS = 5.0


class UnreadableEventFile:
    """Implements ``ports.root_event_sources.UnreadableEvents``."""

    def __init__(self, path: Path, clock: Clock, warn: Callable[[str], None]) -> None:
        self._path = path
        self._clock = clock
        self._warn = warn

    def keep(self, source_name: str, text: str, problem: str) -> None:
        line = json.dumps(
            {
                "at": render_time(self._clock.now()),
                "source": source_name,
                "problem": problem[:500],
                "text": text[:LONGEST_TEXT],
            }
        )
        try:
            is_kept = self._append(line)
        except OSError as error:
            raise DatabaseError(
                f"An event that can't be understood can't be kept in {self._path}: {error.strerror}.",
                hint="Free some space, or check the folder's permissions.",
            ) from error
        where = f"it is kept in {self._path}" if is_kept else f"{self._path} is full, so it isn't kept"
        self._warn(f"An event from {source_name} can't be understood: {problem[:200]} {where[0].upper()}{where[1:]}.")

    def _append(self, line: str) -> bool:
        with open_locked(self._path, _WAIT_SECONDS) as handle:
            cut_torn_end(handle)
            if os.fstat(handle.fileno()).st_size + len(line) > FULL_BYTES:
                return False
            write_line(handle, line, durably=True)
        return True
