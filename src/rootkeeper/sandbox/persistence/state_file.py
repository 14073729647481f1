"""The file of ``--state``: what it looks like, how it is read, and how it is written so that a crash leaves no half.

Text, a line each: what it is and its format; where the world came from; every piece of the world; then what each change
has changed. Every line but the first bears a checksum. A whole file is written beside and moved into its place; changes
are appended and synced. A last line without an end is a change that was never answered, and is dropped. Anything else
that doesn't fit is refused, and the file stays as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from rootkeeper.sandbox.clock import Clock
from rootkeeper.sandbox.persistence.pieces import Assembly, Change
from rootkeeper.sandbox.persistence.values import UnknownValueError
from rootkeeper.sandbox.state import World

FORMAT = 1
_TITLE = b"rootkeeper sandbox state "
_CHECKSUM_CHARACTERS = 8


class StateFileError(Exception):
    """The state file can't be read or written."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a state file held."""

    origin: Mapping[str, Any]
    """What the world was built from at first: scenario, accounts, seed, features."""
    world: World


class StateFile:
    """A state file that this process alone writes."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        self.generation = 0
        """Grows with every whole file, which holds all changes that were made before."""
        self.whole_bytes = 0
        """How large it was when it was written as a whole."""
        self._file: FileIO | None = None
        self._end = 0
        """Up to where the file is good."""
        self._turn = threading.Lock()
        """Appending happens in another thread than the rest."""

    @property
    def appended_bytes(self) -> int:
        return self._end - self.whole_bytes

    def exists(self) -> bool:
        return self.path.exists()

    def read(self, clock: Clock) -> StoredState:
        """Read the state and keep the file locked; the clock is set to the time that the state had.

        :raises StateFileError: if the file is another sandbox's, foreign, newer or damaged.
        """
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise StateFileError(f"{self.path} isn't a file.")
            self._file = self._lock(FileIO(self.path, "r+"))
            lines = self._file.readall().splitlines(keepends=True)
        except OSError as error:
            raise StateFileError(f"can't read {self.path}: {error.strerror or error}.") from error
        try:
            return self._parse(lines, clock)
        except StateFileError:
            self.close()
            raise

    def _parse(self, lines: Sequence[bytes], clock: Clock) -> StoredState:
        self._check_title(lines)
        if not lines[-1].endswith(b"\n"):
            lines = lines[:-1]
        header = self._read_header(lines)
        first_change = 2 + header["pieces"]
        if len(lines) < first_change:
            raise self._damaged("it ends too early")
        assembly = Assembly()
        for number, line in enumerate(lines[2:], start=3):
            try:
                content = _read_line(line)
                for change in content if number > first_change else [content]:
                    assembly.put(change)
            except (UnknownValueError, ValueError, TypeError) as error:
                raise self._damaged(f"line {number}: {error}") from error
        try:
            world = assembly.build(clock)
        except (UnknownValueError, AttributeError, TypeError, KeyError) as error:
            raise self._damaged(str(error)) from error
        self._end = sum(map(len, lines))
        self.whole_bytes = sum(map(len, lines[:first_change]))
        return StoredState(header["origin"], world)

    def _check_title(self, lines: Sequence[bytes]) -> None:
        title = lines[0].strip() if lines else b""
        number = title.removeprefix(_TITLE)
        if not title.startswith(_TITLE) or not number.isdigit():
            message = f"{self.path} isn't a state file of the sandbox. It was left as it is; name another file."
            raise StateFileError(message)
        if int(number) > FORMAT:
            message = (
                f"{self.path} was written by a newer sandbox (format {int(number)}, this one knows {FORMAT})."
                " It was left as it is; use that newer version, or name another file."
            )
            raise StateFileError(message)

    def _read_header(self, lines: Sequence[bytes]) -> dict[str, Any]:
        try:
            header = _read_line(lines[1])
            if not isinstance(header["origin"], dict) or not isinstance(header["pieces"], int):
                raise TypeError("the head has another form")
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"line 2: {error}") from error
        found: dict[str, Any] = header
        return found

    def _damaged(self, reason: str) -> StateFileError:
        return StateFileError(
            f"{self.path} is damaged or of another version ({reason})."
            " It was left as it is; restore a copy, or name another file to start afresh."
        )

    def write_whole(self, origin: Mapping[str, Any], pieces: Iterable[Change]) -> None:
        """Write the whole state beside the file, and put it in the file's place.

        :raises StateFileError: if it can't be written; the file stays as it was.
        """
        lines = [_write_line(piece) for piece in pieces]
        head = _TITLE + b"%d\n" % FORMAT + _write_line({"origin": dict(origin), "pieces": len(lines)})
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        with self._turn:
            try:
                file = self._write_beside(beside, b"".join([head, *lines]))
                beside.replace(self.path)
                _sync_folder(self.path.parent)
            except OSError as error:
                beside.unlink(missing_ok=True)
                raise StateFileError(f"can't write {self.path}: {error.strerror or error}.") from error
            self.close()
            self._file = file
            self._end = self.whole_bytes = file.tell()
            self.generation += 1

    def _write_beside(self, beside: Path, text: bytes) -> FileIO:
        """The file that is put in place is locked before anybody can open it there."""
        for leftover in beside.parent.glob(f".{self.path.name}.*.new"):
            leftover.unlink(missing_ok=True)
        file = self._lock(FileIO(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+"))
        try:
            _write_all(file, text)
        except OSError:
            file.close()
            raise
        return file

    def append(self, lines: Iterable[bytes], generation: int) -> None:
        """Append changes, each in a line that ``write_changes`` made, and wait until they are on the disk.

        Changes of another ``generation`` are in the whole file already, or of a world that is gone.

        :raises StateFileError: if that fails; the file is as long as before then.
        """
        with self._turn:
            if generation != self.generation or self._file is None:
                return
            text = b"".join(lines)
            try:
                self._file.seek(self._end)
                _write_all(self._file, text)
            except OSError as error:
                with contextlib.suppress(OSError):
                    self._file.truncate(self._end)
                raise StateFileError(f"can't write {self.path}: {error.strerror or error}.") from error
            self._end += len(text)

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _lock(self, file: FileIO) -> FileIO:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise StateFileError(f"{self.path} is in use by another sandbox.") from None
        return file


def write_changes(changes: Sequence[Change]) -> bytes:
    """Make the line that holds what one call has changed: all of it or nothing is read again."""
    return _write_line(list(changes))


def _write_line(content: Any) -> bytes:
    text = json.dumps(content, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read_line(line: bytes) -> Any:
    checksum, text = line[:_CHECKSUM_CHARACTERS], line[_CHECKSUM_CHARACTERS + 1 :].rstrip(b"\n")
    if checksum != b"%08x" % zlib.crc32(text):
        raise ValueError("the checksum doesn't fit")
    return json.loads(text)


def _write_all(file: FileIO, text: bytes) -> None:
    """Write here, end the file here, and wait for the disk."""
    rest = memoryview(text)
    while rest:
        rest = rest[file.write(rest) :]
    file.truncate()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
