"""A dictionary that learns which of its entries are used: the state file and ``lie`` faults need only those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class WatchedDict(dict[Key, Value]):
    """Calls ``touch`` before an entry is read, written or removed by its key.

    Code that has an entry can change its contents. Iteration isn't noticed, so code that changes an entry in place
    reads it by its key first. Copies are ordinary dictionaries.
    """

    def touch(self, key: Key) -> None:
        """Take note of a key."""
        raise NotImplementedError

    def __getitem__(self, key: Key) -> Value:
        self.touch(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Key, value: Value) -> None:
        self.touch(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: Key) -> None:
        self.touch(key)
        super().__delitem__(key)

    def pop(self, key: Key, *default: Any) -> Any:
        if key not in self:
            return super().pop(key, *default)
        value = self[key]
        del self[key]
        return value

    # dict's own methods don't call the methods above.
    get: Any = MutableMapping.get
    setdefault: Any = MutableMapping.setdefault
    popitem: Any = MutableMapping.popitem
    clear: Any = MutableMapping.clear
    update: Any = MutableMapping.update

    def __ior__(self, other: Mapping[Key, Value] | Iterable[tuple[Key, Value]]) -> WatchedDict[Key, Value]:  # type: ignore[override,misc]  # dict's own overloads say the same
        self.update(other)
        return self

    def __reduce__(self) -> tuple[type, tuple[dict[Key, Value]]]:
        return dict, (dict(self),)
