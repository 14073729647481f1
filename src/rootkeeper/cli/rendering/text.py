"""Text from outside made safe to show.

Names, e-mail addresses, tags and reasons are written by others: they may hold control characters that steer a
terminal, marks that turn the reading direction round, or a formula that a spreadsheet would run.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime, timedelta

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Format characters that scripts and emoji need, and that can't mislead on their own."""
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLAIN = re.compile(r"[ -~]*")
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def printable(text: str) -> str:
    """``text`` in one line, with everything that could steer a terminal replaced."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_printable_character(character) for character in text)


def _printable_character(character: str) -> str:
    if character in "\n\t":
        return " "
    if character not in _JOINERS and unicodedata.category(character) in _UNSAFE_CATEGORIES:
        return _REPLACEMENT
    return character


def csv_cell(value: object) -> str:
    """``value`` as a cell that a spreadsheet shows and never runs. Source: OWASP, CSV injection."""
    text = "" if value is None else _plain(value)
    return f"'{printable(text)}" if text.startswith(_FORMULA_STARTS) else printable(text)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json_text(value) if isinstance(value, list | dict) else str(value)


def json_text(value: object, *, indent: int | None = None) -> str:
    """``value`` as JSON; names stay readable, what could steer a terminal is escaped as JSON allows."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def json_time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def spoken_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def spoken_age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: ``3 days ago``."""
    age = max(now - moment, timedelta())
    for unit, length in (("year", 365 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(age.total_seconds() // length)
        if count:
            return f"{counted(count, unit)} ago"
    return "just now"


def spoken_length(length: timedelta) -> str:
    """To the second: ``1d 4h``, ``9m 30s``, ``0s``."""
    seconds = max(0, round(length.total_seconds()))
    parts = []
    for unit, unit_seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, unit_seconds)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 account``, ``2 accounts``, ``10,000 accounts``."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
