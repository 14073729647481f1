"""Values as text and as JSON: the canonical form, times, and durations (``10s``, ``45m``, ``4h``, ``7d``).

Source of the canonical form: RFC 8785.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, overload

from rootkeeper.errors import InputError

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"


def canonical_json(value: JsonValue) -> str:
    """Write ``value`` in the canonical form: equal values have equal texts.

    :raises ValueError: if it has no canonical form: an integer beyond 2**53, a number that isn't finite, broken text.
    """
    return dump_json(to_plain_json(value)).decode()


def dump_json(plain: Any) -> bytes:
    if _is_simple(plain):
        return _SIMPLE_ENCODER.encode(plain).encode()
    import rfc8785  # here, because most commands hash nothing

    return rfc8785.dumps(plain)


_SIMPLE_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""Writes simple values in the canonical form, many times faster than rfc8785."""
_INTEGER_LIMIT = 2**53


def _is_simple(value: Any) -> bool:
    """Whether the value needs none of RFC 8785's rules for numbers, other characters and their order."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_simple(item) for key, item in value.items())
    if kind is list:
        return all(map(_is_simple, value))
    if kind is int:
        return bool(-_INTEGER_LIMIT < value < _INTEGER_LIMIT)
    return value is None or kind is bool


def to_plain_json(value: JsonValue) -> Any:
    """Convert mappings to dicts and sequences to lists."""
    if isinstance(value, Mapping):
        return {key: to_plain_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [to_plain_json(item) for item in value]
    return value


def render_time(at: datetime) -> str:
    """Render in UTC with microseconds and ``Z``: always 27 characters, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_FIRST_YEAR, _LAST_YEAR = 2000, 2999
TIMES_ALLOWED = f"{_FIRST_YEAR}-01-01 to {_LAST_YEAR}-12-31"


def require_usable_time(moment: datetime) -> datetime:
    """Return a time that someone gave, in UTC. At the ends of the calendar it couldn't be computed with.

    :raises ValueError: if it is before the year 2000, or after 2999.
    """
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"a time must be from {TIMES_ALLOWED}")
    return moment.astimezone(UTC)


def render_instant(instant: datetime) -> str:
    """Render as ``2026-01-15T09:00:00Z``, with microseconds only if there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def render_optional_instant(instant: datetime | None) -> str | None:
    return None if instant is None else render_instant(instant)


def parse_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} isn't text")
    return value


def parse_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} isn't true or false")
    return value


def parse_instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(parse_text(value))
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} names no time zone")
    return instant.astimezone(UTC)


@overload
def json_time(moment: datetime) -> str: ...


@overload
def json_time(moment: datetime | None) -> str | None: ...


def json_time(moment: datetime | None) -> str | None:
    """Render in RFC 3339, UTC, to the second."""
    return None if moment is None else render_instant(moment.replace(microsecond=0))


_DURATION = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>[smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str, *, option: str, shortest: timedelta, longest: timedelta) -> timedelta:
    """Parse a duration from ``shortest`` to ``longest``.

    :param option: the option or field, such as ``--for``, for messages.
    :raises InputError: if it isn't a number with s, m, h or d, or is out of range.
    """
    limits = f"{render_duration(shortest)} to {render_duration(longest)}"
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"{option} {text!r} isn't a duration.",
            hint=f"Write a whole number and s, m, h or d, such as 45m or 4h. Allowed: {limits}.",
        )
    duration = timedelta(seconds=int(match["count"]) * _UNIT_SECONDS[match["unit"]])
    if not shortest <= duration <= longest:
        raise InputError(f"{option} {text!r} is out of range.", hint=f"Allowed: {limits}.")
    return duration


def render_duration(duration: timedelta) -> str:
    """Render the shortest text that :func:`parse_duration` accepts, to the second: ``90m``, ``2h``, ``7d``."""
    seconds = int(duration.total_seconds())
    for unit in "dhm":
        if seconds and seconds % _UNIT_SECONDS[unit] == 0:
            return f"{seconds // _UNIT_SECONDS[unit]}{unit}"
    return f"{seconds}s"


def describe_duration(duration: timedelta) -> str:
    """Render in words, in its largest unit, rounded down: ``3 hours``, ``1 day``; at least ``0 seconds``."""
    seconds = max(0, int(duration.total_seconds()))
    for length, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return f"{seconds // length} {name}{'s' if seconds >= 2 * length else ''}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
