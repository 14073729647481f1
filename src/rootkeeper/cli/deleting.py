"""Confirming and doing a deletion: the same for ``delete`` and ``apply``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import Confirmation
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.deletions import (
    plan_listing,
    show_deletion,
    spoken_totals,
    unknown_lines,
    without_clean_accounts,
)
from rootkeeper.cli.rendering.jobs import spoken_next_step
from rootkeeper.cli.rendering.listings import build_table, show_listing
from rootkeeper.cli.rendering.text import counted
from rootkeeper.cli.rendering.waves import spoken_waves
from rootkeeper.cli.stopping import StopRequests
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.deletion import DeletionPlan, DeletionReport
from rootkeeper.domain.jobs import JobKind
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.waves import WaveRules
from rootkeeper.errors import DatabaseError, JobConflictError

if TYPE_CHECKING:
    from datetime import datetime

    from rootkeeper.bootstrap import Application
    from rootkeeper.ports.progress import Progress

_JOBS_NAMED = 3


def name_interrupted(application: Application, terminal: Terminal) -> None:
    """Name the deletions that were interrupted, so that nobody forgets what is left of them; nothing is changed."""
    try:
        unfinished = application.jobs.list_jobs(unfinished_only=True)
    except DatabaseError:
        return  # what needs the database says so itself
    interrupted = [job for job in unfinished if job.kind is JobKind.DELETION and job.can_be_resumed]
    for job in interrupted[:_JOBS_NAMED]:
        terminal.remark(
            f"Deletion {job.job_id} was interrupted after {job.progress.done} of {job.progress.total} accounts. "
            f"{spoken_next_step(job, application.clock.now())}"
        )
    if len(interrupted) > _JOBS_NAMED:
        terminal.remark(f"And {len(interrupted) - _JOBS_NAMED} more: rootkeeper jobs list --unfinished")


def ensure_not_begun(plan: DeletionPlan, application: Application) -> None:
    """Check that no job has begun this plan and isn't over.

    :raises JobConflictError: if there is one; the hint says how to go on with it.
    """
    job = application.job_keeping.find_unfinished(JobKind.DELETION, "plan_id", plan.plan_id)
    if job is None:
        return
    began = f"Plan {plan.plan_id} was begun by job {job.job_id}, which is {job.state.value}"
    raise JobConflictError(
        f"{began}: {job.progress.done} of {job.progress.total} accounts are done.",
        hint=f"Go on with it: rootkeeper jobs resume {job.job_id}. To begin anew: rootkeeper jobs cancel {job.job_id}",
    )


def show_planned(
    plan: DeletionPlan, output: OutputFormat, terminal: Terminal, now: datetime, rules: WaveRules | None = None
) -> None:
    """Write the plan to stdout and what it amounts to to stderr."""
    show_listing(plan_listing(plan, now), output, terminal)
    _tell_unknown(plan, terminal)
    terminal.remark(f"To be deleted: {spoken_totals(plan) or 'nothing'}, in {_accounts(plan)}.")
    for line in spoken_waves(rules or WaveRules(), len(plan.targets)):
        terminal.remark(line)


def confirm_deletion(
    plan: DeletionPlan, confirmation: Confirmation, terminal: Terminal, now: datetime, rules: WaveRules
) -> DeletionPlan:
    """Show the plan, ask, and return what was agreed to: without the certificates if these were declined.

    :raises InputError: if it wasn't confirmed; nothing was deleted.
    """
    if not plan.targets:
        confirmation.show_context()
        return plan
    _show_for_confirmation(plan, terminal, now)
    if plan.certificates:
        question = (
            f"AWS tells no last use of signing certificates. Delete {counted(plan.certificates, 'certificate')} too?"
        )
        if not confirmation.ask(question):
            plan = plan.without(CredentialKind.SIGNING_CERTIFICATES)
    if plan.targets:
        statement = [*_statement(plan), *spoken_waves(rules, len(plan.targets))]
        confirmation.ensure(statement, accounts=len(plan.targets))
    return plan


def _show_for_confirmation(plan: DeletionPlan, terminal: Terminal, now: datetime) -> None:
    shown = without_clean_accounts(plan)
    listing = plan_listing(shown, now)
    terminal.remarks.print(build_table(listing.columns, listing.records, is_ruled=terminal.remarks.is_terminal))
    clean = len(plan.accounts) - len(shown.accounts)
    if clean:
        terminal.remark(f"And {counted(clean, 'account')} with nothing to delete.")
    _tell_unknown(plan, terminal)


def _tell_unknown(plan: DeletionPlan, terminal: Terminal) -> None:
    for line in unknown_lines(plan):
        terminal.remark(line, style="magenta")


def _statement(plan: DeletionPlan) -> list[str]:
    return [
        f"Delete root user credentials in {_accounts(plan)} of {plan.organization_id}: {spoken_totals(plan)}.",
        "The accounts stay. Keys, certificates and MFA can't be restored.",
    ]


def _accounts(plan: DeletionPlan) -> str:
    return counted(len(plan.targets), "account")


def run_deletion(
    application: Application,
    plan: DeletionPlan,
    rules: WaveRules,
    inventory: Inventory | None,
    progress: Progress,
    output: OutputFormat,
    terminal: Terminal,
) -> int:
    """Do what was agreed to, show what came of it and return the exit status."""
    deletion = application.deletion
    if plan.targets:
        inventory = deletion.choose_inventory(inventory, progress)
    with StopRequests() as stop:
        report = deletion.apply(plan, progress, inventory, rules=rules, stop=stop)
        progress.finish()
        return show_report(report, output, terminal)


def show_report(report: DeletionReport, output: OutputFormat, terminal: Terminal) -> int:
    """Show what came of a deletion, name the job that goes on with the rest, and return the exit status."""
    show_deletion(report, output, terminal)
    if report.can_be_resumed:
        terminal.remark(f"Go on with the rest: rootkeeper jobs resume {report.job_id}", style="bold")
    return ExitStatus.INTERRUPTED if report.was_interrupted else report.exit_status


def judge_dry_run(plan: DeletionPlan) -> ExitStatus:
    """Bad if an account that should be touched couldn't be."""
    return ExitStatus.BAD if plan.has_blocked or plan.has_unknown else ExitStatus.GOOD
