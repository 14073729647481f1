"""Takes the world and the clock apart into pieces that can be written one by one, and puts them together again.

A piece is an entry of a dictionary (an account, a session) or any other field of what hangs on the world. Which pieces
a call has changed is found by comparing them with what was written last: all pieces where there are few; of large
dictionaries those that were written or looked up. So whoever changes an entry in place looks it up by its key.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from typing import Any

from rootkeeper.sandbox.clock import Clock
from rootkeeper.sandbox.persistence.tracking import TrackedDict
from rootkeeper.sandbox.persistence.values import UnknownValueError, decode, encode, kept_fields, make_instance
from rootkeeper.sandbox.state import Organization, World

COMPARED_WHOLE = 200
"""Dictionaries up to this size are compared entry by entry after every change."""

Path = tuple[Hashable, ...]
Change = list[Any]
"""``[path, value]``, or ``[path]`` for a piece that is gone."""


@dataclass(slots=True)
class _Shelf:
    """A dictionary whose entries are pieces."""

    path: Path
    owner: Any
    name: str
    entries: TrackedDict[Any, Any]
    written: dict[Any, int] = field(default_factory=dict)
    """By key: the hash of what was written last."""

    def adopt(self) -> None:
        """Go on with another dictionary, should the owner have put one in the place of ours."""
        if getattr(self.owner, self.name) is not self.entries:
            self.entries = TrackedDict(getattr(self.owner, self.name))
            self.entries.written.update(self.entries, self.written)
            setattr(self.owner, self.name, self.entries)

    def suspects(self, *, is_mutating: bool, compared_whole: int) -> set[Any]:
        """Give the keys of entries that may have changed."""
        if not is_mutating:
            return self.entries.written
        if len(self.entries) <= compared_whole:
            return {*self.entries, *self.written}
        return self.entries.looked_up | self.entries.written


@dataclass(slots=True)
class _Single:
    """A field that is one piece."""

    path: Path
    owner: Any
    name: str
    written: int | None = None


class Pieces:
    """The pieces of one running world, and what was written of them."""

    def __init__(self, world: World, clock: Clock, compared_whole: int = COMPARED_WHOLE) -> None:
        self._compared_whole = compared_whole
        self._shelves: list[_Shelf] = []
        self._singles: list[_Single] = []
        for root, owner in (("world", world), ("clock", clock)):
            for name in list(vars(owner)):
                self._add((root, name), owner, name)

    def _add(self, path: Path, owner: Any, name: str) -> None:
        value = getattr(owner, name)
        if callable(value):
            return
        if len(path) == 2 and (names := _field_names(value)) is not None:
            for inner in names:
                self._add_field((*path, inner), value, inner)
        else:
            self._add_field(path, owner, name)

    def _add_field(self, path: Path, owner: Any, name: str) -> None:
        value = getattr(owner, name)
        if isinstance(value, dict):
            entries: TrackedDict[Any, Any] = TrackedDict(value)
            setattr(owner, name, entries)
            self._shelves.append(_Shelf(path, owner, name, entries))
        else:
            self._singles.append(_Single(path, owner, name))

    def take_all(self) -> Iterator[Change]:
        """Give every piece, each as it is asked for, and take it as written."""
        for single in self._singles:
            yield from self._take_single(single, is_forced=True)
        for shelf in self._shelves:
            shelf.adopt()
            shelf.written.clear()
            for key in list(shelf.entries):
                yield from self._take_entry(shelf, key)
            shelf.entries.forget()

    def take_changes(self, *, is_mutating: bool) -> list[Change]:
        """Give what has changed since the last time, and take it as written.

        After calls that change nothing but what they write into a dictionary (a session), say so: it is quick then.
        """
        changes: list[Change] = []
        for shelf in self._shelves:
            shelf.adopt()
            suspects = shelf.suspects(is_mutating=is_mutating, compared_whole=self._compared_whole)
            for key in sorted(suspects, key=repr) if suspects else ():
                changes.extend(self._take_entry(shelf, key))
            shelf.entries.forget()
        for single in self._singles if is_mutating else ():
            changes.extend(self._take_single(single))
        return changes

    def _take_entry(self, shelf: _Shelf, key: Any) -> Iterator[Change]:
        path = [*shelf.path, encode(key)]
        if key not in shelf.entries:
            if shelf.written.pop(key, None) is not None:
                yield [path]
            return
        value = encode(dict.__getitem__(shelf.entries, key))
        print_of_value = _fingerprint(value)
        if shelf.written.get(key) != print_of_value:
            shelf.written[key] = print_of_value
            yield [path, value]

    def _take_single(self, single: _Single, *, is_forced: bool = False) -> Iterator[Change]:
        value = encode(getattr(single.owner, single.name))
        print_of_value = _fingerprint(value)
        if is_forced or single.written != print_of_value:
            single.written = print_of_value
            yield [list(single.path), value]


def _fingerprint(value: Any) -> int:
    return hash(json.dumps(value))


def _field_names(value: Any) -> list[str] | None:
    """List the fields of an object whose fields are pieces of their own; ``None`` for values."""
    if isinstance(value, dict | Enum) or not type(value).__module__.startswith("rootkeeper.sandbox."):
        return None
    if is_dataclass(value):
        names = [field.name for field in kept_fields(type(value))]
        return None if getattr(type(value), "__dataclass_params__").frozen else names  # noqa: B009 - unknown to mypy
    return [name for name, item in vars(value).items() if not callable(item)]


class Assembly:
    """Puts a world together from pieces, one after the other."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}

    def put(self, change: Change) -> None:
        """Take one piece, or one that is gone.

        :raises UnknownValueError: if it is neither.
        """
        if len(change) not in (1, 2) or not isinstance(change[0], list):
            raise UnknownValueError("a piece must be a path and a value.")
        *parents, key = (decode(name) for name in change[0])
        place = self._found
        for name in parents:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise UnknownValueError(f"{name!r} isn't a place for pieces.")
        if len(change) == 2:
            place[key] = decode(change[1])
        else:
            place.pop(key, None)

    def build(self, clock: Clock) -> World:
        """Make the world, and set the clock to the time that it had.

        :raises UnknownValueError: if pieces are missing or unknown.
        """
        found = dict(self._found.get("world", {}))
        missing = {"organization", "seed"} - found.keys()
        if missing:
            raise UnknownValueError(f"the world has no {min(missing)}.")
        world = World(make_instance(Organization, found.pop("organization")), found.pop("seed"), clock.now)
        for name, value in found.items():
            _restore(world, name, value)
        for name, value in self._found.get("clock", {}).items():
            _restore(clock, name, value)
        return world


def _restore(owner: Any, name: str, value: Any) -> None:
    """Set one field; an object whose fields came as pieces is made anew of the same class."""
    if name not in vars(owner):
        raise UnknownValueError(f"{type(owner).__name__} has no {name!r}.")
    fresh = getattr(owner, name)
    if _field_names(fresh) is None:
        setattr(owner, name, value)
    elif is_dataclass(fresh):
        setattr(owner, name, make_instance(type(fresh), value))
    else:
        for inner, item in value.items():
            _restore(fresh, inner, item)
