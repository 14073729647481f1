"""Which schedule ran when, in the database, so that of all workers one starts each run.

Writing transactions exclude each other (see ``dialects``), so that a run which one process claims no other one claims.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, insert, select, update

from rootkeeper.domain.schedules import is_claimed
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

_runs = schema.schedule_runs.c


class SqlSchedules:
    """The schedules of one organization; implements the port ScheduleStore."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def keep(self, schedule_id: str, since: datetime) -> None:
        row = {
            "organization_id": self._organization_id,
            "schedule_id": schedule_id,
            "last_run_at": since,
            "claimed_at": since,
        }

        def work(transaction: WriteTransaction) -> None:
            if transaction.connection.execute(select(_runs.schedule_id).where(self._is(schedule_id))).first() is None:
                transaction.connection.execute(insert(schema.schedule_runs).values(row))

        self._commits.run(work)

    def find_last_run(self, schedule_id: str) -> datetime | None:
        with reading(self._store) as connection:
            statement = select(_runs.last_run_at).where(self._is(schedule_id))
            found: datetime | None = connection.execute(statement).scalar_one_or_none()
            return found

    def claim(self, schedule_id: str, last_run_at: datetime, now: datetime) -> bool:
        own = self._is(schedule_id) & (_runs.last_run_at == last_run_at)

        def work(transaction: WriteTransaction) -> bool:
            claimed_at = transaction.connection.execute(select(_runs.claimed_at).where(own)).scalar_one_or_none()
            if claimed_at is None or is_claimed(claimed_at, last_run_at, now):
                return False
            transaction.connection.execute(update(schema.schedule_runs).where(own).values(claimed_at=now))
            return True

        return self._commits.run(work)

    def settle(self, schedule_id: str, due_at: datetime, last_run_at: datetime) -> None:
        statement = (
            update(schema.schedule_runs)
            .where(self._is(schedule_id), _runs.last_run_at == last_run_at)
            .values(last_run_at=due_at, claimed_at=due_at)
        )
        self._commits.run(lambda transaction: transaction.connection.execute(statement))

    def _is(self, schedule_id: str) -> ColumnElement[bool]:
        return (_runs.organization_id == self._organization_id) & (_runs.schedule_id == schedule_id)
