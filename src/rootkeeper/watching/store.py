"""Watched events in the database, events that can't be parsed in a file, and a file as a source of events.

An event is classified and stored once, in one transaction with its ledger fact.

``EventFile`` remembers its position in a file beside the database. The lock on that file is the claim: of several
processes on one machine only its holder reads. Without the position events come again, which does no harm. A file that
was renamed is read to its end first. A file that was cut or replaced is read from its beginning; the bytes before the
position show that.
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
from typing import Any, BinaryIO

from sqlalchemy import Select, insert, select

from rootkeeper.aws.cloudtrail import list_root_records, parse_records
from rootkeeper.aws.root_events import EventDelivery, UnreadableEvents
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.database.files import cut_torn_end, make_private_folder, open_locked, write_line
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.errors import DatabaseError, InputError, make_setting_hint
from rootkeeper.ledger.owners import Owner
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.ledger.writer import GroupCommit, OrganizationStore, WriteTransaction
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue, render_time
from rootkeeper.watching.rules import EventVerdict, WatchedEvent

EventEvaluator = Callable[[tuple[WatchedEvent, ...]], WatchedEvent]
"""Classifies an event by the earlier sign-ins of its account; pure."""


_events = schema.window_events.c


class WatchedEventReader(OrganizationStore):
    """Reads the watched events of an organization."""

    def list_of_window(self, window_id: str) -> tuple[WatchedEvent, ...]:
        """By their time."""
        return self._list(self._select().where(_events.window_id == window_id))

    def list_of_account(self, account_id: AccountId) -> tuple[WatchedEvent, ...]:
        """By their time."""
        return self._list(self._select().where(_events.account_id == account_id))

    def _select(self) -> Select[Any]:
        return (
            select(schema.window_events)
            .where(_events.organization_id == self._organization_id)
            .order_by(_events.at, _events.event_id)
        )

    def _list(self, statement: Select[Any]) -> tuple[WatchedEvent, ...]:
        with reading(self._store) as connection:
            return tuple(parse_row(WatchedEvent, row) for row in connection.execute(statement))


class WindowEventStore(WatchedEventReader):
    """Reads and stores watched events."""

    def __init__(
        self, store: Store, commits: GroupCommit, organization_id: str, ledger: SqlLedger, owner: Owner
    ) -> None:
        super().__init__(store, commits, organization_id)
        self._ledger = ledger
        self._owner = owner

    def record(self, event_id: str, account_id: AccountId, evaluator: EventEvaluator) -> WatchedEvent:
        """Classify and store an event in one transaction, with its ledger fact if it belongs to a window. An unrelated
        event isn't stored.

        :returns: the stored event: it is classified once, however often it is delivered.
        :raises LedgerUnavailableError: if it can't be made durable.
        """

        def work(transaction: WriteTransaction) -> WatchedEvent:
            known = transaction.connection.execute(self._select().where(_events.event_id == event_id)).one_or_none()
            if known is not None:
                return parse_row(WatchedEvent, known)
            sign_ins = self._select().where(_events.account_id == account_id, _events.has_mfa.is_not(None))
            event = evaluator(tuple(parse_row(WatchedEvent, row) for row in transaction.connection.execute(sign_ins)))
            if event.verdict is not EventVerdict.UNRELATED:
                kept = {"organization_id": self._organization_id, "recorded_at": self._owner.clock.now()}
                transaction.connection.execute(insert(schema.window_events).values(to_row(event) | kept))
                if event.window_id is not None:
                    transaction.append(self._ledger.draft_fact(Action.WINDOW_EVENT, account_id, describe_fact(event)))
            return event

        return self._commits.run_ledger_work(work)


def describe_fact(event: WatchedEvent) -> dict[str, JsonValue]:
    return {
        "window_id": event.window_id,
        "event_id": event.event_id,
        "event_name": event.name,
        "event_at": render_time(event.at),
        "verdict": event.verdict.value,
        "explanation": event.explanation,
    }


FULL_BYTES = 16 * 1024 * 1024
"""A full file gets no more lines, only a warning, so that a writer to the source can't fill the disk."""

LONGEST_TEXT = 256 * 1024
_WAIT_SECONDS = 5.0


class UnreadableEventFile:
    """Keeps events that can't be parsed, as lines of a file; implements UnreadableEvents."""

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
            with open_locked(self._path, _WAIT_SECONDS) as handle:
                cut_torn_end(handle)
                is_kept = os.fstat(handle.fileno()).st_size + len(line) <= FULL_BYTES
                if is_kept:
                    write_line(handle, line)
        except OSError as error:
            raise DatabaseError(
                f"An event that can't be parsed can't be written to {self._path}: {error.strerror}.",
                hint="Free some space, or check the folder's permissions.",
            ) from error
        where = f"It is in {self._path}." if is_kept else f"{self._path} is full; the event isn't kept."
        self._warn(f"An event from {source_name} can't be parsed: {problem[:200]} {where}")


LONGEST_LINE = 4 * 1024 * 1024
_LOT_LINES = 500
_MARK_BYTES = 256
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class _FilePosition:
    """A file, and how far it was read."""

    device: int = 0
    inode: int = 0
    offset: int = 0
    mark: str = ""
    """Of the bytes before the offset."""


class EventFile:
    """Reads events from a file, each on a line; implements RootEventSource. For one thread; only one process reads."""

    def __init__(
        self, path: Path, place_path: Path, unreadable: UnreadableEvents, clock: Clock, warn: Callable[[str], None]
    ) -> None:
        self._path = path
        self._place_path = place_path
        self._unreadable = unreadable
        self._clock = clock
        self._warn = warn
        self._claim: BinaryIO | None = None
        self._place = _FilePosition()
        self._done: dict[int, int] = {}
        """Lines after the position that are processed: start and end."""
        self._is_missing = False

    @property
    def name(self) -> str:
        return f"file:{self._path}"

    def read(self, wait_seconds: float) -> tuple[EventDelivery, ...]:
        """Read events; none while another process reads the file or the file doesn't exist."""
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
        """Release the claim."""
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
            if not self._is_missing:
                self._warn(f"The file {self._path} doesn't exist yet, so root users aren't watched.")
            self._is_missing = True
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
            self._done.clear()  # the next file of that name may get the same inode
            raise
        except OSError as error:
            raise DatabaseError(
                f"The events in {self._path} can't be read: {error.strerror}.",
                hint=make_setting_hint(
                    "Check the file's permissions, and the source of events in the settings.", "watching.source"
                ),
            ) from error

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
        """Parse a line; ``None`` if it has no root event."""
        if not line.strip():
            return None
        try:
            if len(line) > LONGEST_LINE:
                raise ValueError("The line is too long.")
            records = parse_records(line.decode(), "The line")
            wanted = tuple(found.record for found in list_root_records(records))
        except (InputError, ValueError) as error:
            self._unreadable.keep(self.name, line.decode(errors="replace").strip(), str(error))
            return None
        return EventDelivery(receipt, wanted) if wanted else None

    def _advance(self, handle: BinaryIO) -> None:
        """Move the position past all processed lines without a gap."""
        offset = self._place.offset
        while offset in self._done:
            offset = self._done.pop(offset)
        if offset != self._place.offset:
            self._keep(replace(self._place, offset=offset, mark=_mark(handle, offset)))

    def _open_current(self) -> BinaryIO:
        """Open the file of the position while it has unread lines; otherwise the file of that name.

        :raises FileNotFoundError: if it doesn't exist.
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
        """Find the file of the position under its new name, if it has unread lines."""
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
        make_private_folder(self._place_path.parent)
        handle = os.fdopen(os.open(self._place_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = handle.read()
        except BlockingIOError:
            handle.close()
            return False
        except OSError:
            handle.close()
            raise
        place = _FilePosition()
        with suppress(TypeError, ValueError):  # a position that a crash left incomplete counts as none
            place = _FilePosition(**json.loads(content))
        self._claim, self._place = handle, place
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
    """Skip the rest of a long line; ``False`` if it has no end yet."""
    while len(line) > LONGEST_LINE:
        line = handle.readline(LONGEST_LINE + 1)
        if line.endswith(b"\n"):
            return True
    return False
