"""Faults that a test orders: errors, latency, cut connections, empty pages and lies, for the calls that they match.

A fault with a probability affects a share of the calls that it matches; its seed decides which. A call that is
ordered to lie answers with success and changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from rootkeeper_sandbox.exchange import Call, Operation, ServiceError
from rootkeeper_sandbox.state.watched import Key, Value, WatchedDict
from rootkeeper_sandbox.state.world import World
from rootkeeper_sandbox.throttling import find_throttling_error

_MATCHERS = ("service", "operation", "account_id")
_KINDS = ("error", "throttle", "latency_ms", "drop", "lie", "empty_page")
_FIELDS = frozenset({*_MATCHERS, *_KINDS, "times", "probability", "seed"})
_ERROR_FIELDS = frozenset({"code", "status", "message"})
_LISTS = "List"
"""The start of the names of operations that answer in pages."""


def _always() -> float:
    return 0.0


@dataclass(slots=True)
class Fault:
    """A fault, the calls it matches, and how often it still strikes."""

    matches: Mapping[str, str]
    """Values of ``service``, ``operation`` and ``account_id``; a missing key matches everything."""
    remaining: int | None = None
    """``None``: until cleared."""
    probability: float = 1.0
    """The share of the matching calls that it strikes."""
    seed: int = 1
    error: ServiceError | None = None
    throttles: bool = False
    latency_seconds: float = 0.0
    cuts_connection: bool = False
    gives_false_result: bool = False
    empties_page: bool = False
    draw: Callable[[], float] = _always
    """Gives a number below the probability when it is to strike; its book's, so that no two faults draw alike."""

    @property
    def refuses(self) -> bool:
        return self.throttles or self.error is not None

    def matches_call(self, facts: Mapping[str, str]) -> bool:
        """Return whether the fault can affect a call."""
        is_meant = all(facts.get(name) == value for name, value in self.matches.items())
        return is_meant and (not self.empties_page or facts["operation"].startswith(_LISTS))

    def strikes(self) -> bool:
        """Draw for a call that it matches, and use it up where it strikes."""
        if self.remaining == 0 or self.draw() >= self.probability:
            return False
        if self.remaining is not None:
            self.remaining -= 1
        return True

    def find_error(self, service: str) -> ServiceError | None:
        """Give the refusal in the service's own form."""
        usual = find_throttling_error(service)
        if self.throttles:
            return usual
        if self.error is None or self.error.code != usual.code:
            return self.error
        return ServiceError(usual.code, self.error.message or usual.message, self.error.status, usual.fields)


@dataclass(slots=True)
class FaultEffects:
    """All that the faults do to a call, added up."""

    latency_seconds: float = 0.0
    error: ServiceError | None = None
    cuts_connection: bool = False
    gives_false_result: bool = False
    empties_page: bool = False


@dataclass(slots=True)
class FaultRegistry:
    """The faults in force."""

    faults: list[Fault] = field(default_factory=list)
    _added: int = 0

    def add(self, fault: Fault) -> None:
        if fault.probability < 1:
            # Each draws numbers of its own: faults that drew the same numbers would always strike the same calls.
            fault.draw = Random(f"{fault.seed}/{self._added}").random  # noqa: S311 - repeatable by intent
        self._added += 1
        self.faults.append(fault)

    def clear(self) -> None:
        self.faults.clear()
        self._added = 0

    def find_fault_effects(self, service: str, operation: str, account_id: str) -> FaultEffects:
        """Use up the faults that match a call. The first error ends it, later errors wait for the next call."""
        facts = {"service": service, "operation": operation, "account_id": account_id}
        disturbance = FaultEffects()
        for fault in self.faults:
            may_strike = fault.matches_call(facts) and not (fault.refuses and disturbance.error)
            if may_strike and fault.strikes():
                disturbance.latency_seconds += fault.latency_seconds
                disturbance.error = disturbance.error or fault.find_error(service)
                disturbance.cuts_connection |= fault.cuts_connection
                disturbance.gives_false_result |= fault.gives_false_result
                disturbance.empties_page |= fault.empties_page
        self.faults = [fault for fault in self.faults if fault.remaining != 0]
        return disturbance


def parse_fault(body: object) -> Fault:
    """Parse the body of ``POST /_sandbox/faults``.

    :raises ValueError: if it isn't a fault.
    """
    if not isinstance(body, dict):
        raise ValueError("a fault must be an object.")
    unknown = body.keys() - _FIELDS
    if unknown:
        raise ValueError(f"a fault has no field {min(unknown)!r}; known: {', '.join(sorted(_FIELDS))}.")
    fault = Fault(
        matches={name: _text(body[name], name) for name in _MATCHERS if body.get(name) is not None},
        remaining=_number(body, "times", None, lambda n: isinstance(n, int) and n >= 1, "a whole number of at least 1"),
        probability=_number(body, "probability", 1, lambda n: 0 < n <= 1, "a number over 0 and up to 1"),
        seed=_number(body, "seed", 1, lambda n: isinstance(n, int), "a whole number"),
        error=_parse_error(body["error"]) if "error" in body else None,
        latency_seconds=_number(body, "latency_ms", 0, lambda n: 0 <= n <= 3_600_000, "a number from 0 to 3600000")
        / 1000,
        cuts_connection=_flag(body, "drop"),
        gives_false_result=_flag(body, "lie"),
        throttles=_flag(body, "throttle"),
        empties_page=_flag(body, "empty_page"),
    )
    if not any(
        (fault.refuses, fault.latency_seconds, fault.cuts_connection, fault.gives_false_result, fault.empties_page)
    ):
        raise ValueError(f"a fault needs one of {', '.join(_KINDS)}.")
    return fault


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text.")
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false.")
    return value


def _number(body: Mapping[str, Any], name: str, default: Any, holds: Callable[[Any], bool], wanted: str) -> Any:
    value = body.get(name, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not default and not (is_number and holds(value)):
        raise ValueError(f"{name} must be {wanted}.")
    return value


def _parse_error(value: object) -> ServiceError:
    if not isinstance(value, dict) or value.keys() - _ERROR_FIELDS or "code" not in value:
        raise ValueError("error must be an object with code, and optionally status and message.")
    status = value.get("status", 400)
    if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
        raise ValueError("error.status must be an HTTP status from 400 to 599.")
    return ServiceError(_text(value["code"], "error.code"), _text(value.get("message", ""), "error.message"), status)


def make_false_result(operation: Operation, call: Call) -> dict[str, Any]:
    """Give the answer that the operation would have given, by performing it on a copy of the world.

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
    """Copy a part of the world: a dictionary lazily, an object field by field."""
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
    """A dictionary of another dictionary's entries; each is copied when it is used by its key."""

    def __init__(self, entries: Mapping[Key, Value]) -> None:
        super().__init__(entries)
        self._owned: set[Key] = set()

    def touch(self, key: Key) -> None:
        if key in self and key not in self._owned:
            dict.__setitem__(self, key, copy.deepcopy(dict.__getitem__(self, key)))
        self._owned.add(key)
