"""Counting what the database holds, for those who watch a server from outside: one look, three short queries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Table, func, select

from rootkeeper.domain.jobs import JobState
from rootkeeper.domain.measurements import StoredMeasurements
from rootkeeper.domain.windows import WindowState
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import read_head


def measure(store: Store, organization_id: str) -> StoredMeasurements:
    """:raises DatabaseError: if the database can't be read."""
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
    """``None`` where there is no such entry, or its time was edited into nonsense; the verification tells of that."""
    entries = schema.ledger_entries.c
    text = connection.execute(select(entries.at).where(entries.sequence == sequence)).scalar_one_or_none()
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found is not None and found.tzinfo is not None else None
