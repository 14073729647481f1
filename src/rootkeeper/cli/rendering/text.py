"""Text as people and programs read it; text from outside is made safe by ``reports.untrusted_text``."""

from __future__ import annotations

from datetime import datetime, timedelta


def render_timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def render_age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: ``3 days ago``."""
    age = max(now - moment, timedelta())
    for unit, length in (("year", 365 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(age.total_seconds() // length)
        if count:
            return f"{counted(count, unit)} ago"
    return "just now"


def render_length(length: timedelta) -> str:
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
