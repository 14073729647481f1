"""What a client takes an answer as. Source: RFC 9110, section 12.5.3."""

from __future__ import annotations

_NEVER = frozenset({"q=0", "q=0.0", "q=0.00", "q=0.000"})


def takes_gzip(accepted: str) -> bool:
    """Whether an ``Accept-Encoding`` header names gzip and doesn't rule it out."""
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in _NEVER
    return False
