"""Pieces of JSON documents that reports and commands show alike."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rootkeeper.domain.setup_drift import Difference


def json_time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def difference_record(difference: Difference) -> dict[str, Any]:
    """One thing that isn't as it was accepted."""
    return {
        "part": difference.part.value,
        "subject": difference.subject,
        "accepted": difference.accepted,
        "found": difference.found,
        "what": difference.what,
        "could_be": list(difference.could_be),
    }
