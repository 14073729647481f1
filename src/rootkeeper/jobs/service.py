"""Records the progress of a running job, so that it can resume after an interruption."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rootkeeper.clock import Clock
from rootkeeper.errors import Hint, JobConflictError
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState
from rootkeeper.jobs.store import JobResults, JobStore
from rootkeeper.values import JsonValue

CHECKPOINT_SECONDS = 1.0
"""Progress is written at most this often; results of accounts are written at once."""


@dataclass(slots=True)
class RunningJob:
    """A job that this process works on. Thread-safe.

    Methods that write raise DatabaseError if they can't, and JobLostError if the job was taken over since.
    """

    job: Job
    """As it was when this process began or resumed it."""
    store: JobStore
    clock: Clock
    progress: JobProgress = field(init=False)
    is_cancelled: bool = False
    """Whether a person cancelled it; updated by each write."""
    _next_checkpoint_at: float = field(init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.progress = self.job.progress
        self._next_checkpoint_at = self.clock.monotonic() + CHECKPOINT_SECONDS

    @property
    def job_id(self) -> str:
        return self.job.job_id

    def set_total(self, total: int) -> None:
        with self._guard:
            self.progress = replace(self.progress, total=total)

    def count(self, progress: JobProgress) -> None:
        """Replace the counts, such as when failed accounts are tried again."""
        with self._guard:
            self.progress = progress

    def advance(self, *, done: int = 1, present: int = 0, unknown: int = 0, unread: int = 0) -> None:
        """Count more accounts; written at most once a second."""
        with self._guard:
            self.progress = self.progress.advanced(done=done, present=present, unknown=unknown, unread=unread)
        self._write_if_due()

    def set_listed(self, count: int) -> None:
        """Set how many accounts are listed so far; written at most once a second."""
        with self._guard:
            self.progress = replace(self.progress, listed=count)
        self._write_if_due()

    def _write_if_due(self) -> None:
        with self._guard:
            progress, now = self.progress, self.clock.monotonic()
            is_due = now >= self._next_checkpoint_at
            if is_due:
                self._next_checkpoint_at = now + CHECKPOINT_SECONDS
        if is_due:
            self._note(self.store.record_results(self.job, {}, progress))

    def record(self, results: JobResults, *, present: int = 0, unknown: int = 0) -> None:
        """Record the results of accounts; durable when it returns."""
        with self._guard:
            self.progress = self.progress.advanced(done=len(results), present=present, unknown=unknown)
            progress = self.progress
        self._note(self.store.record_results(self.job, results, progress))

    def end(self, state: JobState, remark: str | None = None) -> None:
        """End or interrupt the job."""
        self.store.end(self.job, state, self.progress, remark)

    def discard(self) -> None:
        """Forget the job: its request was refused before any work was done."""
        self.store.discard(self.job)

    def postpone(self, remark: str, until: datetime | None) -> None:
        """Interrupt the job. A server resumes it at ``until`` or later; ``None``: only an operator can resume it."""
        self.store.postpone(self.job, self.progress, remark, until)

    def set_outcome(self, outcome: str) -> None:
        """Keep the result of the job as a whole; a second result replaces it."""
        self.store.set_outcome(self.job, outcome)

    def _note(self, state: JobState) -> None:
        if state is JobState.CANCELLED:
            self.is_cancelled = True


@dataclass(frozen=True, slots=True)
class JobService:
    """Begins jobs and takes them over."""

    store: JobStore
    clock: Clock
    organization_id: str
    endpoint: str
    created_by: str
    """The actor's name."""
    make_job_id: Callable[[], str]

    def begin(
        self,
        kind: JobKind,
        parameters: Mapping[str, JsonValue],
        *,
        total: int | None = None,
        document: str | None = None,
    ) -> RunningJob:
        """Keep a new running job.

        :param document: its exact instructions, such as a plan file.
        :raises DatabaseError: if it can't be written.
        """
        now = self.clock.now()
        job = Job(
            job_id=self.make_job_id(),
            organization_id=self.organization_id,
            endpoint=self.endpoint,
            kind=kind,
            state=JobState.RUNNING,
            created_by=self.created_by,
            created_at=now,
            updated_at=now,
            parameters=parameters,
            progress=JobProgress(total),
        )
        self.store.add(job, document)
        return RunningJob(job, self.store, self.clock)

    def take_over(self, job_id: str) -> RunningJob:
        """Resume an interrupted job. If several processes try, one succeeds.

        :raises InputError: if there is no such job.
        :raises JobConflictError: if it is running, has ended, or began at another endpoint.
        """
        began_at = self.store.get(job_id).endpoint
        if began_at != self.endpoint:
            raise JobConflictError(
                f"Job {job_id} began at {began_at}, but the endpoint is now {self.endpoint}.",
                hint=Hint(f"Use the endpoint {began_at}, or cancel the job.", "job.other_endpoint", job_id=job_id),
            )
        return RunningJob(self.store.take_over(job_id), self.store, self.clock)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job; if another process runs it, it stops after its calls in progress.

        :raises InputError: if there is no such job.
        :raises JobConflictError: if it has ended.
        """
        return self.store.cancel(job_id, f"Cancelled by {self.created_by}.")


def find_unfinished(store: JobStore, kind: JobKind, name: str, value: JsonValue) -> Job | None:
    """Return the newest unfinished job of that kind with this parameter, such as a plan's id."""
    unfinished = store.list_jobs(unfinished_only=True)
    return next((job for job in unfinished if job.kind is kind and job.parameters.get(name) == value), None)
