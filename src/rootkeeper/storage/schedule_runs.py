"""Which schedule ran when, in the database, so that of all workers one starts each run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from rootkeeper.ports.clock import Clock
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

_runs = schema.schedule_runs.c


class SqlSchedules:
    """The schedules of one organization; implements the port ScheduleStore."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, clock: Clock) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock

    def find_last_run(self, schedule_id: str) -> datetime | None:
        with reading(self._store) as connection:
            return self._find(connection, schedule_id)

    def claim(self, schedule_id: str, due_at: datetime, last_run_at: datetime | None) -> bool:
        values: dict[str, Any] = {"last_run_at": due_at, "claimed_at": self._clock.now()}
        own = {"organization_id": self._organization_id, "schedule_id": schedule_id}

        def work(transaction: WriteTransaction) -> bool:
            if self._find(transaction.connection, schedule_id) != last_run_at:
                return False
            if last_run_at is None:
                transaction.connection.execute(insert(schema.schedule_runs).values(**own, **values))
            else:
                transaction.connection.execute(
                    update(schema.schedule_runs).where(self._is(schedule_id)).values(**values)
                )
            return True

        return self._commits.run(work)

    def _find(self, connection: Connection, schedule_id: str) -> datetime | None:
        statement = select(_runs.last_run_at).where(self._is(schedule_id))
        found: datetime | None = connection.execute(statement).scalar_one_or_none()
        return found

    def _is(self, schedule_id: str) -> ColumnElement[bool]:
        return (_runs.organization_id == self._organization_id) & (_runs.schedule_id == schedule_id)
