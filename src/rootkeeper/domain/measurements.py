"""What is measured of a server for those who watch it from outside: numbers by state, and never a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.jobs import JobState
from rootkeeper.domain.windows import WindowState


@dataclass(frozen=True, slots=True)
class StoredMeasurements:
    """Of the database, which all servers and workers share."""

    windows: Mapping[WindowState, int]
    """Recovery windows in each state; a state without any is left out."""
    jobs: Mapping[JobState, int]
    """Jobs in each state, as they were written: one whose process died counts as running until it is taken up."""
    ledger_sequence: int
    """Of the last entry; 0 if there is none."""
    ledger_head_at: datetime | None
    """When the last entry was written."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """One look."""

    stored: StoredMeasurements | None
    """``None`` if the database can't be read."""
    throttles: Mapping[str, int]
    """How often AWS has throttled this process, by quota (``organizations:ListAccounts``)."""
    notification_targets: int
    failing_notification_targets: int
    """Those whose last attempt of this process failed."""
    is_ready: bool
