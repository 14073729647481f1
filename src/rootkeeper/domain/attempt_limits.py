"""How often something may fail before it has to wait: values alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """What is counted, and how much of it is too much."""

    key: str
    """Whose failures they are, such as ``name ana`` or ``address 192.0.2.7``. Kept as a hash alone."""
    most: int
    """So many failures are borne; the next attempt has to wait."""
    within: timedelta
    """A failure counts for so long."""
