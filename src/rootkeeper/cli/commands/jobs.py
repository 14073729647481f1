"""``rootkeeper jobs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, add, group, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import PaceOptions
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.errors import InputError
from rootkeeper.jobs.rules import Job, JobKind, require_resumable

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import Operator

JobArgument = Annotated[str, typer.Argument(metavar="JOB_ID", help="A job, as rootkeeper jobs list names it.")]

LIST_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
ONE_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
_LISTED = 50


@through_server
def list_jobs(
    invocation: Invocation,
    *,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only those that run or can go on.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many.")] = _LISTED,
) -> int:
    """List audits and deletions that ran as jobs, the newest first.

    A job whose process died is shown as interrupted.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.jobs import show_jobs

    output = invocation.choose_output(*LIST_OUTPUTS)
    if limit < 1:
        raise InputError(f"--limit is {limit}, but it counts jobs.", hint="Give 1 or more.")
    with open_operator(invocation) as operator:
        operator.warn_overdue()
        found = operator.list_jobs(unfinished=unfinished, limit=limit)
        show_jobs(found, output, invocation.terminal, operator.now())
    return ExitStatus.GOOD


@through_server
def show_one(invocation: Invocation, *, job: JobArgument) -> int:
    """Show one job, and of a deletion what came of each account so far.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is none; 3 AWS or the database refused.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        return _show(operator, operator.get_job(job), output)


@through_server
def cancel_one(invocation: Invocation, *, job: JobArgument) -> int:
    """End a job for good.

    One that runs in another process finishes what is in progress there and begins nothing more.

    Changes: nothing in AWS; the job can't go on any more. What it deleted stays deleted.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 cancelled; 2 wrong usage, there is none, or it is over; 3 AWS or the database refused.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        return _show(operator, operator.cancel_job(job), output)


@through_server
def resume_one(
    invocation: Invocation,
    change: ChangeOptions,
    pace: PaceOptions,
    *,
    job: JobArgument,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try accounts again that failed; else they keep their result.")
    ] = False,
) -> int:
    """Go on with an interrupted job where it was.

    Accounts that have a result aren't read again. Before a deletion goes on, what its process left unclear is settled
    by a re-read, so that nothing is deleted twice. The answer covers the whole job. A deletion goes on only while its
    plan is valid.

    Changes: what the job does: nothing in AWS for an audit, root user credentials for a deletion, as rootkeeper delete.

    AWS permissions: those of rootkeeper audit or rootkeeper delete.

    Exit statuses: those of rootkeeper audit or rootkeeper delete; 2 also if the job runs, is over, or its plan has
    expired, or for a dry run of an audit.
    """
    with open_operator(invocation, api_share=pace.api_share) as operator:
        found = operator.get_job(job)
        require_resumable(found)
        if found.kind is JobKind.AUDIT:
            from rootkeeper.cli.commands.audit import resume_audit

            return resume_audit(invocation, operator, found, change, retry_failed=retry_failed)
        if found.kind is JobKind.DELETION:
            from rootkeeper.cli.commands.delete import resume_deletion

            return resume_deletion(invocation, operator, found, change, retry_failed=retry_failed)
    raise InputError(f"A job of kind {found.kind.value} can't be resumed.", hint="Run its command again.")


def _show(operator: Operator, found: Job, output: OutputFormat) -> int:
    from rootkeeper.cli.rendering.jobs import show_job

    show_job(found, operator.list_results(found), output, operator.terminal, operator.now())
    return ExitStatus.GOOD


application = group("List, show, cancel and resume jobs.")
add(application, list_jobs, "list")
add(application, show_one, "show")
add(application, cancel_one, "cancel")
add(application, resume_one, "resume")
