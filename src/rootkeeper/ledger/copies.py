"""Copies of the ledger: the mirror, the anchor, and the thread that updates them outside the fail-closed path.

The mirror is a file beside the database with every entry as a line of JSON. The anchor is a file in another place with
heads of the ledger: a person who rewrites the database can't change it, so that a cut or rewritten ledger is detected.
Only committed entries are copied. An error is reported once and delays no caller.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from sqlalchemy import Connection, select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.database.files import (
    LineFileBusyError,
    cut_last_line,
    cut_torn_end,
    find_last_line,
    open_regular,
    read_last_line,
    read_lines,
    sync_folder,
)
from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.anchor import (
    ADOPTION_SECONDS,
    BUSY_SECONDS,
    Anchor,
    AnchoredHead,
    CopyDamagedError,
    open_copy,
    require_complete,
)
from rootkeeper.ledger.memory import CopyMemory, CopyName
from rootkeeper.ledger.rules import render_entry
from rootkeeper.ledger.store import stream_rows
from rootkeeper.ledger.writer import Head, find_entry_hash, parse_entry_row, read_head
from rootkeeper.shapes import parse_facts


class CopyConflictError(ValueError):
    """A copy contradicts the database."""


class Mirror:
    """A mirror file, shared by all processes that write to the database."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_last(self) -> Head | None:
        """Find the last entry in the mirror.

        :raises OSError: if it can't be read.
        :raises CopyDamagedError: if its last line isn't an entry.
        """
        line = find_last_line(self.path)
        head = None if line is None else find_head(line)
        if line is not None and head is None:
            raise CopyDamagedError(f"the last line of {self.path} isn't an entry of the ledger")
        return head

    def catch_up(self, store: Store, wait_seconds: float, *, holds: int | None) -> Head | None:
        """Copy the missing entries; return the last head in it, which may not be on disk yet.

        :param holds: the last entry that it is known to have; ``None`` if it may be missing.
        :raises OSError: if it can't be written.
        :raises DatabaseError: if the database can't be read; the copy is left unchanged.
        :raises CopyMissingError: if it was removed, emptied or cut; it is left unchanged.
        :raises CopyConflictError: if it contains entries that the database doesn't; it is left unchanged.
        """
        with reading(store) as connection:
            read_head(connection)  # otherwise the copy would create the folder of a removed database again
        with open_copy(self.path, wait_seconds, holds=holds) as handle:
            last = _prepare_end(handle)
            require_complete(str(self.path), last, holds)
            with reading(store) as connection:
                if last is not None and find_entry_hash(connection, last.sequence) != last.entry_hash:
                    raise CopyConflictError(f"the database doesn't have its entry {last.sequence}")
                for row in stream_rows(connection, since_sequence=0 if last is None else last.sequence):
                    entry = parse_entry_row(row)
                    handle.write(render_entry(entry).encode() + b"\n")
                    last = Head(entry.sequence, entry.entry_hash, entry.organization_id)
            handle.flush()
        return last

    def sync(self) -> None:
        """Wait until it is on disk, its name included.

        :raises OSError: if that fails.
        """
        with os.fdopen(open_regular(self.path), "rb") as handle:
            os.fsync(handle.fileno())
        sync_folder(self.path.parent)

    def set_aside(self, suffix: str) -> None:
        """Rename the mirror, so that a new mirror begins."""
        if self.path.exists():
            self.path.rename(self.path.with_name(f"{self.path.name}.{suffix}"))
            sync_folder(self.path.parent)


class MirrorLines:
    """The lines of a mirror, read together with the entries of the database."""

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
        """Return the line of an entry; empty if the mirror lacks it, ``None`` if the mirror ends before it."""
        while self._sequence < sequence and not self._has_ended:
            self._advance()
        if self._has_ended and self._sequence < sequence:
            return None
        return self._line if self._sequence == sequence else b""

    def find_last_sequence(self) -> int:
        """Return the last sequence in the mirror, 0 if it is empty. Reads it to its end."""
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
    """Remove the text that a crash left after the last complete entry, and seek to the end."""
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
        return parse_facts(Head, json.loads(line))
    except (ValueError, KeyError, TypeError):
        return None


ANCHOR_SECONDS = 10.0
"""How long the copies wait for entries, and how often the mirror's head is remembered."""

_GATHER_SECONDS = 0.25
"""Between two copies, because each copy costs some reads."""

_CLOSING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A head that is known outside of the database."""

    source: str
    """For messages."""
    key: str
    """For the record of an adoption."""
    head: Head


class LedgerCopies:
    """The mirror and the anchor of a database, if it has them, and the memory of them."""

    def __init__(
        self,
        store: Store,
        mirror: Mirror | None,
        anchor: Anchor | None,
        memory: CopyMemory,
        warn: Callable[[str], None],
    ) -> None:
        self.mirror = mirror
        self.anchor = anchor
        self.memory = memory
        self._store = store
        self._warn = warn
        self._warned: set[str] = set()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._working = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._began: frozenset[CopyName] = frozenset()
        self._anchored_sequence = 0
        self._anchored_monotonic = float("-inf")
        self._mirrored_sequence = 0
        self._mirrored_monotonic = float("-inf")

    def notify(self) -> None:
        """Wake the thread, because entries were committed. Never blocks."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="rootkeeper-ledger-copies", daemon=True)
                self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Copy and anchor the rest, within a few seconds."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_CLOSING_SECONDS)

    def find_place(self, name: CopyName) -> str | None:
        """Find where a copy is, for messages; ``None`` if the database has no such copy."""
        if name is CopyName.MIRROR:
            return None if self.mirror is None else str(self.mirror.path)
        return None if self.anchor is None else self.anchor.place

    def find_last(self, name: CopyName) -> Head | None:
        """Find the last head in a copy.

        :raises OSError: if it can't be read.
        :raises CopyDamagedError: if its end isn't Rootkeeper's.
        """
        if name is CopyName.MIRROR:
            return None if self.mirror is None else self.mirror.find_last()
        anchored = None if self.anchor is None else self.anchor.find_last()
        return None if anchored is None else anchored.head

    def is_missing(self, name: CopyName) -> bool:
        """Whether there is nothing of a copy; ``False`` if that can't be found out."""
        if name is CopyName.MIRROR:
            return self.mirror is not None and not self.mirror.path.exists()
        try:
            return self.anchor is not None and self.anchor.is_missing()
        except OSError:
            return False

    def are_beside(self) -> bool:
        """Whether all copies are files on the file system of the database's file."""
        files = [None if self.mirror is None else self.mirror.path, None if self.anchor is None else self.anchor.path]
        if self._store.path is None or (self.anchor is not None and self.anchor.path is None):
            return False
        own = _find_device(self._store.path)
        return all(_find_device(path) == own for path in files if path is not None)

    def list_last_known(self) -> list[KnownHead]:
        """List the last head of each copy and of the memory, if it can be read."""
        known: list[KnownHead] = []
        for name in (CopyName.MIRROR, CopyName.ANCHOR):
            with self._unreadable_left_out():
                if (head := self.find_last(name)) is not None:
                    known.append(KnownHead(name.value, f"{name.value}_head", head))
        with self._unreadable_left_out():
            for name, head in self.memory.read_heads().items():
                if self.find_place(name) is not None:
                    known.append(KnownHead(f"memory {self.memory.path}", f"remembered_{name.value}_head", head))
        return known

    @contextmanager
    def _unreadable_left_out(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            self._warn(f"A copy of the ledger can't be read, so the ledger isn't compared with it: {error}.")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Copy nothing inside this context."""
        with self._working:
            yield

    def begin_again(self, adoption: AnchoredHead, suffix: str) -> None:
        """Begin both copies again after an adoption, and remember them; call it inside :meth:`paused`.

        :raises OSError: if the anchor or the memory can't be written.
        """
        if self.anchor is not None:
            try:
                self.anchor.append(adoption)
            except CopyDamagedError:
                self.anchor.set_aside(suffix)
                self.anchor.append(adoption)
            self._remember(CopyName.ANCHOR, adoption.head, adoption.at, replaces=True)
        if self.mirror is not None:
            self.mirror.set_aside(suffix)
            self._attempt("mirror", partial(self._begin_mirror, self.mirror, adoption.at))

    def _begin_mirror(self, mirror: Mirror, at: str) -> None:
        head = mirror.catch_up(self._store, ADOPTION_SECONDS, holds=None)
        if head is not None:
            mirror.sync()
            self._remember(CopyName.MIRROR, head, at, replaces=True)

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(ANCHOR_SECONDS)
            self._wake.clear()
            self._copy()
            self._closing.wait(_GATHER_SECONDS)
        self._copy()

    def _copy(self) -> None:
        with self._working:
            if self.mirror is not None:
                self._attempt("mirror", partial(self._mirror_entries, self.mirror))
            if self.anchor is not None:
                self._attempt("anchor", partial(self._anchor_head, self.anchor))

    def _attempt(self, name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except LineFileBusyError:
            return  # another process is copying, also our entries
        except (OSError, DatabaseError, ValueError) as error:
            if name not in self._warned:
                self._warned.add(name)
                self._warn(f"The ledger's {name} can't be kept up: {error}. The ledger itself is written.")

    def _find_held(self, name: CopyName) -> int | None:
        """Find the last entry that a copy must have; ``None`` if it wasn't begun."""
        heads = self.memory.read_heads()
        if name not in self._began:
            self._began = self.memory.read_began()
        if name in heads:
            return heads[name].sequence
        return 0 if name in self._began else None

    def _remember(self, name: CopyName, head: Head, at: str, *, replaces: bool = False) -> None:
        """Remember a copy's last head, after it is durable."""
        if replaces or name not in self._began:
            self.memory.begin(name, head, at)
            self._began |= {name}
        self.memory.note(name, head, replaces=replaces)

    def _mirror_entries(self, mirror: Mirror) -> None:
        held = self._find_held(CopyName.MIRROR)
        head = mirror.catch_up(self._store, BUSY_SECONDS, holds=held)
        is_late = time.monotonic() - self._mirrored_monotonic >= ANCHOR_SECONDS
        if head is None or head.sequence == self._mirrored_sequence:
            return
        if held is None or is_late or self._closing.is_set():
            mirror.sync()
            with reading(self._store) as connection:
                at = _read_time(connection, head)
            self._mirrored_sequence, self._mirrored_monotonic = head.sequence, time.monotonic()
            self._attempt("memory", partial(self._remember, CopyName.MIRROR, head, at))

    def _anchor_head(self, anchor: Anchor) -> None:
        with reading(self._store) as connection:
            head = read_head(connection)
            added = head.sequence - self._anchored_sequence
            is_late = time.monotonic() - self._anchored_monotonic >= anchor.pause_seconds
            is_much = anchor.entry_limit is not None and added >= anchor.entry_limit
            if not added or not (is_much or is_late or self._closing.is_set()):
                return
            at = _read_time(connection, head)
        self._anchored_monotonic = time.monotonic()  # also a bucket that can't be reached waits
        last = anchor.find_last()
        if last is not None:
            with reading(self._store) as connection:
                if find_entry_hash(connection, last.head.sequence) != last.head.entry_hash:
                    raise CopyConflictError(f"the database doesn't have its entry {last.head.sequence}")
        anchor.append(AnchoredHead(at, head), holds=self._find_held(CopyName.ANCHOR))
        self._anchored_sequence = head.sequence
        self._attempt("memory", partial(self._remember, CopyName.ANCHOR, head, at))


def _find_device(path: Path) -> int | None:
    """Find the file system of a path, or of the folder in which it would be made."""
    for candidate in (path, *path.absolute().parents):
        with suppress(OSError):
            return candidate.stat().st_dev
    return None


def _read_time(connection: Connection, head: Head) -> str:
    entries = schema.ledger_entries.c
    return str(connection.execute(select(entries.at).where(entries.sequence == head.sequence)).scalar_one())
