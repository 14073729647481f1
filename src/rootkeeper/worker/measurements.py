"""Numbers for monitoring, of a process and of the database that all processes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, func, select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.jobs.rules import JobState
from rootkeeper.ledger.writer import read_head
from rootkeeper.windows.rules import WindowState


@dataclass(frozen=True, slots=True)
class StoredMeasurements:
    """Of the database, which all servers and workers share."""

    windows: Mapping[WindowState, int]
    """Recovery windows in each state; a state without any is left out."""
    jobs: Mapping[JobState, int]
    """Jobs in each state, as they were written: the job of a dead process counts as running until it is taken up."""
    ledger_sequence: int
    """Of the last entry; 0 if there is none."""
    ledger_head_at: datetime | None
    """When the last entry was written."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """All numbers of a scrape."""

    stored: StoredMeasurements | None
    """``None`` if the database can't be read."""
    throttles: Mapping[str, int]
    """How often AWS has throttled this process, by quota (``organizations:ListAccounts``)."""
    notification_targets: int
    failing_notification_targets: int
    """Targets that failed at this process's last attempt."""
    is_ready: bool


def measure_stored(store: Store, organization_id: str) -> StoredMeasurements:
    """Count windows and jobs by state, and read the head of the ledger.

    :raises DatabaseError: if the database can't be read.
    """
    with reading(store) as connection:
        head = read_head(connection)
        windows = _count_states(connection, schema.recovery_windows, organization_id)
        jobs = _count_states(connection, schema.jobs, organization_id)
        return StoredMeasurements(
            windows={state: windows[state] for state in WindowState if state in windows},
            jobs={state: jobs[state] for state in JobState if state in jobs},
            ledger_sequence=head.sequence,
            ledger_head_at=_find_time(connection, head.sequence),
        )


def _count_states(connection: Connection, table: Table, organization_id: str) -> dict[str, int]:
    columns = table.c
    statement = select(columns.state, func.count().label("counted")).where(columns.organization_id == organization_id)
    return {row.state: row.counted for row in connection.execute(statement.group_by(columns.state))}


def _find_time(connection: Connection, sequence: int) -> datetime | None:
    """``None`` if there is no such entry, or its time can't be read; the verification reports that."""
    entries = schema.ledger_entries.c
    text = connection.execute(select(entries.at).where(entries.sequence == sequence)).scalar_one_or_none()
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found is not None and found.tzinfo is not None else None
