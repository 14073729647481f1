"""What a server does by itself at certain times, and what has to be done about times that passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

ON_TIME = timedelta(seconds=60)
"""A run that begins so long after its moment wasn't missed."""
CLAIM = timedelta(seconds=30)
"""What the process that took a run hasn't begun by then is begun by another one, or tried again."""


class ScheduleKind(StrEnum):
    """What is done; each name is that of a setting, such as ``schedules.audits``."""

    AUDITS = "audits"
    DRIFT_CHECKS = "drift_checks"
    DRILL_REMINDERS = "drill_reminders"


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """One schedule, as it stands."""

    schedule_id: str
    kind: ScheduleKind
    expression: str
    """The five fields of cron."""
    time_zone: str
    last_run_at: datetime | None
    """The moment for which it ran last; ``None`` until then."""
    next_run_at: datetime


@dataclass(frozen=True, slots=True)
class DueRuns:
    """What is to be done about moments that have come."""

    moment: datetime
    """The latest of them: the one that is run."""
    missed: int
    """Moments that nobody kept, those included that are made up for by this one run."""


def is_claimed(claimed_at: datetime, last_run_at: datetime, now: datetime) -> bool:
    """Whether a process is about to begin a run. A claim from a time that a clock was set back from is none."""
    return claimed_at > last_run_at and abs(now - claimed_at) < CLAIM


def plan_due_runs(moments: Sequence[datetime], now: datetime) -> DueRuns | None:
    """Run once for all moments that have come, however long nobody was there; ``None`` if none has.

    :param moments: those since the last run, in order.
    """
    if not moments:
        return None
    latest = moments[-1]
    is_late = now - latest > ON_TIME
    return DueRuns(latest, len(moments) if is_late else len(moments) - 1)
