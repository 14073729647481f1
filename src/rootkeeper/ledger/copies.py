"""Copies of the ledger: the mirror, the anchor, and the thread that updates them outside the fail-closed path.

The mirror is a file beside the database with every entry as a line of JSON. The anchor is a file in another place with
heads of the ledger: a person who rewrites the database can't change it, so that a cut or rewritten ledger is detected.
Only committed entries are copied. An error is reported once and delays no one.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from sqlalchemy import select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.database.files import (
    LineFileBusyError,
    cut_last_line,
    cut_torn_end,
    find_last_line,
    open_locked,
    read_last_line,
    read_lines,
    sync_folder,
    write_line,
)
from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.rules import render_entry
from rootkeeper.ledger.store import stream_rows
from rootkeeper.ledger.writer import Head, find_entry_hash, parse_entry_row, read_head
from rootkeeper.shapes import parse_facts
from rootkeeper.values import JsonValue, canonical_json


class CopyConflictError(ValueError):
    """A copy contradicts the database."""


class Mirror:
    """One mirror file, shared by all processes that write to the database."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_last(self) -> Head | None:
        """Find the last entry in the mirror.

        :raises OSError: if it can't be read.
        """
        line = find_last_line(self.path)
        return None if line is None else find_head(line)

    def catch_up(self, store: Store, wait_seconds: float) -> None:
        """Copy the missing entries.

        :raises OSError: if it can't be written.
        :raises CopyConflictError: if it contains entries that the database doesn't; it is left unchanged.
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
        """Rename the mirror, so that a new one begins."""
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
    """Remove what a crash left after the last complete entry, and seek to the end."""
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


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """One line of the anchor."""

    at: str
    head: Head
    agreed_sequence: int | None = None
    """For an adoption: the last anchored sequence at which anchor and database agree."""
    adopted_over: Head | None = None
    """For an adoption: the head in the anchor or the mirror."""

    @property
    def is_adoption(self) -> bool:
        return self.agreed_sequence is not None

    def render(self) -> str:
        content: dict[str, JsonValue] = {"at": self.at, **asdict(self.head)}
        if self.agreed_sequence is not None:
            content["agreed_sequence"] = self.agreed_sequence
            content["adopted_over"] = None if self.adopted_over is None else asdict(self.adopted_over)
        return canonical_json(content)


class Anchor:
    """One anchor file, shared by all processes that write to the database."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_last(self) -> AnchoredHead | None:
        """:raises OSError: if it can't be read."""
        line = find_last_line(self.path)
        return None if line is None else _parse(line)

    def append(self, anchored: AnchoredHead, wait_seconds: float) -> None:
        """Add a head durably, if it is after the last one.

        :raises OSError: if it can't be written.
        """
        with open_locked(self.path, wait_seconds) as handle:
            cut_torn_end(handle)
            line = read_last_line(handle)
            last = None if line is None else _parse(line)
            if last is not None and not anchored.is_adoption and anchored.head.sequence <= last.head.sequence:
                return
            cut_torn_end(handle)
            write_line(handle, anchored.render())
            if line is None:
                sync_folder(self.path.parent)

    def read_heads(self) -> tuple[AnchoredHead, ...]:
        """Read the valid heads, in order of their sequence, without those that an adoption replaced.

        :raises OSError: if it can't be read.
        """
        heads: list[AnchoredHead] = []
        for line in read_lines(self.path):
            anchored = _parse(line)
            if anchored is None:
                continue
            if anchored.agreed_sequence is not None:
                heads = [head for head in heads if head.head.sequence <= anchored.agreed_sequence]
            heads.append(anchored)
        return tuple(heads)


def _parse(line: bytes) -> AnchoredHead | None:
    try:
        fields = json.loads(line)
        adopted_over = fields.get("adopted_over")
        agreed_sequence = fields.get("agreed_sequence")
        return AnchoredHead(
            at=str(fields["at"]),
            head=parse_facts(Head, fields),
            agreed_sequence=None if agreed_sequence is None else int(agreed_sequence),
            adopted_over=None if adopted_over is None else parse_facts(Head, adopted_over),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


ANCHOR_ENTRIES = 100
ANCHOR_SECONDS = 10.0

_GATHER_SECONDS = 0.25
"""Between two copies, because each one costs some reads."""

_CLOSING_SECONDS = 5.0
_BUSY_SECONDS = 1.0


class LedgerCopies:
    """The mirror and the anchor of one database, if it has them."""

    def __init__(self, store: Store, mirror: Mirror | None, anchor: Anchor | None, warn: Callable[[str], None]) -> None:
        self.mirror = mirror
        self.anchor = anchor
        self._store = store
        self._warn = warn
        self._warned: set[str] = set()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._working = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._anchored_sequence = 0
        self._anchored_monotonic = float("-inf")

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

    def list_last_known(self) -> list[tuple[str, Head]]:
        """List the last head of each copy by its name, without copies that can't be read."""
        known: list[tuple[str, Head]] = []
        try:
            if self.mirror is not None and (mirrored := self.mirror.find_last()) is not None:
                known.append(("mirror", mirrored))
            if self.anchor is not None and (anchored := self.anchor.find_last()) is not None:
                known.append(("anchor", anchored.head))
        except OSError as error:
            self._warn(f"A copy of the ledger can't be read, so the ledger isn't compared with it: {error}.")
        return known

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Copy nothing inside this context."""
        with self._working:
            yield

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
                self._attempt("mirror", partial(self.mirror.catch_up, self._store, _BUSY_SECONDS))
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

    def _anchor_head(self, anchor: Anchor) -> None:
        with reading(self._store) as connection:
            head = read_head(connection)
            added = head.sequence - self._anchored_sequence
            is_late = time.monotonic() - self._anchored_monotonic >= ANCHOR_SECONDS
            if not added or not (added >= ANCHOR_ENTRIES or is_late or self._closing.is_set()):
                return
            last = anchor.find_last()
            if last is not None and find_entry_hash(connection, last.head.sequence) != last.head.entry_hash:
                raise CopyConflictError(f"the database doesn't have its entry {last.head.sequence}")
            entries = schema.ledger_entries.c
            at = connection.execute(select(entries.at).where(entries.sequence == head.sequence)).scalar_one()
        anchor.append(AnchoredHead(at, head), _BUSY_SECONDS)
        self._anchored_sequence, self._anchored_monotonic = head.sequence, time.monotonic()
