"""Where jobs are kept, so that what was interrupted can go on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from rootkeeper.domain.jobs import Job, JobKind, JobProgress, JobState
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import AccountId

JobResults = Mapping[AccountId, Mapping[str, JsonValue]]
"""What came of accounts, each as a JSON object whose shape is its job's kind's own."""


class KeptJobs(Protocol):
    """What was kept with jobs, in a database or by a server."""

    def find_document(self, job_id: str) -> str | None:
        """What a job does exactly."""
        ...

    def list_results(self, job_id: str) -> JobResults:
        """What was recorded of each account."""
        ...


class JobStore(Protocol):
    """The jobs of one organization. Every method that writes returns only when that is durable.

    A job belongs to the process that began or resumed it last. What is written about a job as it was then is refused
    once it was taken over, by another process or anew by the same one, so that a run which was stopped for a while
    finds out.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, job: Job, document: str | None = None) -> None:
        """Keep a new job of this process; one in state QUEUED belongs to nobody until it is taken over.

        :param document: what it does exactly, such as a plan's file; too long for ``parameters``.
        """
        ...

    def find_document(self, job_id: str) -> str | None:
        """What was kept with the job."""
        ...

    def checkpoint(self, job: Job, progress: JobProgress) -> JobState:
        """Remember how far the job is, and learn its state: CANCELLED if somebody asks it to stop.

        :param job: as it was added or taken over, here and in all that follows.
        :raises JobLostError: if it was taken over since.
        """
        ...

    def record_results(self, job: Job, results: JobResults, progress: JobProgress) -> JobState:
        """Remember what came of these accounts, so that they aren't done again, and how far the job is.

        A second result of an account replaces the first.

        :returns: the job's state: CANCELLED if somebody asks it to stop.
        :raises JobLostError: if it was taken over since.
        """
        ...

    def list_results(self, job_id: str) -> dict[AccountId, dict[str, JsonValue]]:
        """What was recorded of each account."""
        ...

    def list_results_page(self, job_id: str, after: str, limit: int) -> dict[AccountId, dict[str, JsonValue]]:
        """Part of it: at most so many, of the accounts whose ids come after that one, in their order."""
        ...

    def count_results(self, job_id: str) -> int:
        """Of how many accounts something was recorded."""
        ...

    def end(self, job: Job, state: JobState, progress: JobProgress, remark: str | None = None) -> None:
        """Let the job of this process be over or interrupted. A job that was cancelled meanwhile stays cancelled.

        :raises JobLostError: if it was taken over since.
        """
        ...

    def postpone(self, job: Job, progress: JobProgress, remark: str, until: datetime | None) -> None:
        """Interrupt the job of this process, count the attempt, and have no server take it up before ``until``.

        A job that was cancelled meanwhile stays cancelled.

        :param until: ``None``: before a person says so.
        :raises JobLostError: if it was taken over since.
        """
        ...

    def set_outcome(self, job: Job, outcome: str) -> None:
        """Keep what came of the job of this process as a whole, such as a plan's file; a second one replaces it.

        :raises JobLostError: if it was taken over since.
        """
        ...

    def find_outcome(self, job_id: str) -> str | None:
        """What was kept by ``set_outcome``."""
        ...

    def requeue(self, job_id: str, parameters: Mapping[str, JsonValue]) -> Job:
        """Let an interrupted job be taken up by whichever process comes first; its attempts count anew.

        :param parameters: replace those that it has.
        :raises NotFoundError: if there is no such job.
        :raises JobConflictError: if it runs, or is over.
        """
        ...

    def take_over(self, job_id: str) -> Job:
        """Make a queued or interrupted job this process's own, and running. Of several that try, one succeeds.

        :raises NotFoundError: if there is no such job.
        :raises JobConflictError: if it runs, or is over.
        """
        ...

    def cancel(self, job_id: str, remark: str) -> Job:
        """End a job for good; one that runs elsewhere stops after what is in flight.

        :raises NotFoundError: if there is no such job.
        :raises JobConflictError: if it is over.
        """
        ...

    def get(self, job_id: str) -> Job:
        """:raises NotFoundError: if there is no such job."""
        ...

    def list_jobs(
        self,
        *,
        unfinished_only: bool = False,
        kinds: Collection[JobKind] = (),
        limit: int | None = None,
        before: str | None = None,
    ) -> tuple[Job, ...]:
        """Newest first.

        :param kinds: only those; without any, all.
        :param before: the last job of the page before this one.
        :raises NotFoundError: if there is no job ``before``.
        """
        ...
