"""Faults on purpose: errors, latency, cut connections and lies, for the calls that they match.

Clients must survive what AWS does on a bad day; here the bad day can be ordered through the control interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rootkeeper.sandbox.exchange import ServiceError

_MATCHERS = ("service", "operation", "account_id")
_FIELDS = frozenset({*_MATCHERS, "times", "error", "latency_ms", "drop", "lie"})
_ERROR_FIELDS = frozenset({"code", "status", "message"})


@dataclass(slots=True)
class Fault:
    """One fault, what it matches, and how often it still strikes."""

    matches: Mapping[str, str]
    """Values of ``service``, ``operation`` and ``account_id``; what is left out matches everything."""
    remaining: int | None = None
    """``None``: until cleared."""
    error: ServiceError | None = None
    latency_seconds: float = 0.0
    cuts_connection: bool = False
    lies: bool = False

    def strikes(self, facts: Mapping[str, str]) -> bool:
        """Tell whether it is due for a call."""
        return self.remaining != 0 and all(facts.get(name) == value for name, value in self.matches.items())


@dataclass(slots=True)
class Disturbance:
    """All that the faults do to one call, added up."""

    latency_seconds: float = 0.0
    error: ServiceError | None = None
    cuts_connection: bool = False
    lies: bool = False


@dataclass(slots=True)
class FaultBook:
    """The faults in force."""

    faults: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        self.faults.append(fault)

    def clear(self) -> None:
        self.faults.clear()

    def disturb(self, service: str, operation: str, account_id: str) -> Disturbance:
        """Use up the faults that match a call. The first error ends it, later ones wait for the next call."""
        facts = {"service": service, "operation": operation, "account_id": account_id}
        disturbance = Disturbance()
        for fault in self.faults:
            if fault.strikes(facts) and not (fault.error and disturbance.error):
                _add_up(disturbance, fault)
        self.faults = [fault for fault in self.faults if fault.remaining != 0]
        return disturbance


def _add_up(disturbance: Disturbance, fault: Fault) -> None:
    if fault.remaining is not None:
        fault.remaining -= 1
    disturbance.latency_seconds += fault.latency_seconds
    disturbance.error = disturbance.error or fault.error
    disturbance.cuts_connection |= fault.cuts_connection
    disturbance.lies |= fault.lies


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
        remaining=_parse_times(body.get("times")),
        error=_parse_error(body["error"]) if "error" in body else None,
        latency_seconds=_parse_latency(body.get("latency_ms", 0)),
        cuts_connection=_flag(body, "drop"),
        lies=_flag(body, "lie"),
    )
    if not (fault.error or fault.latency_seconds or fault.cuts_connection or fault.lies):
        raise ValueError("a fault needs one of error, latency_ms, drop and lie.")
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


def _parse_times(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("times must be a whole number of at least 1.")
    return value


def _parse_latency(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3_600_000:
        raise ValueError("latency_ms must be a number from 0 to 3600000.")
    return value / 1000


def _parse_error(value: object) -> ServiceError:
    if not isinstance(value, dict) or value.keys() - _ERROR_FIELDS or "code" not in value:
        raise ValueError("error must be an object with code, and optionally status and message.")
    status = value.get("status", 400)
    if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
        raise ValueError("error.status must be an HTTP status from 400 to 599.")
    return ServiceError(_text(value["code"], "error.code"), _text(value.get("message", ""), "error.message"), status)
