"""Lengths of time as people write them: ``10s``, ``45m``, ``4h``, ``7d``."""

from __future__ import annotations

import re
from datetime import timedelta

from rootkeeper.errors import InputError

_DURATION = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>[smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str, *, option: str, shortest: timedelta, longest: timedelta) -> timedelta:
    """Read a length of time between ``shortest`` and ``longest``, both included.

    :param option: what the person typed it for, such as ``--for``; the message names it.
    :raises InputError: if it isn't a number with one of s, m, h, d, or lies outside.
    """
    limits = f"{render_duration(shortest)} to {render_duration(longest)}"
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"{option} {text!r} isn't a length of time.",
            hint=f"Write a whole number and s, m, h or d, such as 45m or 4h; {limits} is allowed.",
        )
    duration = timedelta(seconds=int(match["count"]) * _UNIT_SECONDS[match["unit"]])
    if not shortest <= duration <= longest:
        raise InputError(f"{option} {text!r} is out of range.", hint=f"From {limits} is allowed.")
    return duration


def render_duration(duration: timedelta) -> str:
    """The shortest text that :func:`parse_duration` reads back, to the second: ``90m``, ``2h``, ``7d``."""
    seconds = int(duration.total_seconds())
    for unit in "dhm":
        if seconds and seconds % _UNIT_SECONDS[unit] == 0:
            return f"{seconds // _UNIT_SECONDS[unit]}{unit}"
    return f"{seconds}s"


def describe_duration(duration: timedelta) -> str:
    """In words, by its largest unit, rounded down: ``3 hours``, ``1 day``; never below ``0 seconds``."""
    seconds = max(0, int(duration.total_seconds()))
    for length, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return f"{seconds // length} {name}{'s' if seconds >= 2 * length else ''}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
