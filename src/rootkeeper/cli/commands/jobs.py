"""``rootkeeper jobs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from click import IntRange

from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, PanelGroup, add, gives_findings
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import PaceOptions
from rootkeeper.cli.outputs import LIST_OUTPUTS, ONE_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.errors import InputError
from rootkeeper.jobs.rules import Job, JobKind, require_resumable

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import Operator

JobArgument = Annotated[str, argument("JOB_ID", "A job id from rootkeeper jobs list.")]


def list_jobs(
    invocation: Invocation,
    *,
    unfinished: Annotated[bool, option("--unfinished", "Only jobs that run or can be resumed.")] = False,
    limit: Annotated[int, option("--limit N", "Show at most N jobs.", type=IntRange(1))] = 50,
) -> int:
    """List audits and deletions that ran as jobs, newest first.

    A job is shown as interrupted if its process died.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.jobs import show_jobs

    output = invocation.choose_output(*LIST_OUTPUTS)
    with open_operator(invocation) as operator:
        operator.warn_overdue()
        found = operator.list_jobs(unfinished=unfinished, limit=limit)
        show_jobs(found, output, invocation.terminal, operator.now())
    return ExitStatus.GOOD


def show_one(invocation: Invocation, *, job: JobArgument) -> int:
    """Show one job; of a deletion, also the result of each account so far.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage, or there is no such job; 3 AWS or the database refused.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        return _show(operator, operator.get_job(job), output)


def cancel_one(invocation: Invocation, *, job: JobArgument) -> int:
    """Cancel a job for good.

    A job that runs in another process finishes the accounts in progress and begins no more.

    Changes: nothing in AWS; the job can't be resumed. Deleted credentials stay deleted.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 cancelled; 2 wrong usage, there is no such job, or it has ended; 3 AWS or the database refused.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with open_operator(invocation) as operator:
        return _show(operator, operator.cancel_job(job), output)


@gives_findings
def resume_one(
    invocation: Invocation,
    change: ChangeOptions,
    pace: PaceOptions,
    *,
    job: JobArgument,
    retry_failed: Annotated[bool, option("--retry-failed", "Also try the accounts again that failed.")] = False,
) -> int:
    """Resume an interrupted job.

    Accounts that have a result aren't read again. Before a deletion continues, a re-read settles unclear outcomes, so
    that nothing is deleted twice. The answer covers the whole job. A deletion resumes only while its plan is valid.
    Only an audit has findings.

    Changes: nothing in AWS for an audit; for a deletion as rootkeeper delete.

    AWS permissions: those of rootkeeper audit or rootkeeper delete.

    Exit statuses: those of rootkeeper audit or rootkeeper delete; also 2 if the job runs or has ended, its plan has
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


application = PanelGroup(help="List, show, cancel and resume jobs.")
add(application, list_jobs, "list")
add(application, show_one, "show")
add(application, cancel_one, "cancel")
add(application, resume_one, "resume")
