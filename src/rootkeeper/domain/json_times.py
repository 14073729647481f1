"""Moments in JSON documents: the same in every one that is shown to people and programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def json_time(moment: datetime) -> str: ...


@overload
def json_time(moment: datetime | None) -> str | None: ...


def json_time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
