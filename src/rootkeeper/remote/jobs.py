"""The jobs of a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rootkeeper.domain.job_records import job_from_record
from rootkeeper.domain.jobs import Job, JobState
from rootkeeper.errors import NotFoundError, RootkeeperError
from rootkeeper.remote.connections import PAGE, Connection, segment
from rootkeeper.remote.problems import error_of


@dataclass(frozen=True, slots=True)
class RemoteJobs:
    """What a server's jobs do is asked for by its use case; here they are looked at and steered."""

    connection: Connection

    def request(self, resource: str, body: Mapping[str, Any]) -> Job:
        """Have the server do what takes long, such as ``audits``; the job that does it.

        :raises InputError: if the server refuses what is asked for.
        :raises PermissionDeniedError: if it isn't permitted.
        """
        return self._parse(self.connection.post(resource, body))

    def get(self, job_id: str) -> Job:
        """:raises InputError: if there is no such job."""
        return self._parse(self.connection.get(f"jobs/{segment(job_id)}"))

    def list_jobs(self, *, unfinished_only: bool, limit: int) -> tuple[Job, ...]:
        """The newest first."""
        found: list[Job] = []
        pages = self.connection.list_pages("jobs", "jobs", {"unfinished": unfinished_only, "limit": min(limit, PAGE)})
        for record in pages:
            found.append(self._parse(record))
            if len(found) >= limit:
                break
        return tuple(found)

    def cancel(self, job_id: str) -> Job:
        """End it for good.

        :raises InputError: if there is no such job, or it is over.
        """
        return self._parse(self.connection.post(f"jobs/{segment(job_id)}/cancel"))

    def resume(self, job_id: str, *, retry_failed: bool) -> Job:
        """Let it go on where it was.

        :raises InputError: if there is no such job, it runs, or it is over.
        """
        return self._parse(self.connection.post(f"jobs/{segment(job_id)}/resume", {"retry_failed": retry_failed}))

    def list_results(self, job_id: str) -> dict[str, Mapping[str, Any]]:
        """What was recorded of each account so far."""
        return {
            record["account_id"]: record
            for record in self.connection.list_pages(f"jobs/{segment(job_id)}/results", "results", {"limit": PAGE})
        }

    def read_outcome(self, job_id: str) -> Any:
        """What came of it as a whole.

        :raises InputError: if there is nothing of the kind.
        """
        return self.connection.get(f"jobs/{segment(job_id)}/outcome")

    def find_outcome(self, job_id: str) -> Any:
        """The same; ``None`` if there is nothing."""
        try:
            return self.read_outcome(job_id)
        except NotFoundError:
            return None

    def read_document(self, job_id: str) -> Any:
        """What it does exactly, such as a deletion's plan file.

        :raises InputError: if nothing was kept with it.
        """
        return self.connection.get(f"jobs/{segment(job_id)}/document")

    def find_problem(self, job: Job) -> RootkeeperError | None:
        """What kept a failed job from its work, as the error that a command on the database would have met."""
        outcome = self.find_outcome(job.job_id) if job.state is JobState.FAILED else None
        problem = outcome.get("problem") if isinstance(outcome, Mapping) else None
        return None if problem is None else error_of(422, problem, url=self.connection.url)

    def _parse(self, record: Any) -> Job:
        return self.connection.understand(job_from_record, record)
