"""Waiting for a job of a server, and what Ctrl-C means meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.stopping import StopRequests
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.jobs import Job, JobKind, JobState
from rootkeeper.errors import JobConflictError, ServerUnreachableError, UnprovenChangeError
from rootkeeper.remote.job_following import JobFollowing

if TYPE_CHECKING:
    from rootkeeper.ports.stopping import StopSignal
    from rootkeeper.remote.server import RemoteServer

_ENDING_SECONDS = 90.0
"""What is in progress ends with a re-read, which is repeated for a while."""
_LOOK_SECONDS = 0.5
RESUMABLE = frozenset({JobKind.AUDIT, JobKind.DELETION})
"""Kinds that a command goes on with; of any other ``jobs.RESUMERS`` has nothing, and the command is run again."""


def follow(server: RemoteServer, job: Job, terminal: Terminal) -> Job:
    """The job at its end, or as it stands when the person presses Ctrl-C.

    A deletion is cancelled by Ctrl-C, as it stops on a command line, and waited for; any other job goes on without us.

    :raises ServerUnreachableError: if the server doesn't answer for long.
    """
    with StopRequests() as stop:
        job = _watch(server, job, terminal, stop)
    if job.is_over or job.kind is not JobKind.DELETION:
        return job
    if job.state is JobState.INTERRUPTED and not stop.asked_once():
        return job
    return _cancel_and_wait(server, job, terminal)


def end_unfinished(server: RemoteServer, job: Job, terminal: Terminal) -> int:
    """Tell how a job that didn't come to its end goes on; the exit status.

    :raises RootkeeperError: what kept a failed job from its work.
    """
    problem = server.jobs.find_problem(job)
    if problem is not None:
        raise problem
    if job.state is JobState.CANCELLED:
        terminal.remark(f"Job {job.job_id} was cancelled. {job.remark or ''}".strip(), style="bold")
        return ExitStatus.INTERRUPTED
    if job.state is JobState.FAILED:
        terminal.remark(f"error: Job {job.job_id} failed: {job.remark or 'it tells no reason.'}", style="bold red")
        return ExitStatus.REFUSED
    if job.state is JobState.INTERRUPTED:
        terminal.remark(f"Job {job.job_id} is interrupted: {job.remark or 'its process ended.'}", style="bold")
        is_resumable = job.kind in RESUMABLE
        how = f"Go on with the rest: rootkeeper jobs resume {job.job_id}" if is_resumable else "Run the command again."
        terminal.remark(how, style="bold")
        return ExitStatus.INTERRUPTED
    terminal.remark(f"Job {job.job_id} goes on on the server. See it: rootkeeper jobs show {job.job_id}", style="bold")
    terminal.remark(f"End it: rootkeeper jobs cancel {job.job_id}", style="bold")
    return ExitStatus.INTERRUPTED


def _watch(server: RemoteServer, job: Job, terminal: Terminal, stop: StopSignal) -> Job:
    return JobFollowing(server.jobs.get, open_progress(terminal), stop, time.monotonic).follow(job)


def _cancel_and_wait(server: RemoteServer, job: Job, terminal: Terminal) -> Job:
    """Cancelled it is at once; over it is when what was in progress has come to its end."""
    terminal.remark("Stopping: what is in progress comes to its end, nothing more is begun.", style="bold")
    had_begun = job.state is JobState.RUNNING
    try:
        job = server.jobs.cancel(job.job_id)
    except JobConflictError:
        return server.jobs.get(job.job_id)  # it came to its end meanwhile
    except (ServerUnreachableError, UnprovenChangeError) as error:
        terminal.remark(
            f"ALERT: deletion {job.job_id} may go on, the server couldn't be told to stop: {error.message} "
            f"Once it answers: rootkeeper jobs cancel {job.job_id}",
            style="bold red",
        )
        raise
    if had_begun and not _has_ended(server, job):
        terminal.remark(
            f"Accounts that were in progress may still be: rootkeeper jobs show {job.job_id}", style="bold red"
        )
    return server.jobs.get(job.job_id)


def _has_ended(server: RemoteServer, job: Job) -> bool:
    """Wait for the worker's own word; ``False`` if it doesn't come."""
    gives_up_at = time.monotonic() + _ENDING_SECONDS
    while time.monotonic() < gives_up_at:
        outcome = server.jobs.find_outcome(job.job_id)
        if isinstance(outcome, Mapping) and ("ended_at" in outcome or "problem" in outcome):
            return True
        time.sleep(_LOOK_SECONDS)
    return False
