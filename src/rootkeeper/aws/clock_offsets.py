"""How this machine's clock stands to AWS's, as the Date header of an answer tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_RESOLUTION = timedelta(seconds=1)
"""A Date header leaves fractions of a second out. Source: RFC 9110, section 5.6.7."""


def parse_date(header: str | None) -> datetime | None:
    """The moment of a Date header, in UTC; ``None`` if it names none."""
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def measure_offset(dated_at: datetime, began_at: datetime, took: timedelta) -> timedelta:
    """How far a clock that read ``began_at`` before the call is ahead of the one that dated the answer, at least.

    The answer was dated some time during the call, so whatever lies within it is no offset. How long it took must have
    been measured by a clock that doesn't jump.
    """
    if dated_at + _RESOLUTION < began_at:
        return began_at - dated_at - _RESOLUTION
    if dated_at > began_at + took:
        return began_at + took - dated_at
    return timedelta()
