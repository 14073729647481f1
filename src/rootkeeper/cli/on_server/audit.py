"""``audit --server``: the server audits, and its answer is shown as that of an audit of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.audit import AUDIT_OUTPUTS
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.on_server.following import end_unfinished, follow
from rootkeeper.cli.on_server.overdue import name_overdue
from rootkeeper.cli.rendering.audits import account_line, show_audit
from rootkeeper.cli.rendering.setup_drifts import remark_drift
from rootkeeper.domain.job_requests import AuditRequest, audit_to_parameters
from rootkeeper.domain.jobs import Job, JobState
from rootkeeper.domain.statuses import FailOn, has_findings
from rootkeeper.errors import InputError

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def audit(invocation: Invocation, server: RemoteServer, request: AuditRequest) -> int:
    """Have it done, wait for it, and show what it found."""
    output = invocation.choose_output(*AUDIT_OUTPUTS)
    name_overdue(server, invocation.terminal)
    job = server.jobs.request("audits", audit_to_parameters(request))
    return _finish(invocation, server, job, output, request.fail_on, details=request.details)


def resume_audit(
    invocation: Invocation, server: RemoteServer, change: ChangeOptions, job: Job, *, retry_failed: bool
) -> int:
    """Let it go on; the answer covers all of it.

    :raises InputError: if a dry run is asked for.
    """
    output = invocation.choose_output(*AUDIT_OUTPUTS)
    if change.dry_run:
        raise InputError(
            f"Job {job.job_id} is an audit, which changes nothing: it has no dry run.", hint="Leave out --dry-run."
        )
    fail_on = frozenset(map(FailOn, job.parameters["fail_on"]))  # type: ignore[arg-type]  # as an audit's job keeps them
    details = job.parameters["details"] is True
    job = server.jobs.resume(job.job_id, retry_failed=retry_failed)
    return _finish(invocation, server, job, output, fail_on, details=details)


def _finish(
    invocation: Invocation,
    server: RemoteServer,
    job: Job,
    output: OutputFormat,
    fail_on: frozenset[FailOn],
    *,
    details: bool,
) -> int:
    from rootkeeper.cli.on_server.audit_reports import read_report

    terminal = invocation.terminal
    job = follow(server, job, terminal)
    if job.state is not JobState.DONE:
        return end_unfinished(server, job, terminal)
    report = read_report(server, job)
    if output is OutputFormat.JSONL:
        for status in report.accounts:
            terminal.write(account_line(status, details=details))
    else:
        show_audit(report, output, terminal, details=details)
    remark_drift(report.drift, terminal)
    return ExitStatus.BAD if has_findings(report.accounts, fail_on) else ExitStatus.GOOD
