"""Keeps mirror and anchor up with the ledger, in a thread of its own and outside the fail-closed path.

Whatever goes wrong here is said once and holds up nobody: what is missing is copied the next time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import select

from rootkeeper.errors import DatabaseError
from rootkeeper.storage import schema
from rootkeeper.storage.anchor import Anchor, AnchoredHead
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.ledger_reading import find_entry_hash
from rootkeeper.storage.line_files import LineFileBusyError
from rootkeeper.storage.mirror import CopyConflictError, Mirror
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import Head, read_head

ANCHOR_ENTRIES = 100
ANCHOR_SECONDS = 10.0
_GATHER_SECONDS = 0.25
"""Between two copies: each costs some reads, however little there is to copy."""
_CLOSING_SECONDS = 5.0
_BUSY_SECONDS = 1.0


class LedgerCopies:
    """Mirror and anchor of one database, where there are any."""

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
        """Entries were committed. Never blocks."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="rootkeeper-ledger-copies", daemon=True)
                self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Copy and anchor what is left, for some seconds at most."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_CLOSING_SECONDS)

    def list_last_known(self) -> list[tuple[str, Head]]:
        """The last head of each copy, by its name; a copy that can't be read is remarked and left out."""
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
        """Nothing is copied meanwhile."""
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
            self._attempt("mirror", self._copy_to_mirror)
            self._attempt("anchor", self._anchor_head)

    def _attempt(self, name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except LineFileBusyError:
            return  # another process is at it, and copies ours too
        except (OSError, DatabaseError, ValueError) as error:
            if name not in self._warned:
                self._warned.add(name)
                self._warn(f"The ledger's {name} can't be kept up: {error}. The ledger itself is written.")

    def _copy_to_mirror(self) -> None:
        if self.mirror is not None:
            self.mirror.catch_up(self._store, _BUSY_SECONDS)

    def _anchor_head(self) -> None:
        if self.anchor is None:
            return
        with reading(self._store) as connection:
            head = read_head(connection)
            if not self._is_anchor_due(head.sequence):
                return
            last = self.anchor.find_last()
            if last is not None and find_entry_hash(connection, last.head.sequence) != last.head.entry_hash:
                raise CopyConflictError(f"the database doesn't have its entry {last.head.sequence}")
            entries = schema.ledger_entries.c
            at = connection.execute(select(entries.at).where(entries.sequence == head.sequence)).scalar_one()
        self.anchor.append(AnchoredHead(at, head), _BUSY_SECONDS)
        self._anchored_sequence, self._anchored_monotonic = head.sequence, time.monotonic()

    def _is_anchor_due(self, sequence: int) -> bool:
        if sequence == self._anchored_sequence:
            return False
        return (
            self._closing.is_set()
            or sequence - self._anchored_sequence >= ANCHOR_ENTRIES
            or time.monotonic() - self._anchored_monotonic >= ANCHOR_SECONDS
        )
