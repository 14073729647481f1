"""Times as CloudTrail writes them inside an event's elements."""

from __future__ import annotations

from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_event_time(moment: datetime) -> str:
    """Write a time as CloudTrail's elements do: ``Oct 25, 2024, 9:07:11 PM``."""
    half = "AM" if moment.hour < 12 else "PM"
    clock = f"{moment.hour % 12 or 12}:{moment.minute:02}:{moment.second:02} {half}"
    return f"{_MONTHS[moment.month - 1]} {moment.day}, {moment.year}, {clock}"
