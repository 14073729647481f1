"""A dictionary that remembers which of its entries may have changed."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
_NOTHING = object()


class TrackedDict(dict[Key, Value]):
    """Notes the keys that were written, and those that were looked up: whoever has an entry may change what is in it.

    Going through all entries isn't noted. Copies are ordinary dictionaries.
    """

    __slots__ = ("looked_up", "written")

    def __init__(self, entries: Mapping[Key, Value]) -> None:
        super().__init__(entries)
        self.looked_up: set[Key] = set()
        self.written: set[Key] = set()

    def __getitem__(self, key: Key) -> Value:
        self.looked_up.add(key)
        return super().__getitem__(key)

    def get(self, key: Key, default: Any = None) -> Any:
        self.looked_up.add(key)
        return super().get(key, default)

    def __setitem__(self, key: Key, value: Value) -> None:
        self.written.add(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: Key) -> None:
        self.written.add(key)
        super().__delitem__(key)

    def setdefault(self, key: Key, default: Any = None) -> Any:
        (self.looked_up if key in self else self.written).add(key)
        return super().setdefault(key, default)

    def pop(self, key: Key, default: Any = _NOTHING) -> Any:
        self.written.add(key)
        return super().pop(key) if default is _NOTHING else super().pop(key, default)

    def popitem(self) -> tuple[Key, Value]:
        key, value = super().popitem()
        self.written.add(key)
        return key, value

    def update(self, *others: Any, **entries: Any) -> None:
        added = dict(*others, **entries)
        self.written.update(added)
        super().update(added)

    def __ior__(self, other: Mapping[Key, Value] | Iterable[tuple[Key, Value]]) -> TrackedDict[Key, Value]:  # type: ignore[override,misc]  # dict's own overloads say the same
        self.update(other)
        return self

    def clear(self) -> None:
        self.written.update(self)
        super().clear()

    def copy(self) -> dict[Key, Value]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Key, Value]:
        return copy.deepcopy(dict(self), memo)

    def forget(self) -> None:
        """Start noting anew."""
        self.looked_up.clear()
        self.written.clear()
