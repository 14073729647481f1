"""Jobs in the database, their owners, and their results per account.

A job's owner is a process with a lease. A process that takes a job over checks in the same transaction that the owner
is dead. So if several processes try, one succeeds, and the next write of the former owner fails. A process may take its
own job over after its lease ran out; then the fencing token makes writes of its earlier run fail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, func, insert, select, update

from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.database.schema import to_row
from rootkeeper.errors import Hint, JobLostError, NotFoundError
from rootkeeper.jobs.rules import (
    FINAL_STATES,
    MOST_ATTEMPTS,
    Job,
    JobKind,
    JobProgress,
    JobState,
    make_show_hint,
    require_not_over,
    require_resumable,
)
from rootkeeper.ledger.owners import Owner, parse_owner
from rootkeeper.ledger.writer import GroupCommit, OrganizationStore, WriteTransaction
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import parse_facts
from rootkeeper.values import JsonValue

JobResults = Mapping[AccountId, Mapping[str, JsonValue]]
"""The result of each account as a JSON object; its shape depends on the kind of the job."""


class KeptJobs(Protocol):
    """Documents and results of jobs, from a database or a server."""

    def find_document(self, job_id: str) -> str | None:
        """The exact instructions of a job."""
        ...

    def list_results(self, job_id: str) -> JobResults: ...


_jobs = schema.jobs.c
_results = schema.job_accounts.c
_owners = schema.owners.c

_SELECT: Select[Any] = select(
    *(column for column in schema.jobs.columns if column.name not in {"document", "outcome"}),
    *(_owners.host, _owners.boot_id, _owners.process_id, _owners.process_started, _owners.user_name),
    _owners.lease_until,
).select_from(schema.jobs.outerjoin(schema.owners, _owners.owner_id == _jobs.owner_id))
"""A job with its owner, so that a list needs a single statement."""

_NO_OWNER = ""
"""The id of no owner, in the row of a job that is queued: each row needs an id."""

_HANDED_ON = {"remark": None, "next_attempt_at": None, "fencing_token": _jobs.fencing_token + 1}
_UNFINISHED = [state.value for state in JobState if state not in FINAL_STATES]


class JobStore(OrganizationStore):
    """The jobs of an organization. Every method that writes returns only when that is durable.

    A job belongs to the process that began or resumed it last. A write about the job fails once it was taken over, by
    another process or again by the same process, so that a suspended run can't continue unnoticed.

    :raises DatabaseError: if the database can't be read or written.
    """

    def __init__(
        self, store: Store, commits: GroupCommit, organization_id: str, clock: Clock, owner: Callable[[], Owner]
    ) -> None:
        """:param owner: called only by methods that write about this process's jobs, so that reading registers none."""
        super().__init__(store, commits, organization_id)
        self._clock = clock
        self._owner = owner

    def add(self, job: Job, document: str | None = None) -> None:
        """Keep a new job of this process; a job in state QUEUED has no owner until it is taken over.

        :param document: its exact instructions, such as a plan file; too long for ``parameters``.
        """
        if job.organization_id != self._organization_id:
            raise ValueError(f"Job {job.job_id} belongs to {job.organization_id}.")
        row = {name: value for name, value in to_row(job).items() if name in schema.jobs.columns}
        owner_id = _NO_OWNER if job.state is JobState.QUEUED else self._owner().owner_id
        row |= {"parameters": dict(job.parameters), "owner_id": owner_id, "document": document}
        self._execute(insert(schema.jobs).values(row))

    def find_document(self, job_id: str) -> str | None:
        with reading(self._store) as connection:
            return connection.execute(select(_jobs.document).where(self._is_job(job_id))).scalar_one_or_none()

    def record_results(self, job: Job, results: JobResults, progress: JobProgress) -> JobState:
        """Record the results of accounts, so that they aren't processed again, and the progress of the job.

        A second result of an account replaces the first.

        :param job: as it was added or taken over, here and in the other methods.
        :returns: the job's state: CANCELLED if a person cancelled it.
        :raises JobLostError: if it was taken over since.
        """
        owner_id, now = self._owner().owner_id, self._clock.now()
        own = {"job_id": job.job_id, "organization_id": self._organization_id}
        rows = [own | {"account_id": account_id, "result": dict(result)} for account_id, result in results.items()]
        old = [{"old_job_id": job.job_id, "old_account_id": account_id} for account_id in results]

        def work(transaction: WriteTransaction) -> JobState:
            state = self._find_own_state(transaction.connection, job, owner_id)
            if rows:
                transaction.connection.execute(_DELETE_RESULT, old)
                transaction.connection.execute(insert(schema.job_accounts), rows)
            self._update(transaction.connection, job.job_id, progress=asdict(progress), updated_at=now)
            return state

        return self._commits.run(work)

    def list_results(self, job_id: str) -> dict[AccountId, dict[str, JsonValue]]:
        return self._read_results(select(_results.account_id, _results.result).where(self._is_result(job_id)))

    def list_results_page(self, job_id: str, after: str, limit: int) -> dict[AccountId, dict[str, JsonValue]]:
        """At most ``limit`` results, of the accounts with ids after ``after``, in the order of the ids."""
        statement = select(_results.account_id, _results.result).where(
            self._is_result(job_id), _results.account_id > after
        )
        return self._read_results(statement.order_by(_results.account_id).limit(limit))

    def _read_results(self, statement: Select[Any]) -> dict[AccountId, dict[str, JsonValue]]:
        return {AccountId(row.account_id): row.result for row in self._read(statement)}

    def count_results(self, job_id: str) -> int:
        statement = select(func.count()).where(self._is_result(job_id))
        with reading(self._store) as connection:
            return int(connection.execute(statement).scalar_one())

    def end(self, job: Job, state: JobState, progress: JobProgress, remark: str | None = None) -> None:
        """End or interrupt the job of this process. A job that was cancelled meanwhile stays cancelled.

        :raises JobLostError: if it was taken over since.
        """
        ended_at = self._clock.now() if state in FINAL_STATES else None
        self._end(job, progress, {"state": state.value, "remark": remark, "ended_at": ended_at})

    def postpone(self, job: Job, progress: JobProgress, remark: str, until: datetime | None) -> None:
        """Interrupt the job of this process, count the attempt, and let no server resume it before ``until``.

        A job that was cancelled meanwhile stays cancelled.

        :param until: ``None``: only an operator can resume it.
        :raises JobLostError: if it was taken over since.
        """
        changes = {
            "state": JobState.INTERRUPTED.value,
            "remark": remark,
            "ended_at": None,
            "attempts": MOST_ATTEMPTS if until is None else _jobs.attempts + 1,
            "next_attempt_at": until,
        }
        self._end(job, progress, changes)

    def _end(self, job: Job, progress: JobProgress, changes: Mapping[str, Any]) -> None:
        """A job that was cancelled meanwhile stays cancelled."""
        owner_id, now = self._owner().owner_id, self._clock.now()

        def work(transaction: WriteTransaction) -> None:
            state = self._find_own_state(transaction.connection, job, owner_id)
            kept = {} if state is JobState.CANCELLED else changes
            values = {"progress": asdict(progress), "updated_at": now, **kept}
            self._update(transaction.connection, job.job_id, **values)

        self._commits.run(work)

    def discard(self, job: Job) -> None:
        """Delete the job of this process, and its results.

        :raises JobLostError: if it was taken over since.
        """
        owner_id = self._owner().owner_id

        def work(transaction: WriteTransaction) -> None:
            self._find_own_state(transaction.connection, job, owner_id)
            transaction.connection.execute(delete(schema.job_accounts).where(self._is_result(job.job_id)))
            transaction.connection.execute(delete(schema.jobs).where(self._is_job(job.job_id)))

        self._commits.run(work)

    def set_outcome(self, job: Job, outcome: str) -> None:
        """Keep the result of the job of this process as a whole, such as a plan file; a second result replaces it.

        :raises JobLostError: if it was taken over since.
        """
        owner_id = self._owner().owner_id

        def work(transaction: WriteTransaction) -> None:
            self._find_own_state(transaction.connection, job, owner_id)
            self._update(transaction.connection, job.job_id, outcome=outcome)

        self._commits.run(work)

    def find_outcome(self, job_id: str) -> str | None:
        """The outcome that ``set_outcome`` kept."""
        with reading(self._store) as connection:
            return connection.execute(select(_jobs.outcome).where(self._is_job(job_id))).scalar_one_or_none()

    def requeue(self, job_id: str, parameters: Mapping[str, JsonValue]) -> Job:
        """Queue an interrupted job for the next free process, with no attempts counted.

        :param parameters: replace those that it has.
        :raises NotFoundError: if there is no such job.
        :raises JobConflictError: if it is running or has ended.
        """
        queued = {"state": JobState.QUEUED.value, "owner_id": _NO_OWNER, "parameters": dict(parameters), "attempts": 0}
        return self._change(job_id, require_resumable, _HANDED_ON | queued)

    def take_over(self, job_id: str) -> Job:
        """Make this process the owner of a queued or interrupted job, and run it. Of several that try, one succeeds.

        :raises NotFoundError: if there is no such job.
        :raises JobConflictError: if it is running or has ended.
        """
        running = {"state": JobState.RUNNING.value, "owner_id": self._owner().owner_id}
        return self._change(job_id, require_resumable, _HANDED_ON | running)

    def cancel(self, job_id: str, remark: str) -> Job:
        """Cancel a job; if another process runs it, it stops after its calls in progress.

        A job that no process has begun has no owner, so the caller knows that nothing is in progress.

        :raises NotFoundError: if there is no such job.
        :raises JobConflictError: if it has ended.
        """
        cancelled = {"state": JobState.CANCELLED.value, "remark": remark, "ended_at": self._clock.now()}
        return self._change(job_id, require_not_over, cancelled)

    def _change(self, job_id: str, require: Callable[[Job], None], values: Mapping[str, Any]) -> Job:
        now = self._clock.now()

        def work(transaction: WriteTransaction) -> Job:
            require(self._get(transaction.connection, job_id))
            self._update(transaction.connection, job_id, updated_at=now, **values)
            return self._get(transaction.connection, job_id)

        return self._commits.run(work)

    def get(self, job_id: str) -> Job:
        """:raises NotFoundError: if there is no such job."""
        with reading(self._store) as connection:
            return self._get(connection, job_id)

    def list_jobs(
        self,
        *,
        unfinished_only: bool = False,
        kinds: Collection[JobKind] = (),
        limit: int | None = None,
        before: str | None = None,
    ) -> tuple[Job, ...]:
        """Newest first.

        :param kinds: only these; empty: all.
        :param before: the last job of the previous page.
        :raises NotFoundError: if there is no job ``before``.
        """
        statement = (
            _SELECT.where(*self._are_wanted(unfinished_only, kinds))
            .order_by(_jobs.created_at.desc(), _jobs.job_id.desc())
            .limit(limit)
        )
        with reading(self._store) as connection:
            if before is not None:
                last = self._get(connection, before)
                is_as_old = (_jobs.created_at == last.created_at) & (_jobs.job_id < last.job_id)
                statement = statement.where((_jobs.created_at < last.created_at) | is_as_old)
            return tuple(self._parse(row) for row in connection.execute(statement).all())

    def count_jobs(self, *, unfinished_only: bool = False, kinds: Collection[JobKind] = ()) -> int:
        """The length of the whole list.

        :param kinds: only these; empty: all.
        """
        statement = select(func.count()).where(*self._are_wanted(unfinished_only, kinds))
        with reading(self._store) as connection:
            return int(connection.execute(statement).scalar_one())

    def _are_wanted(self, unfinished_only: bool, kinds: Collection[JobKind]) -> Iterator[ColumnElement[bool]]:
        yield _jobs.organization_id == self._organization_id
        if unfinished_only:
            yield _jobs.state.in_(_UNFINISHED)
        if kinds:
            yield _jobs.kind.in_(sorted(kind.value for kind in kinds))

    def _get(self, connection: Connection, job_id: str) -> Job:
        row = connection.execute(_SELECT.where(self._is_job(job_id))).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no job {job_id!r}.", hint=Hint("List the jobs.", "job.list"))
        return self._parse(row)

    def _find_own_state(self, connection: Connection, job: Job, owner_id: str) -> JobState:
        """:raises JobLostError: if this process isn't the owner any more, or has taken the job over again."""
        statement = select(_jobs.owner_id, _jobs.fencing_token, _jobs.state).where(self._is_job(job.job_id))
        row = connection.execute(statement).one_or_none()
        if row is None or (row.owner_id, row.fencing_token) != (owner_id, job.fencing_token):
            raise JobLostError(
                f"Another process has taken over job {job.job_id}, so this one stops.", hint=make_show_hint(job.job_id)
            )
        return JobState(row.state)

    def _update(self, connection: Connection, job_id: str, **values: Any) -> None:
        connection.execute(update(schema.jobs).where(self._is_job(job_id)).values(values))

    def _is_result(self, job_id: str) -> ColumnElement[bool]:
        return (_results.job_id == job_id) & (_results.organization_id == self._organization_id)

    def _is_job(self, job_id: str) -> ColumnElement[bool]:
        return (_jobs.job_id == job_id) & (_jobs.organization_id == self._organization_id)

    def _parse(self, row: Row[Any]) -> Job:
        """Parse a job. A job that is running according to its row is interrupted if its process is dead."""
        state = JobState(row.state)
        owner = None if row.lease_until is None else parse_owner(row)
        if state is JobState.RUNNING and (owner is None or owner.is_dead(self._clock.now())):
            state = JobState.INTERRUPTED
        described = None if owner is None else owner.process.describe()
        # Earlier versions counted neither unread nor listed accounts.
        progress = {"unread": 0, "listed": 0, **row.progress}
        return parse_facts(Job, {**row._asdict(), "state": state, "owner": described, "progress": progress})


_DELETE_RESULT = delete(schema.job_accounts).where(
    _results.job_id == bindparam("old_job_id"), _results.account_id == bindparam("old_account_id")
)
