"""Times as CloudTrail writes them inside an event's elements."""

from __future__ import annotations

from datetime import datetime


def format_event_time(moment: datetime) -> str:
    """Write a time as CloudTrail's elements do: ``Oct 25, 2024, 9:07:11 PM``."""
    hour = moment.hour % 12 or 12
    return f"{moment:%b} {moment.day}, {moment.year}, {hour}:{moment:%M:%S %p}"
