"""Answers of calls that were ordered to lie: success, and nothing changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.state import World
from rootkeeper.sandbox.state.watched import Key, Value, WatchedDict


def make_false_result(operation: Operation, call: Call) -> dict[str, Any]:
    """Give what the operation would have answered, by performing it on a copy of the world.

    Where even that is refused, the answer is an empty success.
    """
    copied = replace(call, world=copy_world(call.world))
    try:
        return operation.perform(copied)
    except ServiceError:
        return {}


def copy_world(world: World) -> World:
    """Copy a world, its accounts and sessions only as they are looked up: most of 50,000 never are."""
    copied = copy.copy(world)
    memo: dict[int, Any] = {id(world): copied}
    for name, value in vars(world).items():
        setattr(copied, name, _copy_part(value, memo))
    return copied


def _copy_part(value: Any, memo: dict[int, Any]) -> Any:
    """Copy what hangs on the world: a dictionary lazily, an object field by field."""
    if callable(value):
        return value
    if isinstance(value, dict):
        return _LazyCopyDict(value)
    if not hasattr(value, "__dict__"):
        return copy.deepcopy(value, memo)
    copied = copy.copy(value)
    memo[id(value)] = copied
    for name, inner in vars(value).items():
        setattr(copied, name, _LazyCopyDict(inner) if isinstance(inner, dict) else copy.deepcopy(inner, memo))
    return copied


class _LazyCopyDict(WatchedDict[Key, Value]):
    """A dictionary of another one's entries, each of which is copied when it is used by its key."""

    def __init__(self, entries: Mapping[Key, Value]) -> None:
        super().__init__(entries)
        self._owned: set[Key] = set()

    def touch(self, key: Key) -> None:
        if key in self and key not in self._owned:
            dict.__setitem__(self, key, copy.deepcopy(dict.__getitem__(self, key)))
        self._owned.add(key)
