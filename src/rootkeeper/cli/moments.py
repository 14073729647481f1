"""Dates and times as people give them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from rootkeeper.domain.durations import parse_duration
from rootkeeper.errors import InputError

_LENGTH = re.compile(r"\d+[dhms]")
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=3650)


def parse_moment(text: str, option: str, now: datetime, *, day_ends: bool) -> datetime:
    """Read a date, a date with time, or a length of time from now.

    A time without a zone is UTC. :param day_ends: whether a date alone means its last second or its first.

    :raises InputError: if it is none of these.
    """
    if _LENGTH.fullmatch(text.strip()):
        return now + parse_duration(text, option=option, shortest=_SHORTEST, longest=_LONGEST)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(
            f"{option} {text!r} is not a date.", hint="Write 2026-12-31, 2026-12-31T18:00Z, or a length such as 30d."
        ) from error
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text.strip()):
        moment = datetime.combine(moment.date(), time(23, 59, 59) if day_ends else time())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_past_moment(text: str, option: str, now: datetime, *, day_ends: bool) -> datetime:
    """The same, except that a length of time means so long before ``now``.

    :raises InputError: if it is none of these.
    """
    if _LENGTH.fullmatch(text.strip()):
        return now - parse_duration(text, option=option, shortest=_SHORTEST, longest=_LONGEST)
    return parse_moment(text, option, now, day_ends=day_ends)
