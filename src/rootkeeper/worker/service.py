"""Performs jobs, and asks for them.

Performing a job: take it over, do it as whoever asked for it, and write down how it ended.

The row decides. Whoever gets it performs the job, and everybody else leaves it alone; so the engine may ask as often
as it likes. A job that can't be done for now is put off with growing pauses; after some attempts it waits for a person.

Compares our jobs with the engine's: puts back what a dead process had claimed, and enqueues what is missing.

A job's row says whether its process is dead (its lease ran out, or its end is seen), so the engine needs no other sign
of life. Our tables and the engine's are never written in one transaction: a process or a database that went away in
between leaves a job that no process would ever begin, and an engine whose tables are lost, or of another version of
the program, leaves all of them.

What is forgotten in time.

Forgetting in time: old audits, sign-ins that ended, delivered notifications, and what the engine keeps of jobs that
are over. Never the ledger, a window or a job's own row.

Forgetting what is no longer needed: sign-ins that ended, and notifications that were delivered long ago.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, exists, select

from rootkeeper.access.service import IdentityStore
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    DatabaseError,
    InputError,
    JobConflictError,
    JobLostError,
    LedgerUnavailableError,
    RootkeeperError,
    RunStoppedError,
)
from rootkeeper.inventory.store import AuditHistory
from rootkeeper.jobs.rules import (
    MOST_ATTEMPTS,
    Job,
    JobKind,
    JobState,
    choose_pause,
    problem_to_record,
    require_still_permitted,
)
from rootkeeper.jobs.service import RunningJob
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.ledger.writer import GroupCommit, WriteTransaction
from rootkeeper.notifications.rules import USUAL_SEVERITIES, Notification, NotificationEvent
from rootkeeper.notifications.service import Notifier
from rootkeeper.organization.progress import StopSignal
from rootkeeper.worker.performers import PERFORMERS, WORK, ActAs, JobResult, JobTask
from rootkeeper.worker.requests import Engine

_PATIENCE_SECONDS = 20.0
"""For so long a job that another process has is waited for; a dead process is known to be so sooner."""

_LOOK_SECONDS = 0.5

_DATABASE_PAUSE = timedelta(seconds=2)
"""When it can be written down that the database was away, it is back."""

_RETRY_SECONDS = 1.0

_FIRST_PAUSE = timedelta(seconds=5)
"""Of a job that left something to be done: what another process had in its hands may be free soon."""

_LASTING = (AwsAccessDeniedError, AwsAlreadyExistsError, AwsNotFoundError, AwsRejectedError)
"""What AWS would answer the next time, too."""

_FINDINGS = {
    JobKind.AUDIT: (NotificationEvent.AUDIT_FINDINGS, "rootkeeper audit"),
    JobKind.DRIFT_CHECK: (NotificationEvent.SETUP_DRIFTED, "rootkeeper status"),
}
"""What is told of findings, and where they are seen."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Performs jobs of one organization; many at the same time, each in a thread of its own."""

    jobs: JobStore
    act_as: ActAs
    clock: Clock
    stop: StopSignal
    """Given when the process is to end."""
    notifier: Notifier
    organization_id: str
    endpoint: str
    """Its label: a job of another endpoint is left alone."""
    identities: IdentityStore
    """Who asked may have been disabled since."""
    performers: Mapping[JobKind, Callable[[JobTask], JobResult]] = field(default_factory=lambda: PERFORMERS)
    patience_seconds: float = _PATIENCE_SECONDS

    def perform(self, job_id: str) -> None:
        """Do the job, unless somebody else does or it is over; returns when it ended in whatever way.

        Never raises: what goes wrong is how the job ends. While the database can't be written it waits for it.
        """
        kept = self._take_over(job_id)
        if kept is None:
            return
        _log.info("Job %s begins: %s for %s.", job_id, kept.job.kind.value, kept.job.created_by)
        try:
            ending = self._do(kept)
            self._end(kept, ending)
            self._notify_end(kept, ending)
        except JobLostError as error:
            _log.warning("%s", error.message)  # nothing is written: this process may itself have taken it up again
        except JobConflictError as error:
            self._put_off(kept, error.message)
        except RootkeeperError as error:
            self._end_badly(kept, error)
        except Exception:  # noqa: BLE001 - the runner of jobs: nothing may end it
            _log.exception("Job %s ended by a mistake in the program.", job_id)
            self._fail(kept, "A mistake in the program ended it; the server's log has more.")

    def _do(self, kept: RunningJob) -> JobResult:
        self._require_still_permitted(kept.job)
        acting = self.act_as(kept.job.actor, WORK[kept.job.kind])
        is_clean = False
        try:
            task = JobTask(kept, acting, self.jobs, self.stop, self.clock)
            ending = self.performers[kept.job.kind](task)
            is_clean = ending.state is not JobState.INTERRUPTED
        finally:
            if is_clean:
                acting.close()
            else:
                acting.close_later()
        return ending

    def _require_still_permitted(self, job: Job) -> None:
        """Of whom a server knows; what it does by itself, nobody can be kept from asking for.

        :raises PermissionDeniedError: if whoever asked may do it no more.
        :raises NotFoundError: if nobody of that name is known.
        """
        if job.created_by_kind in (ActorKind.SIGNED_IN, ActorKind.TOKEN):
            require_still_permitted(self.identities.get(job.created_by), job, self.clock.now())

    def _end(self, kept: RunningJob, ending: JobResult) -> None:
        state, remark = ending.state, ending.remark
        if ending.is_temporary:
            self._put_off_for_now(kept, remark or "", None if kept.job.attempts else _FIRST_PAUSE)
        elif state is JobState.INTERRUPTED:
            self._put_off(kept, remark or "It stopped before its end.")
        elif state is not None:
            self._write(lambda: kept.end(state, remark))

    def _take_over(self, job_id: str) -> RunningJob | None:
        """``None`` if there is nothing to do, or somebody else does it."""
        gives_up_at = self.clock.monotonic() + self.patience_seconds
        while not self.stop.asked_once():
            try:
                job = self.jobs.get(job_id)
                if job.is_over or job.endpoint != self.endpoint:
                    return None
                if job.state is not JobState.RUNNING:
                    return RunningJob(self.jobs.take_over(job_id), self.jobs, self.clock)
            except JobConflictError:
                continue  # somebody was quicker
            except InputError:
                return None  # there is no such job any more
            except DatabaseError as error:
                _log.warning("Job %s waits for the database: %s", job_id, error.message)
                self.stop.wait(_RETRY_SECONDS)
                continue
            if self.clock.monotonic() >= gives_up_at:
                return None
            self.stop.wait(_LOOK_SECONDS)
        return None

    def _end_badly(self, kept: RunningJob, error: RootkeeperError) -> None:
        if isinstance(error, RunStoppedError) or self.stop.asked_once():
            self._write(lambda: kept.end(JobState.INTERRUPTED, error.message))
        elif isinstance(error, (DatabaseError, LedgerUnavailableError)):
            self._put_off_for_now(kept, error.message, _DATABASE_PAUSE)
        elif isinstance(error, AwsError) and not isinstance(error, _LASTING):
            self._put_off_for_now(kept, error.message)
        else:
            self._write(lambda: kept.set_outcome(json.dumps(problem_to_record(error))))
            self._fail(kept, error.message)

    def _put_off_for_now(self, kept: RunningJob, why: str, pause: timedelta | None = None) -> None:
        """What can't be reached may be reached later."""
        attempts = kept.job.attempts + 1
        if attempts >= MOST_ATTEMPTS:
            self._put_off(kept, f"Tried {attempts} times: {why}")
            return
        pause = pause or choose_pause(kept.job.attempts)
        self._write(lambda: kept.postpone(why, self.clock.now() + pause))
        _log.warning("Job %s is tried again in %s: %s", kept.job_id, pause, why)

    def _put_off(self, kept: RunningJob, remark: str) -> None:
        """Until a person says that it goes on."""
        if self._write(lambda: kept.postpone(remark, None)):
            self._notify_failure(kept.job, remark, f"Go on: rootkeeper jobs resume {kept.job_id}")

    def _fail(self, kept: RunningJob, remark: str) -> None:
        if self._write(lambda: kept.end(JobState.FAILED, remark)):
            self._notify_failure(kept.job, remark, f"See it: rootkeeper jobs show {kept.job_id}")

    def _write(self, write: Callable[[], None]) -> bool:
        """Write down how it ended, however long the database is away; ``False`` if the job isn't ours to end.

        At the end of the process it is left: a job whose process is gone is interrupted anyway.
        """
        while True:
            try:
                write()
            except JobConflictError as error:
                _log.warning("%s", error.message)
                return False
            except DatabaseError as error:
                _log.warning("How a job ended can't be written yet: %s", error.message)
                if self.stop.wait(_RETRY_SECONDS):
                    return False
            else:
                return True

    def _notify_end(self, kept: RunningJob, ending: JobResult) -> None:
        """People asked a server for what it does by itself; who asked for a job looks at it."""
        job = kept.job
        if ending.findings is not None and job.created_by_kind is ActorKind.SERVER:
            event, command = _FINDINGS[job.kind]
            self._notify(job, event, ending.findings, f"See: {command}")
        if ending.state is JobState.FAILED:
            self._notify_failure(job, ending.remark or "", f"See it: rootkeeper jobs show {job.job_id}")
        elif ending.state is None and job.kind is JobKind.DELETION:
            self._notify_deletion(job)

    def _notify_deletion(self, job: Job) -> None:
        """It wrote down itself how it ended."""
        try:
            ended = self.jobs.get(job.job_id)
        except RootkeeperError:
            return
        if ended.state is JobState.FAILED:
            remark = ended.remark or "Not every account is proven to be done."
            self._notify_failure(job, remark, f"See it: rootkeeper jobs show {job.job_id}")

    def _notify_failure(self, job: Job, remark: str, next_step: str) -> None:
        is_scheduled_audit = job.kind is JobKind.AUDIT and job.created_by_kind is ActorKind.SERVER
        event = NotificationEvent.AUDIT_FAILED if is_scheduled_audit else NotificationEvent.JOB_FAILED
        self._notify(job, event, remark, next_step)

    def _notify(self, job: Job, event: NotificationEvent, remark: str, next_step: str) -> None:
        now = self.clock.now()
        self.notifier.notify(
            Notification(
                event=event,
                severity=USUAL_SEVERITIES[event],
                title=f"Job {job.job_id} ({job.kind.value}) of {job.created_by}: {event.value}",
                body=f"{remark} {next_step}",
                at=now,
                organization_id=self.organization_id,
                endpoint=self.endpoint,
                deduplication_key=f"job {job.job_id} {event.value} {now.isoformat()}",
            )
        )


_MOST_AT_ONCE = 500


@dataclass(slots=True)
class JobReconciler:
    """One for each process; one turn is :meth:`tick`."""

    jobs: JobStore
    engine: Engine
    clock: Clock
    _stalled: frozenset[str] = field(default_factory=frozenset)
    """Claimed, but performed by no process, when this was looked at last."""

    def tick(self) -> int:
        """Put back what stalled, and enqueue what is due and isn't enqueued, the oldest first; how many those were.

        :raises DatabaseError: if either can't be read or written; the next tick tries again.
        """
        claimed = self.engine.list_claimed()  # read first: what begins in between is seen to run
        unfinished = self.jobs.list_jobs(unfinished_only=True)
        put_back = self._put_back_stalled(claimed, unfinished, self.clock.now())
        return put_back + self._enqueue_missing(unfinished, self.clock.now())

    def _put_back_stalled(self, claimed: Collection[str], unfinished: Collection[Job], now: datetime) -> int:
        """A process takes over the row of a job right after it claimed the job, and ends the claim right after the row.

        So a claim without a process that performs it is a process that died if it is still there at the next look. A
        job that was put off stays claimed until it is due: if it were performed now, it would begin too early.
        """
        busy = {job.job_id for job in unfinished if not job.is_due(now)}
        stalled, before = frozenset(claimed) - busy, self._stalled
        self._stalled = stalled
        left = [job_id for job_id in claimed if job_id in stalled & before]
        for job_id in left:
            self.engine.put_back(job_id)
            _log.warning("The process that had claimed job %s is gone; the job is in the queue again.", job_id)
        return len(left)

    def _enqueue_missing(self, unfinished: Collection[Job], now: datetime) -> int:
        due = [job.job_id for job in unfinished if job.is_due(now)]
        if not due:
            return 0
        waiting = frozenset(self.engine.list_waiting())
        left = [job_id for job_id in reversed(due) if job_id not in waiting][:_MOST_AT_ONCE]
        for job_id in left:
            self.engine.enqueue(job_id)
            _log.info("Job %s is enqueued again.", job_id)
        return len(left)


class RetentionStore(Protocol):
    """Forgets what only serves for a time; never the ledger, and never a window.

    :raises DatabaseError: if the database can't be written.
    """

    def forget_sign_ins(self, ended_before: datetime) -> int:
        """Sign-ins that ended before; how many there were."""
        ...

    def forget_notifications(self, made_before: datetime) -> int:
        """Notifications that were made before and that no target waits for any more; how many there were."""
        ...


ENGINE_KEEPS = timedelta(days=7)
"""Nothing is read of it, since a job's own row tells what became of it; for whoever looks into the engine's tables."""

NOTIFICATIONS_KEPT = timedelta(days=90)
PERIOD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class RetentionResult:
    """How much was forgotten."""

    audits: int
    sign_ins: int
    notifications: int


@dataclass(frozen=True, slots=True)
class RetentionCleaner:
    """Forgets what is older than the settings say; once an hour is often enough, in however many processes."""

    history: AuditHistory
    retention: RetentionStore
    clock: Clock
    keep_audits: timedelta

    def tick(self) -> RetentionResult:
        """:raises DatabaseError: if the database can't be written."""
        now = self.clock.now()
        return RetentionResult(
            audits=self.history.forget_before(now - self.keep_audits),
            sign_ins=self.retention.forget_sign_ins(now),
            notifications=self.retention.forget_notifications(now - NOTIFICATIONS_KEPT),
        )


@dataclass(slots=True)
class EngineCleaner:
    """Has the engine forget jobs that are over; its tables would grow for ever. One for each process."""

    engine: Engine
    clock: Clock
    _again_at: float = float("-inf")
    """In monotonic seconds."""

    def tick(self) -> int:
        """Once an hour, however often it is called; how many attempts at jobs were forgotten.

        :raises DatabaseError: if the engine's tables can't be reached.
        """
        now = self.clock.monotonic()
        if now < self._again_at:
            return 0
        self._again_at = now + PERIOD_SECONDS
        return self.engine.forget_before(self.clock.now() - ENGINE_KEEPS)


_sign_ins = schema.sign_ins.c
_notifications = schema.notifications.c
_deliveries = schema.deliveries.c

_ENDING = (
    schema.factor_challenges,
    schema.failed_attempts,
    schema.first_administrator_links,
    schema.kept_answers,
    schema.sign_in_starts,
)
"""Tables whose rows have a moment from which on nobody looks at them."""


class SqlRetentionStore:
    """Of one organization; implements the port Retention."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def forget_sign_ins(self, ended_before: datetime) -> int:
        """See the port; all else that only served for a time and has an end goes too."""
        ended = [
            delete(table).where(table.c.organization_id == self._organization_id, table.c.ends_at < ended_before)
            for table in _ENDING
        ]
        statement = delete(schema.sign_ins).where(
            _sign_ins.organization_id == self._organization_id, _sign_ins.expires_at < ended_before
        )

        def work(transaction: WriteTransaction) -> int:
            for others in ended:
                transaction.connection.execute(others)
            return transaction.connection.execute(statement).rowcount

        return self._commits.run(work)

    def forget_notifications(self, made_before: datetime) -> int:
        """One that still waits for a target stays, however old it is."""
        waits = exists().where(
            _deliveries.notification_id == _notifications.notification_id, _deliveries.next_attempt_at.is_not(None)
        )
        old = select(_notifications.notification_id).where(
            _notifications.organization_id == self._organization_id, _notifications.created_at < made_before, ~waits
        )

        def work(transaction: WriteTransaction) -> int:
            transaction.connection.execute(delete(schema.deliveries).where(_deliveries.notification_id.in_(old)))
            forgotten = delete(schema.notifications).where(_notifications.notification_id.in_(old))
            return transaction.connection.execute(forgotten).rowcount

        return self._commits.run(work)
