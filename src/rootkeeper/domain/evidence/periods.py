"""The period that a report covers, and how old a reading may be at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.errors import InputError

DEFAULT_STALE_AFTER = timedelta(days=30)


class EvidenceVerdict(StrEnum):
    """What evidence says of a control or an account."""

    FAIL = "fail"
    KEPT = "kept"
    """Of an account: root user credentials that are kept on purpose, and are guarded."""
    NOT_APPLICABLE = "not_applicable"
    PASS = "pass"  # noqa: S105 - a verdict's name
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` to ``end``, both included."""

    start: datetime
    end: datetime
    stale_after: timedelta = DEFAULT_STALE_AFTER
    """A reading older than this at ``end`` is stale, though it lies in the period."""

    def holds(self, at: datetime) -> bool:
        return self.start <= at <= self.end

    def find_staleness(self, read_at: datetime) -> str | None:
        """Why a reading isn't evidence for the period any more, or isn't yet; ``None`` if it is."""
        if read_at > self.end:
            return "read after the period's end"
        if read_at < self.start:
            return f"read before the period, {_render_age(self.end - read_at)} before its end"
        if self.end - read_at > self.stale_after:
            return f"read {_render_age(self.end - read_at)} before the period's end"
        return None


def require_period(period: Period) -> Period:
    """``period``, if it lasts.

    :raises InputError: if it ends before it begins.
    """
    if period.end <= period.start:
        raise InputError(
            f"The period ends at {period.end.isoformat()}, not after its beginning, {period.start.isoformat()}.",
            hint="Give an earlier --from, or a later --to.",
        )
    return period


def end_second(now: datetime) -> datetime:
    """The end of this second: what was read just now belongs to a period that ends now."""
    return now.replace(microsecond=0) + timedelta(seconds=1)


def _render_age(age: timedelta) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count = int(age.total_seconds() // length)
        if count:
            return f"{count} {unit if count == 1 else f'{unit}s'}"
    return "less than a second"
