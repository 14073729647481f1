"""The state file of ``--state``: a call's changes are on the disk before the call is answered.

The file is a SQLite database of the parts of a world. A world is a tree of objects with fields, such as
``organization`` and ``sessions``. Each dictionary in a field is kept entry by entry; the other fields of an object are
kept together. After a call that changed something, the entries that were used are pickled and compared with their
last hashes, so that 50,000 accounts cost a call nothing. Services don't know of it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sqlite3
import sys
import zlib
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from rootkeeper_sandbox.clock import Clock
from rootkeeper_sandbox.scenarios.build import Origin
from rootkeeper_sandbox.state.watched import Key, Value, WatchedDict
from rootkeeper_sandbox.state.world import World

_APPLICATION_ID = int.from_bytes(b"RKsb")
_STATE_PACKAGE = World.__module__.rpartition(".")[0]
_OWN_MODULES = (f"{_STATE_PACKAGE}.", "rootkeeper_sandbox.exchange")
_FOREIGN_CLASSES = {("builtins", "set"), ("datetime", "datetime"), ("datetime", "timedelta"), ("datetime", "timezone")}
_CREATE = "CREATE TABLE parts (place TEXT, key TEXT, value BLOB, checksum INTEGER, PRIMARY KEY (place, key))"
_PUT = (
    "INSERT INTO parts VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET value = excluded.value, checksum = excluded.checksum"
)
_JOURNAL_IN_USE = bytes.fromhex("d9d505f920a163d7")
"""How a journal begins while a transaction is written. Source: SQLite, "Database File Format", section 3."""
_FOREIGN = "isn't a state file of the sandbox"
_LEFT = "It was left as it is; name another file."
_logger = logging.getLogger(__name__)
Parts = dict[tuple[str, str], bytes | None]
"""By place and key: a pickled key and value, or ``None`` for an entry that is gone. Objects have no key."""


class StateFileError(Exception):
    """The state file can't be read or written."""


class _KeptDict(WatchedDict[Key, Value]):
    """A dictionary that remembers which entries may have changed."""

    def __init__(self, entries: Mapping[Key, Value], before: Iterable[Key]) -> None:
        super().__init__(entries)
        self.touched = dict.fromkeys((*before, *entries))
        """In the order of use, so that new entries come back in their order."""
        self.is_written = False

    def touch(self, key: Key) -> None:
        self.touched[key] = None

    def __setitem__(self, key: Key, value: Value) -> None:
        self.is_written = True
        super().__setitem__(key, value)

    def __delitem__(self, key: Key) -> None:
        self.is_written = True
        super().__delitem__(key)


class WorldChanges:
    """The changes in a world that is in use."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._hashes: dict[tuple[str, str], int | None] = {}
        """Of the parts taken last."""
        self._dictionaries: dict[str, _KeptDict[Any, Any]] = {}

    def has_written_entries(self) -> bool:
        return any(entries.is_written for entries in self._dictionaries.values())

    def take(self) -> Parts:
        """Give the parts that changed since the last time; all parts at first."""
        parts: Parts = {}
        self._take_object(parts, "world", self._world)
        self._take_part(parts, "clock", "", (None, self._clock.advanced))
        return parts

    def _take_object(self, parts: Parts, place: str, owner: Any) -> None:
        values: dict[str, Any] = {}
        objects = []
        for name in _list_fields(owner):
            value, inner = getattr(owner, name), f"{place}.{name}"
            if isinstance(value, dict):
                values[name] = {}
                entries, known = getattr(owner, name), self._dictionaries.get(inner, ())
                if entries is not known:
                    entries = self._dictionaries[inner] = _KeptDict(entries, known)
                    setattr(owner, name, entries)
                for key in entries.touched:
                    self._take_part(parts, inner, repr(key), (key, dict.get(entries, key)) if key in entries else None)
                entries.touched.clear()
                entries.is_written = False
            elif is_dataclass(value) and not getattr(type(value), "__dataclass_params__").frozen:  # noqa: B009 - unknown to mypy
                objects.append(name)
                self._take_object(parts, inner, value)
            else:
                values[name] = value
        self._take_part(parts, place, "", (None, (type(owner), values, objects)))

    def _take_part(self, parts: Parts, place: str, key: str, part: tuple[Any, Any] | None) -> None:
        pickled = pickle.dumps(part) if part else None
        found = hash(pickled) if pickled else None
        if self._hashes.get((place, key)) != found:
            self._hashes[place, key] = found
            parts[place, key] = pickled


def _list_fields(owner: Any) -> list[str]:
    if is_dataclass(owner):
        return [field.name for field in fields(owner) if field.metadata.get("is_kept", True)]
    return [name for name in vars(owner) if name != "clock"]


class FileStateRecorder:
    """Keeps the world in its file. Calls that come while the disk is busy share the next transaction."""

    def __init__(self, path: Path, database: sqlite3.Connection, world: World, clock: Clock) -> None:
        self._path = path
        self._database = database
        self._clock = clock
        self._changes = WorldChanges(world, clock)
        self._changes.take()
        self._pending: Parts = {}
        self._has_started_over = False
        """Whether the pending parts belong to another world than the file's."""
        self._taken = 0
        """How often changes were taken, and how many of these are on the disk."""
        self._written = 0
        self._writing: asyncio.Task[None] | None = None

    def start_over(self, world: World) -> None:
        """Continue with another world."""
        self._changes = WorldChanges(world, self._clock)
        self._pending, self._has_started_over = {}, True

    def keep(self, *, is_mutating: bool) -> Awaitable[None] | None:
        """Take the changes; await the result before anything is answered.

        An answer waits for all changes before it, so that a reader sees nothing that a crash would undo. A call that
        isn't mutating may have added entries, such as sessions, and nothing else.

        :raises StateFileError: when awaited, if the changes can't be written; the next call tries again.
        """
        if (is_mutating or self._changes.has_written_entries()) and (changes := self._changes.take()):
            self._pending |= changes
            self._taken += 1
        return self._wait(self._taken) if self._written < self._taken else None

    async def _wait(self, number: int) -> None:
        while self._written < number:
            if self._writing is None:
                self._writing = asyncio.create_task(self._write())
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        parts, is_new, number = self._pending, self._has_started_over, self._taken
        self._pending, self._has_started_over = {}, False
        try:
            await asyncio.to_thread(_write, self._database, parts, is_new=is_new)
        except sqlite3.Error as error:
            if not self._has_started_over:
                self._pending, self._has_started_over = parts | self._pending, is_new
            raise StateFileError(f"can't write {self._path}: {error}.") from error
        finally:
            self._writing = None
        self._written = number

    def close(self) -> None:
        self._database.close()


def _write(database: sqlite3.Connection, parts: Parts, *, is_new: bool = False) -> None:
    with database:
        if is_new:
            database.execute("DELETE FROM parts WHERE place <> 'origin'")
        for (place, key), value in parts.items():
            if value is None:
                database.execute("DELETE FROM parts WHERE place = ? AND key = ?", (place, key))
            else:
                database.execute(_PUT, (place, key, value, zlib.crc32(value)))


def open_world(asked: Origin, path: Path | None, clock: Clock) -> tuple[Origin, World, FileStateRecorder | None]:
    """Read the world from its file, or build it and, with a path, write it there.

    :raises StateFileError: if the file can't be read or written, or holds another scenario than was asked for.
    :raises ValueError: if the scenario can't be built.
    """
    if path is None:
        origin = asked.settled()
        return origin, origin.build(clock.now), None
    path = Path(os.path.realpath(path))
    if not path.exists():
        _begin(asked.settled(), path, clock)
    database = _open(path)
    try:
        origin, world = _read(asked, path, database, clock)
    except StateFileError:
        database.close()
        raise
    return origin, world, FileStateRecorder(path, database, world, clock)


def _begin(origin: Origin, path: Path, clock: Clock) -> None:
    """Write a new file beside its place and move it there, so that no crash leaves half of it."""
    parts: Parts = {("origin", ""): pickle.dumps((None, asdict(origin)))}
    parts |= WorldChanges(origin.build(clock.now), clock).take()
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL, 0o600))
        database = sqlite3.connect(beside)
        database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {_shape_of_state()}")
        database.execute(_CREATE)
        _write(database, parts)
        database.close()
        beside.rename(path)
    except (OSError, sqlite3.Error) as error:
        raise StateFileError(f"can't write {path}: {getattr(error, 'strerror', None) or error}.") from error


def _open(path: Path) -> sqlite3.Connection:
    """Open a state file, locked until it is closed."""
    if not path.is_file():
        raise StateFileError(f"{path} isn't a file.")
    journal = path.with_name(f"{path.name}-journal")
    if journal.exists() and journal.read_bytes().startswith(_JOURNAL_IN_USE):
        _logger.warning("%s ends with a change that was never answered. The change is dropped.", path)
    database = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        application_id, shape = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if (application_id, shape) == (_APPLICATION_ID, _shape_of_state()):
            database.execute("BEGIN EXCLUSIVE")
            database.commit()
            return database
        reason = "was written by another version of the sandbox" if application_id == _APPLICATION_ID else _FOREIGN
    except sqlite3.Error as error:
        known = {sqlite3.SQLITE_BUSY: "is in use by another sandbox", sqlite3.SQLITE_NOTADB: _FOREIGN}
        reason = known.get(error.sqlite_errorcode, f"is damaged ({error})")
    database.close()
    raise StateFileError(f"{path} {reason}. {_LEFT}")


def _read(asked: Origin, path: Path, database: sqlite3.Connection, clock: Clock) -> tuple[Origin, World]:
    owners: dict[str, Any] = {}
    entries: dict[str, dict[Any, Any]] = {}

    def build(place: str) -> Any:
        kind, values, objects = owners[place]
        values = {name: entries.get(f"{place}.{name}", value) for name, value in values.items()}
        values |= {name: build(f"{place}.{name}") for name in objects}
        return World.restore(values, clock.now) if kind is World else kind(**values)

    try:
        if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise ValueError("SQLite can't read it")
        for place, name, pickled, checksum in database.execute("SELECT * FROM parts ORDER BY rowid"):
            if checksum != zlib.crc32(pickled):
                raise ValueError(f"{place} {name} has changed")
            key, value = StateUnpickler(BytesIO(pickled)).load()
            if name:
                entries.setdefault(place, {})[key] = value
            else:
                owners[place] = value
        origin, world, advanced = Origin(**owners["origin"]), build("world"), owners["clock"]
    except (AttributeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError, sqlite3.Error) as error:
        raise StateFileError(f"{path} is damaged ({error}). {_LEFT}") from error
    if contradiction := asked.find_contradiction(owners["origin"]):
        raise StateFileError(f"{path} holds {contradiction}. Leave that option out to continue, or name another file.")
    clock.advanced = advanced
    return origin, world


class StateUnpickler(pickle.Unpickler):
    """Makes only values of the sandbox's state, so that a file can't run code."""

    def find_class(self, module: str, name: str) -> Any:
        """Take the class from a module that is loaded, so that a file can't make Python import a module."""
        found = getattr(sys.modules.get(module), name, None)
        is_own = module.startswith(_OWN_MODULES) and isinstance(found, type) and found.__module__ == module
        if is_own or (found is not None and (module, name) in _FOREIGN_CLASSES):
            return found
        raise pickle.UnpicklingError(f"a state file holds no {module}.{name}")


@cache
def _shape_of_state() -> int:
    """Sum up the fields of the state's classes: only a sandbox with the same classes reads a file."""
    modules = [module for name, module in sys.modules.items() if name.startswith(_OWN_MODULES)]
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    shapes = sorted((kind.__qualname__, [field.name for field in fields(kind)]) for kind in kinds if is_dataclass(kind))
    return zlib.crc32(repr(shapes).encode()) & 0x7FFF_FFFF
