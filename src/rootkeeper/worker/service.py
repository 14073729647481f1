"""Performs jobs, reconciles them with the engine, and deletes old records.

A job's row decides: the process that takes it over performs the job as its requester and records the result, and all
others leave it alone. So the engine may call as often as it likes. A job that can't be done now is postponed with
growing pauses; after some attempts it waits for an operator.

The row also says whether the job's process is dead. Our tables and the engine's are never written in one transaction,
so the reconciler puts back the jobs that a dead process claimed, and enqueues the jobs that the engine doesn't have,
such as after its tables were lost.

Retention never deletes a ledger entry, a window or a job's own row.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, exists, select

from rootkeeper.access.store import IdentityStore
from rootkeeper.clock import Clock
from rootkeeper.database import schema
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
    NotFoundError,
    PermissionDeniedError,
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
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction
from rootkeeper.notifications.rules import USUAL_SEVERITIES, Notification, NotificationEvent
from rootkeeper.notifications.service import Notifier
from rootkeeper.organization.progress import StopSignal
from rootkeeper.worker.performers import PERFORMERS, WORK, ActAs, JobResult, JobTask
from rootkeeper.worker.requests import Engine

_PATIENCE_SECONDS = 20.0
"""How long to wait for a job that another process has; a dead process is noticed sooner."""

_LOOK_SECONDS = 0.5

_DATABASE_PAUSE = timedelta(seconds=2)
"""After the database was unavailable; it is back when this pause can be written."""

_RETRY_SECONDS = 1.0

_FIRST_PAUSE = timedelta(seconds=5)
"""After a job that left accounts which another process held; they may be free soon."""

_LASTING = (AwsAccessDeniedError, AwsAlreadyExistsError, AwsNotFoundError, AwsRejectedError)
"""Errors that AWS would return again."""

_FINDINGS = {
    JobKind.AUDIT: (NotificationEvent.AUDIT_FINDINGS, "Review the accounts with findings."),
    JobKind.DRIFT_CHECK: (NotificationEvent.SETUP_DRIFTED, "Review the set-up, and accept it or change it back."),
}
"""The event for findings, and the next step."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PermittedStopSignal:
    """Implements ``StopSignal`` for a job: also asks to stop once its requester may not have it done any more.

    Accounts in progress are finished. The job's next turn says why it doesn't continue.
    """

    stop: StopSignal
    require_permitted: Callable[[], None]

    def asked_once(self) -> bool:
        return self.stop.asked_once() or not self._is_permitted()

    def asked_twice(self) -> bool:
        return self.stop.asked_twice()

    def wait(self, seconds: float) -> bool:
        return self.stop.wait(seconds) or not self._is_permitted()

    def _is_permitted(self) -> bool:
        """An error of the database asks to stop, too: the requester's permissions aren't known then."""
        try:
            self.require_permitted()
        except (DatabaseError, NotFoundError, PermissionDeniedError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Performs jobs of an organization, several at the same time in threads of their own."""

    jobs: JobStore
    act_as: ActAs
    clock: Clock
    stop: StopSignal
    """Set when the process ends."""
    notifier: Notifier
    organization_id: str
    endpoint: str
    """Its label; a job of another endpoint is left alone."""
    identities: IdentityStore
    """For requesters who may have been disabled since."""
    performers: Mapping[JobKind, Callable[[JobTask], JobResult]] = field(default_factory=lambda: PERFORMERS)
    patience_seconds: float = _PATIENCE_SECONDS

    def perform(self, job_id: str) -> None:
        """Do the job, unless another process does or it has ended; return when it has ended or is interrupted.

        Never raises: an error becomes the result of the job. Waits while the database can't be written.
        """
        kept = self._take_over(job_id)
        if kept is None:
            return
        _log.info("Job %s begins: %s for %s.", job_id, kept.job.kind.value, kept.job.created_by)
        try:
            ending = self._do(kept)
            if ending.is_temporary:
                self._put_off_for_now(kept, ending.remark or "", None if kept.job.attempts else _FIRST_PAUSE)
            elif ending.state is JobState.INTERRUPTED:
                self._put_off(kept, ending.remark or "The job stopped before its end.")
            elif ending.state is not None:
                self._write(partial(kept.end, ending.state, ending.remark))
            self._notify_end(kept, ending)
        except JobLostError as error:
            _log.warning("%s", error.message)  # nothing is written: this process itself may have taken it over again
        except JobConflictError as error:
            self._put_off(kept, error.message)
        except RootkeeperError as error:
            self._end_badly(kept, error)
        except Exception:  # noqa: BLE001 - the runner of jobs: nothing may end it
            _log.exception("Job %s ended with an error in the program.", job_id)
            self._fail(kept, "An error in the program ended the job; the server's log has the details.")

    def _do(self, kept: RunningJob) -> JobResult:
        job, stop = kept.job, self.stop

        def require_permitted() -> None:
            require_still_permitted(self.identities.get(job.created_by), job, self.clock.now())

        if job.created_by_kind in (ActorKind.SIGNED_IN, ActorKind.TOKEN):
            require_permitted()
            stop = PermittedStopSignal(stop, require_permitted)
        acting = self.act_as(job.actor, WORK[job.kind])
        is_clean = False
        try:
            task = JobTask(kept, acting, self.jobs, stop, self.clock)
            ending = self.performers[job.kind](task)
            is_clean = ending.state is not JobState.INTERRUPTED
        finally:
            if is_clean:
                acting.close()
            else:
                acting.close_later()
        return ending

    def _take_over(self, job_id: str) -> RunningJob | None:
        """Return ``None`` if there is nothing to do, or another process does it."""
        gives_up_at = self.clock.monotonic() + self.patience_seconds
        while not self.stop.asked_once():
            try:
                job = self.jobs.get(job_id)
                if job.is_over or job.endpoint != self.endpoint:
                    return None
                if job.state is not JobState.RUNNING:
                    return RunningJob(self.jobs.take_over(job_id), self.jobs, self.clock)
            except JobConflictError:
                continue  # another process was faster
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
            is_mistake = isinstance(error, InputError) and not isinstance(error, NotFoundError)
            is_scheduled = kept.job.created_by_kind is ActorKind.SERVER
            if is_mistake and not is_scheduled and kept.job.kind is not JobKind.DELETION:
                # Of the request: no work failed, and only its requester needs to know. A schedule has none.
                self._write(lambda: kept.end(JobState.CANCELLED, error.message))
            else:
                self._fail(kept, error.message)

    def _put_off_for_now(self, kept: RunningJob, why: str, pause: timedelta | None = None) -> None:
        """Postpone the job, because something couldn't be reached that may be reached later."""
        attempts = kept.job.attempts + 1
        if attempts >= MOST_ATTEMPTS:
            self._put_off(kept, f"Tried {attempts} times: {why}")
            return
        pause = pause or choose_pause(kept.job.attempts)
        self._write(lambda: kept.postpone(why, self.clock.now() + pause))
        _log.warning("Job %s is tried again in %s: %s", kept.job_id, pause, why)

    def _put_off(self, kept: RunningJob, remark: str) -> None:
        """Postpone the job until an operator resumes it."""
        if self._write(lambda: kept.postpone(remark, None)):
            self._notify_failure(kept.job, remark, f"Resume job {kept.job_id}, or cancel it.")

    def _fail(self, kept: RunningJob, remark: str) -> None:
        if self._write(lambda: kept.end(JobState.FAILED, remark)):
            self._notify_failure(kept.job, remark)

    def _write(self, write: Callable[[], None]) -> bool:
        """Record the result, however long the database is unavailable; ``False`` if another process has the job.

        When this process ends, nothing is written: a job of a dead process counts as interrupted.
        """
        while True:
            try:
                write()
            except JobConflictError as error:
                _log.warning("%s", error.message)
                return False
            except DatabaseError as error:
                _log.warning("The result of a job can't be recorded yet: %s", error.message)
                if self.stop.wait(_RETRY_SECONDS):
                    return False
            else:
                return True

    def _notify_end(self, kept: RunningJob, ending: JobResult) -> None:
        """Notify of findings only if the server requested the job; a person who requests a job looks at its result."""
        job = kept.job
        if ending.findings is not None and job.created_by_kind is ActorKind.SERVER:
            event, next_step = _FINDINGS[job.kind]
            self._notify(job, event, ending.findings, next_step)
        if ending.state is JobState.FAILED:
            self._notify_failure(job, ending.remark or "")
        elif ending.state is None and job.kind is JobKind.DELETION:
            with suppress(RootkeeperError):
                ended = self.jobs.get(job.job_id)  # a deletion has recorded its result itself
                if ended.state is JobState.FAILED:
                    self._notify_failure(job, ended.remark or "The deletion isn't proven for every account.")

    def _notify_failure(self, job: Job, remark: str, next_step: str | None = None) -> None:
        is_scheduled_audit = job.kind is JobKind.AUDIT and job.created_by_kind is ActorKind.SERVER
        event = NotificationEvent.AUDIT_FAILED if is_scheduled_audit else NotificationEvent.JOB_FAILED
        self._notify(job, event, remark, next_step or f"See job {job.job_id} for its result.")

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
    """Compares jobs with the engine's entries in each :meth:`tick`. Each process has its own."""

    jobs: JobStore
    engine: Engine
    clock: Clock
    _stalled: frozenset[str] = field(default_factory=frozenset)
    """Jobs that were claimed, but performed by no process, at the last tick."""

    def tick(self) -> int:
        """Put stalled jobs back, and enqueue due jobs that aren't enqueued, the oldest first; return their number."""
        claimed = self.engine.list_claimed()  # read first, so that a job which begins in between is seen as running
        unfinished = self.jobs.list_jobs(unfinished_only=True)
        now = self.clock.now()
        due = [job.job_id for job in unfinished if job.is_due(now)]
        # A process takes over a job's row right after it claims the job, and ends the claim right after the row. So if
        # no process performs a claimed job at two ticks in a row, the process that claimed it is dead. A postponed job
        # stays claimed until it is due, because it would begin too early otherwise.
        stalled, before = frozenset(claimed) - {job.job_id for job in unfinished if not job.is_due(now)}, self._stalled
        self._stalled = stalled
        left = [job_id for job_id in claimed if job_id in stalled & before]
        for job_id in left:
            self.engine.put_back(job_id)
            _log.warning("The process that claimed job %s is dead; the job is in the queue again.", job_id)
        waiting = frozenset(self.engine.list_waiting()) if due else frozenset()
        missing = [job_id for job_id in reversed(due) if job_id not in waiting][:_MOST_AT_ONCE]
        for job_id in missing:
            self.engine.enqueue(job_id)
            _log.info("Job %s is enqueued again.", job_id)
        return len(left) + len(missing)


ENGINE_KEEPS = timedelta(days=7)
"""The program doesn't read these records, because a job's own row has its result; they help to analyse the engine."""

NOTIFICATIONS_KEPT = timedelta(days=90)
PERIOD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class RetentionCleaner:
    """Deletes records that are older than the settings say. Once an hour is enough, in any number of processes."""

    history: AuditHistory
    retention: RetentionStore
    clock: Clock
    keep_audits: timedelta

    def tick(self) -> tuple[int, int, int]:
        """Return how many audits, sign-ins and notifications were deleted."""
        now = self.clock.now()
        return (
            self.history.forget_before(now - self.keep_audits),
            self.retention.forget_sign_ins(now),
            self.retention.forget_notifications(now - NOTIFICATIONS_KEPT),
        )


@dataclass(slots=True)
class EngineCleaner:
    """Deletes the engine's records of ended jobs, so that its tables don't grow without limit. One for each process."""

    engine: Engine
    clock: Clock
    _again_at: float = float("-inf")
    """In monotonic seconds."""

    def tick(self) -> int:
        """Delete at most once an hour; return how many attempts at jobs were deleted."""
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
"""Tables of rows that aren't read after their end."""


class RetentionStore(OrganizationStore):
    """Deletes old records, but never a ledger entry or a window.

    :raises DatabaseError: if the database can't be written.
    """

    def forget_sign_ins(self, ended_before: datetime) -> int:
        """Also deletes rows of ``_ENDING`` that have ended."""
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
        """Keeps a notification that still waits for a target, however old it is."""
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
