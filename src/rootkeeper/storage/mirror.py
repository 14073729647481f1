"""The mirror: every ledger entry as a line of JSON, in a file beside the database.

It follows the ledger and never holds it up: only what is committed is copied, so the mirror can't know more than the
database, unless that was restored or cut. A mirror that contradicts the database is left as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO, Self

from rootkeeper.domain.ledger import render_entry
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.ledger_reading import find_entry_hash, stream_rows
from rootkeeper.storage.line_files import (
    cut_last_line,
    cut_torn_end,
    open_locked,
    read_last_line,
    read_lines,
    sync_folder,
)
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import Head, parse_entry_row


class CopyConflictError(ValueError):
    """A copy knows another past than the database."""


class Mirror:
    """One mirror file, shared by all processes that write to the database."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_last(self) -> Head | None:
        """The last entry it knows.

        :raises OSError: if it can't be read.
        """
        try:
            with self.path.open("rb") as handle:
                line = read_last_line(handle)
        except FileNotFoundError:
            return None
        return None if line is None else find_head(line)

    def catch_up(self, store: Store, wait_seconds: float) -> None:
        """Copy what is missing.

        :raises OSError: if it can't be written.
        :raises CopyConflictError: if it knows entries that the database hasn't.
        """
        with open_locked(self.path, wait_seconds) as handle:
            last = _prepare_end(handle)
            with reading(store) as connection:
                if last is not None and find_entry_hash(connection, last.sequence) != last.entry_hash:
                    raise CopyConflictError(f"the database doesn't have its entry {last.sequence}")
                for row in stream_rows(connection, since_sequence=0 if last is None else last.sequence):
                    handle.write(render_entry(parse_entry_row(row)).encode() + b"\n")
            handle.flush()

    def set_aside(self, suffix: str) -> None:
        """Rename it, so that a new one begins."""
        if self.path.exists():
            self.path.rename(self.path.with_name(f"{self.path.name}.{suffix}"))
            sync_folder(self.path.parent)


class MirrorLines:
    """The lines of a mirror as it is when this is made, read along with the entries of the database."""

    def __init__(self, mirror: Mirror | None) -> None:
        self._lines = None if mirror is None else read_lines(mirror.path)
        self._sequence = 0
        self._line = b""
        self._has_ended = False
        self._advance()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lines is not None:
            self._lines.close()

    def take(self, sequence: int) -> bytes | None:
        """The line of that entry; empty if the mirror goes on without it, ``None`` if it ends before."""
        while self._sequence < sequence and not self._has_ended:
            self._advance()
        if self._has_ended and self._sequence < sequence:
            return None
        return self._line if self._sequence == sequence else b""

    def find_last_sequence(self) -> int:
        """The last entry that the mirror knows; 0 if none. Reads it to its end."""
        while not self._has_ended:
            self._advance()
        return self._sequence

    def _advance(self) -> None:
        line = None if self._lines is None else next(self._lines, None)
        if line is None:
            self._has_ended = True
        elif (head := find_head(line)) is not None:
            self._sequence, self._line = head.sequence, line


def _prepare_end(handle: BinaryIO) -> Head | None:
    """Cut what a crash left behind the last line that is an entry, and stand there."""
    cut_torn_end(handle)
    while (line := read_last_line(handle)) is not None:
        head = find_head(line)
        if head is not None:
            cut_torn_end(handle)
            return head
        cut_last_line(handle)
    return None


def find_head(line: bytes) -> Head | None:
    try:
        fields = json.loads(line)
        return Head(int(fields["sequence"]), str(fields["entry_hash"]), str(fields["organization_id"]))
    except (ValueError, KeyError, TypeError):
        return None
