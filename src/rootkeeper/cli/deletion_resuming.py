"""Going on with a deletion that was interrupted."""

from __future__ import annotations

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.deleting import judge_dry_run, show_planned, show_report
from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.rendering.deletions import spoken_totals
from rootkeeper.cli.rendering.text import counted
from rootkeeper.cli.rendering.waves import spoken_waves
from rootkeeper.cli.resuming import ResumeRequest
from rootkeeper.cli.stopping import StopRequests
from rootkeeper.workflows.deletion_jobs import Resumption, read_resumption


def resume_deletion(request: ResumeRequest) -> int:
    """Do what is left of the plan; what was done isn't read again. The report covers the whole plan."""
    invocation, application = request.invocation, request.application
    terminal = invocation.terminal
    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    deletion = application.deletion
    resumption = read_resumption(request.job, application.jobs, retry_failed=request.retry_failed)
    deletion.ensure_valid_here(resumption.plan)
    progress = open_progress(terminal)
    confirmation = begin_change(invocation, application, request.change, output, progress)
    if request.change.dry_run:
        confirmation.show_context()
        show_planned(resumption.rest, output, terminal, application.clock.now(), resumption.rules_left)
        return judge_dry_run(resumption.plan)
    if resumption.left:
        confirmation.ensure(_statement(resumption), accounts=resumption.left)
    inventory = deletion.choose_inventory(None, progress)
    with StopRequests() as stop:
        job = application.job_keeping.take_over(request.job.job_id)
        resumption = read_resumption(job.job, application.jobs, retry_failed=request.retry_failed)
        report = deletion.go_on(resumption.take_up(job), progress, inventory, stop=stop)
        progress.finish()
        return show_report(report, output, terminal)


def _statement(resumption: Resumption) -> list[str]:
    rest, job = resumption.rest, resumption.job
    retried = f", {counted(len(resumption.retried), 'of them')} again after a failure" if resumption.retried else ""
    done = f"{len(resumption.earlier)} of {counted(len(resumption.plan.targets), 'account')} done"
    where = f"{counted(resumption.left, 'account')} of {rest.organization_id}{retried}"
    return [
        f"Go on with job {job.job_id} of {job.created_by}: plan {resumption.plan.plan_id}, {done}.",
        f"Delete root user credentials in {where}: {spoken_totals(rest)}.",
        "The accounts stay. Keys, certificates and MFA can't be restored.",
        *spoken_waves(resumption.rules_left, resumption.left),
    ]
