"""Jobs in memory, and requests to stop that a test makes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rootkeeper.clock import Clock
from rootkeeper.errors import DatabaseError, JobLostError, NotFoundError
from rootkeeper.jobs.rules import (
    MOST_ATTEMPTS,
    Job,
    JobKind,
    JobProgress,
    JobState,
    require_not_over,
    require_resumable,
)
from rootkeeper.jobs.store import JobResults, JobStore
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue

OWNER = "owner-1"


@dataclass(slots=True)
class JobShelf:
    """What processes share: their jobs, and who is dead."""

    clock: Clock
    jobs: dict[str, Job] = field(default_factory=dict)
    owners: dict[str, str | None] = field(default_factory=dict)
    documents: dict[str, str | None] = field(default_factory=dict)
    results: dict[str, dict[AccountId, dict[str, JsonValue]]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    is_broken: bool = False
    """Whether nothing can be written."""
    guard: threading.RLock = field(default_factory=threading.RLock)


@dataclass(slots=True)
class InMemoryJobs(JobStore):
    """Implements JobStore for one process; ``die`` is the end of that process."""

    shelf: JobShelf
    owner_id: str = OWNER
    after_record: Callable[[], None] = lambda: None
    recorded: list[set[AccountId]] = field(default_factory=list)
    """The accounts of each write."""

    def die(self) -> None:
        self.shelf.dead.add(self.owner_id)

    def add(self, job: Job, document: str | None = None) -> None:
        with self.shelf.guard:
            self._require_writable()
            self.shelf.jobs[job.job_id] = job
            self.shelf.owners[job.job_id] = None if job.state is JobState.QUEUED else self.owner_id
            self.shelf.documents[job.job_id] = document
            self.shelf.results[job.job_id] = {}

    def find_document(self, job_id: str) -> str | None:
        return self.shelf.documents.get(job_id)

    def record_results(self, job: Job, results: JobResults, progress: JobProgress) -> JobState:
        with self.shelf.guard:
            self._ensure_own(job)
            self.shelf.results[job.job_id].update({account_id: dict(result) for account_id, result in results.items()})
            self._alter(job.job_id, progress=progress)
            self.recorded.append(set(results))
            state = self.shelf.jobs[job.job_id].state
        self.after_record()
        return state

    def list_results(self, job_id: str) -> dict[AccountId, dict[str, JsonValue]]:
        return dict(self.shelf.results.get(job_id, {}))

    def list_results_page(self, job_id: str, after: str, limit: int) -> dict[AccountId, dict[str, JsonValue]]:
        found = sorted(self.list_results(job_id).items())
        return dict([one for one in found if one[0] > after][:limit])

    def count_results(self, job_id: str) -> int:
        return len(self.list_results(job_id))

    def end(self, job: Job, state: JobState, progress: JobProgress, remark: str | None = None) -> None:
        with self.shelf.guard:
            self._ensure_own(job)
            if self.shelf.jobs[job.job_id].state is JobState.CANCELLED:
                self._alter(job.job_id, progress=progress)
                return
            ended_at = None if state is JobState.INTERRUPTED else self.shelf.clock.now()
            self._alter(job.job_id, state=state, progress=progress, remark=remark, ended_at=ended_at)

    def discard(self, job: Job) -> None:
        with self.shelf.guard:
            self._ensure_own(job)
            for kept in (self.shelf.jobs, self.shelf.owners, self.shelf.documents, self.shelf.results):
                kept.pop(job.job_id)

    def postpone(self, job: Job, progress: JobProgress, remark: str, until: datetime | None) -> None:
        with self.shelf.guard:
            self.end(job, JobState.INTERRUPTED, progress, remark)
            kept = self.shelf.jobs[job.job_id]
            if kept.state is JobState.INTERRUPTED:
                attempts = MOST_ATTEMPTS if until is None else kept.attempts + 1
                self._alter(job.job_id, attempts=attempts, next_attempt_at=until)

    def set_outcome(self, job: Job, outcome: str) -> None:
        with self.shelf.guard:
            self._ensure_own(job)
            self.shelf.outcomes[job.job_id] = outcome

    def find_outcome(self, job_id: str) -> str | None:
        return self.shelf.outcomes.get(job_id)

    def requeue(self, job_id: str, parameters: Mapping[str, JsonValue]) -> Job:
        with self.shelf.guard:
            self._require_writable()
            token = self._count_up(job_id)
            reset = {"parameters": dict(parameters), "remark": None, "attempts": 0, "next_attempt_at": None}
            self.shelf.owners[job_id] = None
            self._alter(job_id, state=JobState.QUEUED, fencing_token=token, **reset)
            return self.get(job_id)

    def take_over(self, job_id: str) -> Job:
        with self.shelf.guard:
            self._require_writable()
            token = self._count_up(job_id)
            self.shelf.owners[job_id] = self.owner_id
            self._alter(job_id, state=JobState.RUNNING, remark=None, next_attempt_at=None, fencing_token=token)
            return self.get(job_id)

    def cancel(self, job_id: str, remark: str) -> Job:
        with self.shelf.guard:
            self._require_writable()
            require_not_over(self.get(job_id))
            self._alter(job_id, state=JobState.CANCELLED, remark=remark, ended_at=self.shelf.clock.now())
            return self.get(job_id)

    def get(self, job_id: str) -> Job:
        job = self.shelf.jobs.get(job_id)
        if job is None:
            raise NotFoundError(f"There is no job {job_id!r}.")
        owner_id = self.shelf.owners[job_id]
        is_dead = job.state is JobState.RUNNING and owner_id in self.shelf.dead
        return replace(job, state=JobState.INTERRUPTED if is_dead else job.state, owner=owner_id)

    def list_jobs(
        self,
        *,
        unfinished_only: bool = False,
        kinds: Collection[JobKind] = (),
        limit: int | None = None,
        before: str | None = None,
    ) -> tuple[Job, ...]:
        newest_first = sorted(self.shelf.jobs.values(), key=_place, reverse=True)
        found = [self.get(job.job_id) for job in newest_first]
        if before is not None:
            found = [job for job in found if _place(job) < _place(self.get(before))]
        found = [job for job in found if not kinds or job.kind in kinds]
        return tuple(job for job in found if not (unfinished_only and job.is_over))[:limit]

    def count_jobs(self, *, unfinished_only: bool = False, kinds: Collection[JobKind] = ()) -> int:
        return len(self.list_jobs(unfinished_only=unfinished_only, kinds=kinds))

    def _count_up(self, job_id: str) -> int:
        """The fencing token of the next run of a job that can go on."""
        job = self.get(job_id)
        require_resumable(job)
        return job.fencing_token + 1

    def _ensure_own(self, job: Job) -> None:
        self._require_writable()
        kept = self.shelf.jobs.get(job.job_id)
        is_own = kept is not None and self.shelf.owners[job.job_id] == self.owner_id
        if kept is None or not is_own or kept.fencing_token != job.fencing_token:
            raise JobLostError(f"Job {job.job_id} was taken over.")

    def _require_writable(self) -> None:
        if self.shelf.is_broken:
            raise DatabaseError("The database can't be written: no space left on device.")

    def _alter(self, job_id: str, **changes: object) -> None:
        job = self.shelf.jobs[job_id]
        self.shelf.jobs[job_id] = replace(job, updated_at=self.shelf.clock.now(), **changes)  # type: ignore[arg-type]  # of this file


def _place(job: Job) -> tuple[datetime, str]:
    return job.created_at, job.job_id


@dataclass(slots=True)
class StopAt:
    """Implements StopSignal: asked when a test says so."""

    clock: Clock
    asked: int = 0
    waits: list[float] = field(default_factory=list)
    on_wait: Mapping[int, int] = field(default_factory=dict)
    """The number of a wait, from 1 → how often it was asked by its end."""

    def asked_once(self) -> bool:
        return self.asked >= 1

    def asked_twice(self) -> bool:
        return self.asked >= 2

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.clock.sleep(seconds)
        self.asked = self.on_wait.get(len(self.waits), self.asked)
        return self.asked_once()
