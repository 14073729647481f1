"""Whether a server can do its work now, as a list of what was looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """One thing that a server needs."""

    name: str
    """One word or two, such as ``database``."""
    is_good: bool
    explanation: str
    """One sentence; holds no secret, since anybody may ask."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """All that a server needs."""

    checks: tuple[ReadinessCheck, ...]

    @property
    def is_ready(self) -> bool:
        return all(check.is_good for check in self.checks)
