"""A file of events, one a line, read on from where it was read to: a source of root events.

The place is remembered in a file of our own beside the database, which is also the claim: of several processes on one
machine the one that has it locked reads, and the others get nothing. A lost place means that events come again, which
does no harm. A file that was renamed away is read to its end first; one that was cut or replaced is read from its
beginning, which the bytes before the place tell.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rootkeeper.domain.cloudtrail_records import parse_records
from rootkeeper.domain.window_events import list_root_records
from rootkeeper.errors import DatabaseError, InputError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.root_event_sources import EventDelivery, UnreadableEvents

LONGEST_LINE = 4 * 1024 * 1024
_LOT_LINES = 500
_MARK_BYTES = 256
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class _FilePosition:
    """How far a file was read, and which file it was."""

    device: int = 0
    inode: int = 0
    offset: int = 0
    mark: str = ""
    """Of the bytes before the offset."""


class EventFile:
    """Implements ``ports.root_event_sources.RootEventSource``; for one thread. While it is open no other one reads."""

    def __init__(
        self,
        path: Path,
        place_path: Path,
        unreadable: UnreadableEvents,
        clock: Clock,
        warn: Callable[[str], None],
    ) -> None:
        self._path = path
        self._place_path = place_path
        self._unreadable = unreadable
        self._clock = clock
        self._warn = warn
        self._claim: BinaryIO | None = None
        self._place = _FilePosition()
        self._done: dict[int, int] = {}
        """Lines after the place that are dealt with: where they begin and end."""
        self._is_missing = False

    @property
    def name(self) -> str:
        return f"file:{self._path}"

    def read(self, wait_seconds: float) -> tuple[EventDelivery, ...]:
        """Nothing while another process reads the file, or while there is none."""
        until = self._clock.monotonic() + wait_seconds
        while True:
            with self._reading():
                found = self._read_now()
            if found or self._clock.monotonic() >= until:
                return found
            self._clock.sleep(min(_POLL_SECONDS, wait_seconds))

    def acknowledge(self, deliveries: Sequence[EventDelivery]) -> None:
        for delivery in deliveries:
            file_id, _, span = delivery.receipt.partition(" ")
            if file_id == self._file_id():
                begin, _, end = span.partition("-")
                self._done[int(begin)] = int(end)
        with suppress(FileNotFoundError), self._reading(), self._open_current() as handle:
            self._advance(handle)

    def close(self) -> None:
        """Let go of the claim."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def _read_now(self) -> tuple[EventDelivery, ...]:
        try:
            if not self._has_claim():
                return ()
            with self._open_current() as handle:
                found = tuple(self._read_lot(handle))
                self._advance(handle)
        except FileNotFoundError:
            self._note_missing()
            return ()
        self._is_missing = False
        return found

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """:raises FileNotFoundError: if there is no file.
        :raises DatabaseError: if it can't be read.
        """
        try:
            yield
        except FileNotFoundError:
            self._done.clear()  # the next file of that name may get the very number that this one had
            raise
        except OSError as error:
            raise DatabaseError(
                f"The events in {self._path} can't be read: {error.strerror}.",
                hint="Check the file's permissions, and watching.source in the settings.",
            ) from error

    def _note_missing(self) -> None:
        if not self._is_missing:
            self._warn(f"There is no file {self._path} yet: no events of root users come from it.")
        self._is_missing = True

    def _read_lot(self, handle: BinaryIO) -> Iterator[EventDelivery]:
        handle.seek(self._place.offset)
        for _ in range(_LOT_LINES):
            begin = handle.tell()
            line = handle.readline(LONGEST_LINE + 1)
            if not line.endswith(b"\n") and not _skip_rest(handle, line):
                return
            end = handle.tell()
            if begin not in self._done:
                delivery = self._parse(line, f"{self._file_id()} {begin}-{end}")
                if delivery is None:
                    self._done[begin] = end
                else:
                    yield delivery

    def _parse(self, line: bytes, receipt: str) -> EventDelivery | None:
        """``None`` for a line without a root event."""
        if not line.strip():
            return None
        try:
            if len(line) > LONGEST_LINE:
                raise ValueError("The line is too long.")
            records = parse_records(line.decode(), "The line")
            wanted = tuple(found.record for found in list_root_records(records))
        except (InputError, ValueError) as error:
            problem = error.message if isinstance(error, InputError) else str(error)
            self._unreadable.keep(self.name, line.decode(errors="replace").strip(), problem)
            return None
        return EventDelivery(receipt, wanted) if wanted else None

    def _advance(self, handle: BinaryIO) -> None:
        """Move the place over all lines that are dealt with, without a gap."""
        offset = self._place.offset
        while offset in self._done:
            offset = self._done.pop(offset)
        if offset != self._place.offset:
            self._keep(replace(self._place, offset=offset, mark=_mark(handle, offset)))

    def _open_current(self) -> BinaryIO:
        """The file that the place belongs to while it has more to tell; else the one of that name.

        :raises FileNotFoundError: if there is none.
        """
        handle = self._path.open("rb")
        status = os.fstat(handle.fileno())
        if (status.st_dev, status.st_ino) == (self._place.device, self._place.inode):
            if status.st_size >= self._place.offset and _mark(handle, self._place.offset) == self._place.mark:
                return handle
        elif (renamed := self._find_renamed()) is not None:
            handle.close()
            return renamed
        self._done.clear()
        self._keep(_FilePosition(status.st_dev, status.st_ino, 0, _mark(handle, 0)))
        return handle

    def _find_renamed(self) -> BinaryIO | None:
        """The file that was read so far, under its new name, if it isn't read to its end."""
        for path in self._path.parent.glob(f"{self._path.name}*"):
            with suppress(OSError):
                status = path.stat()
                if (status.st_dev, status.st_ino) != (self._place.device, self._place.inode):
                    continue
                handle = path.open("rb")
                if _mark(handle, self._place.offset) == self._place.mark and _has_line(handle, self._place.offset):
                    return handle
                handle.close()
        return None

    def _file_id(self) -> str:
        return f"{self._place.device}:{self._place.inode}"

    def _has_claim(self) -> bool:
        if self._claim is not None:
            return True
        self._place_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.fdopen(os.open(self._place_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._claim, self._place = handle, _parse_place(handle.read())
        return True

    def _keep(self, place: _FilePosition) -> None:
        self._place = place
        if self._claim is None:
            return
        self._claim.seek(0)
        self._claim.write(json.dumps(asdict(place)).encode() + b"\n")
        self._claim.truncate()
        self._claim.flush()


def get_position_file_name(path: Path) -> str:
    """Of the file in which the place in ``path`` is remembered."""
    return f"root-events-{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:12]}.place"


def _mark(handle: BinaryIO, offset: int) -> str:
    begin = max(offset - _MARK_BYTES, 0)
    handle.seek(begin)
    return hashlib.sha256(handle.read(offset - begin)).hexdigest()[:16]


def _has_line(handle: BinaryIO, offset: int) -> bool:
    handle.seek(offset)
    line = handle.readline(LONGEST_LINE + 1)
    return line.endswith(b"\n") or _skip_rest(handle, line)


def _skip_rest(handle: BinaryIO, line: bytes) -> bool:
    """``False`` if it is a line that isn't whole yet."""
    while len(line) > LONGEST_LINE:
        line = handle.readline(LONGEST_LINE + 1)
        if line.endswith(b"\n"):
            return True
    return False


def _parse_place(content: bytes) -> _FilePosition:
    """A place that a crash left half-written is none."""
    try:
        return _FilePosition(**json.loads(content))
    except (TypeError, ValueError):
        return _FilePosition()
