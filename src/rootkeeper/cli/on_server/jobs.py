"""``jobs --server``: list, show, cancel and resume the jobs of a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.jobs import LIST_OUTPUTS, ONE_OUTPUTS
from rootkeeper.cli.on_server.overdue import name_overdue
from rootkeeper.cli.rendering.jobs import show_job, show_jobs
from rootkeeper.domain.deletion import AccountDeletion
from rootkeeper.domain.jobs import Job, JobKind, ensure_resumable
from rootkeeper.errors import InputError

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def list_jobs(invocation: Invocation, server: RemoteServer, *, unfinished: bool, limit: int) -> int:
    """All jobs, the newest first."""
    output = invocation.choose_output(*LIST_OUTPUTS)
    name_overdue(server, invocation.terminal)
    found = server.jobs.list_jobs(unfinished_only=unfinished, limit=limit)
    show_jobs(found, output, invocation.terminal, datetime.now(UTC))
    return ExitStatus.GOOD


def show_one(invocation: Invocation, server: RemoteServer, job_id: str) -> int:
    """One job, and of a deletion what came of each account so far."""
    output = invocation.choose_output(*ONE_OUTPUTS)
    return _show(invocation, server, server.jobs.get(job_id), output)


def cancel_one(invocation: Invocation, server: RemoteServer, job_id: str) -> int:
    """End one for good."""
    output = invocation.choose_output(*ONE_OUTPUTS)
    return _show(invocation, server, server.jobs.cancel(job_id), output)


def resume_one(
    invocation: Invocation, server: RemoteServer, change: ChangeOptions, job_id: str, *, retry_failed: bool
) -> int:
    """Let the server go on with one, and show what comes of it."""
    job = server.jobs.get(job_id)
    ensure_resumable(job)
    resume = RESUMERS.get(job.kind)
    if resume is None:
        raise InputError(f"A job of kind {job.kind.value} can't go on.", hint="Run its command again.")
    return resume(invocation, server, change, job, retry_failed)


def _show(invocation: Invocation, server: RemoteServer, job: Job, output: OutputFormat) -> int:
    show_job(job, _read_results(server, job), output, invocation.terminal, datetime.now(UTC))
    return ExitStatus.GOOD


def _read_results(server: RemoteServer, job: Job) -> tuple[AccountDeletion, ...]:
    if job.kind is not JobKind.DELETION:
        return ()
    from rootkeeper.cli.on_server.deletions import read_results

    return read_results(server, job)


def _resume_audit(
    invocation: Invocation, server: RemoteServer, change: ChangeOptions, job: Job, retry_failed: bool
) -> int:
    from rootkeeper.cli.on_server.audit import resume_audit

    return resume_audit(invocation, server, change, job, retry_failed=retry_failed)


def _resume_deletion(
    invocation: Invocation, server: RemoteServer, change: ChangeOptions, job: Job, retry_failed: bool
) -> int:
    from rootkeeper.cli.on_server.deletions import resume_deletion

    return resume_deletion(invocation, server, change, job, retry_failed=retry_failed)


RESUMERS: Mapping[JobKind, Callable[[Invocation, RemoteServer, ChangeOptions, Job, bool], int]] = MappingProxyType(
    {JobKind.AUDIT: _resume_audit, JobKind.DELETION: _resume_deletion}
)
"""What goes on with a job of each kind."""
