"""The jobs of a server: asked for, looked at, followed to their end, and cancelled."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.stopping import StopRequests
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.job_records import job_from_record
from rootkeeper.domain.jobs import RESUMABLE_KINDS, Job, JobKind, JobState
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import (
    JobConflictError,
    NotFoundError,
    RootkeeperError,
    ServerUnreachableError,
    UnprovenChangeError,
)
from rootkeeper.remote.connections import PAGE, Connection, segment
from rootkeeper.remote.job_following import JobFollower
from rootkeeper.remote.problems import error_of

if TYPE_CHECKING:
    from rootkeeper.ports.stopping import StopSignal

_ENDING_SECONDS = 90.0
"""What is in progress ends with a re-read, which is repeated for a while."""
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class RemoteJobs:
    """Asks one server.

    :raises RootkeeperError: what the server refuses, as its own error.
    """

    connection: Connection
    terminal: Terminal

    def request(self, resource: str, body: Mapping[str, Any]) -> Job:
        """Have the server do what takes long, such as ``audits``; the job that does it."""
        return self._parse(self.connection.post(resource, body))

    def get(self, job_id: str) -> Job:
        """:raises InputError: if there is no such job."""
        return self._parse(self.connection.get(f"jobs/{segment(job_id)}"))

    def list_jobs(self, *, unfinished: bool, limit: int | None) -> tuple[Job, ...]:
        """The newest first."""
        found: list[Job] = []
        query = {"unfinished": unfinished, "limit": PAGE if limit is None else min(limit, PAGE)}
        for record in self.connection.list_pages("jobs", "jobs", query):
            found.append(self._parse(record))
            if len(found) == limit:
                break
        return tuple(found)

    def cancel(self, job_id: str) -> Job:
        """:raises InputError: if there is no such job, or it is over."""
        return self._parse(self.connection.post(f"jobs/{segment(job_id)}/cancel"))

    def resume(self, job_id: str, *, retry_failed: bool) -> Job:
        """:raises InputError: if there is no such job, it runs, or it is over."""
        return self._parse(self.connection.post(f"jobs/{segment(job_id)}/resume", {"retry_failed": retry_failed}))

    def list_results(self, job_id: str) -> dict[AccountId, Mapping[str, Any]]:
        """What was recorded of each account so far."""
        pages = self.connection.list_pages(f"jobs/{segment(job_id)}/results", "results", {"limit": PAGE})
        return {self.connection.parse_answer(_account_of, record): record for record in pages}

    def read_outcome(self, job_id: str) -> Any:
        """What came of it as a whole.

        :raises NotFoundError: if there is none.
        """
        return self.connection.get(f"jobs/{segment(job_id)}/outcome")

    def find_outcome(self, job_id: str) -> Any:
        """The same; ``None`` if there is none."""
        try:
            return self.read_outcome(job_id)
        except NotFoundError:
            return None

    def find_document(self, job_id: str) -> str:
        """What it does exactly, such as a deletion's plan file.

        :raises InputError: if nothing was kept with it.
        """
        return json.dumps(self.connection.get(f"jobs/{segment(job_id)}/document"))

    def perform(self, resource: str, body: Mapping[str, Any]) -> Any:
        """Have the server do it, wait, and return what came of it; end the command where it wasn't done."""
        job = self.follow(self.request(resource, body))
        if job.state is not JobState.DONE:
            raise self.end_unfinished(job)
        return self.read_outcome(job.job_id)

    def follow(self, job: Job, stop: StopSignal | None = None) -> Job:
        """The job at its end, or as it is when the person presses Ctrl-C.

        Ctrl-C cancels a deletion, as it stops one on a command line, and waits for it; any other job continues on the
        server.

        :param stop: counts Ctrl-C; a new one unless given.
        :raises ServerUnreachableError: if the server doesn't answer for long.
        """
        if stop is None:
            with StopRequests() as own:
                return self.follow(job, own)
        job = JobFollower(self.get, open_progress(self.terminal), stop, time.monotonic).follow(job)
        if job.is_over or job.kind is not JobKind.DELETION:
            return job
        if job.state is JobState.INTERRUPTED and not stop.asked_once():
            return job
        return self._cancel_and_wait(job)

    def end_unfinished(self, job: Job) -> Exception:
        """Say how a job that didn't come to its end continues; what to raise, so that the command ends."""
        problem = self._find_problem(job)
        if problem is not None:
            return problem
        remark = self.terminal.remark
        status = ExitStatus.INTERRUPTED
        if job.state is JobState.CANCELLED:
            remark(f"Job {job.job_id} was cancelled. {job.remark or ''}".strip(), style="bold")
        elif job.state is JobState.FAILED:
            remark(f"error: Job {job.job_id} failed: {job.remark or 'it gives no reason.'}", style="bold red")
            status = ExitStatus.REFUSED
        elif job.state is JobState.INTERRUPTED:
            remark(f"Job {job.job_id} is interrupted: {job.remark or 'its process ended.'}", style="bold")
            is_resumable = job.kind in RESUMABLE_KINDS
            how = f"Resume the rest: rootkeeper jobs resume {job.job_id}" if is_resumable else "Run the command again."
            remark(how, style="bold")
        else:
            remark(f"Job {job.job_id} continues on the server. See it: rootkeeper jobs show {job.job_id}", style="bold")
            remark(f"End it: rootkeeper jobs cancel {job.job_id}", style="bold")
        return typer.Exit(int(status))

    def _find_problem(self, job: Job) -> RootkeeperError | None:
        """What kept a failed job from its work, as the error that a command on the database would have met."""
        outcome = self.find_outcome(job.job_id) if job.state is JobState.FAILED else None
        problem = outcome.get("problem") if isinstance(outcome, Mapping) else None
        return None if problem is None else error_of(422, problem, url=self.connection.url)

    def _cancel_and_wait(self, job: Job) -> Job:
        """It is cancelled at once; it is over when what was in progress has come to its end."""
        self.terminal.remark("Stopping: what is in progress comes to its end, nothing more is begun.", style="bold")
        had_begun = job.state is JobState.RUNNING
        try:
            job = self.cancel(job.job_id)
        except JobConflictError:
            return self.get(job.job_id)  # it came to its end meanwhile
        except (ServerUnreachableError, UnprovenChangeError) as error:
            self.terminal.remark(
                f"ALERT: deletion {job.job_id} may continue, the server didn't get the request to stop: "
                f"{error.message} Once it answers: rootkeeper jobs cancel {job.job_id}",
                style="bold red",
            )
            raise
        if had_begun and not self._has_ended(job):
            self.terminal.remark(
                f"Accounts that were in progress may still be: rootkeeper jobs show {job.job_id}", style="bold red"
            )
        return self.get(job.job_id)

    def _has_ended(self, job: Job) -> bool:
        """Wait for the worker's own outcome; ``False`` if it doesn't come."""
        gives_up_at = time.monotonic() + _ENDING_SECONDS
        while time.monotonic() < gives_up_at:
            outcome = self.find_outcome(job.job_id)
            if isinstance(outcome, Mapping) and ("ended_at" in outcome or "problem" in outcome):
                return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _parse(self, record: Any) -> Job:
        return self.connection.parse_answer(job_from_record, record)


def _account_of(record: Mapping[str, Any]) -> AccountId:
    return AccountId(record["account_id"])
