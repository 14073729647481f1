"""``rootkeeper delete``, and its parts shared with ``apply`` and ``jobs resume``: question, report and exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions, Confirmation
from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.operator.interface import DeletionProposal, Operator
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import DeletionChoices, PaceOptions, SelectionOptions, WaveOptions
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OutputFormat
from rootkeeper.cli.rendering.deletions import plan_listing, remark_unknown, render_totals, render_waves, show_deletion
from rootkeeper.cli.rendering.jobs import render_next_step
from rootkeeper.cli.rendering.listings import build_table, counted, show_listing
from rootkeeper.cli.terminal import StopRequests, Terminal
from rootkeeper.deletion.rules import DeletionPlan, DeletionReport, WaveRules
from rootkeeper.errors import RootkeeperError
from rootkeeper.jobs.rules import Job, JobKind
from rootkeeper.organization.selection import require_request
from rootkeeper.organization.statuses import CredentialKind

if TYPE_CHECKING:
    from datetime import datetime

_JOBS_NAMED = 3


def show_interrupted(operator: Operator) -> None:
    """Show deletions that were interrupted; change nothing."""
    try:
        unfinished = operator.list_jobs(unfinished=True)
    except RootkeeperError:
        return  # a step that needs the jobs raises it itself
    interrupted = [job for job in unfinished if job.kind is JobKind.DELETION and job.can_be_resumed]
    for job in interrupted[:_JOBS_NAMED]:
        operator.terminal.remark(
            f"Deletion {job.job_id} is interrupted after {job.progress.done} of {job.progress.total} accounts. "
            f"{render_next_step(job, operator.now())}"
        )
    if len(interrupted) > _JOBS_NAMED:
        operator.terminal.remark(f"And {len(interrupted) - _JOBS_NAMED} more: rootkeeper jobs list --unfinished")


def show_planned(
    plan: DeletionPlan, output: OutputFormat, terminal: Terminal, now: datetime, rules: WaveRules | None = None
) -> None:
    """Write the plan to stdout and its totals to stderr."""
    show_listing(plan_listing(plan, now), output, terminal)
    remark_unknown(plan.accounts, terminal)
    targets = counted(len(plan.targets), "account")
    terminal.remark(f"To delete: {render_totals(plan) or 'nothing'}, in {targets}.")
    for line in render_waves(rules or WaveRules(), len(plan.targets)):
        terminal.remark(line)


def confirm_deletion(
    plan: DeletionPlan, confirmation: Confirmation, terminal: Terminal, now: datetime, rules: WaveRules
) -> DeletionPlan:
    """Show the plan, ask, and return the confirmed plan; without the certificates if these were declined.

    :raises InputError: if it wasn't confirmed; nothing was deleted.
    """
    if not plan.targets:
        confirmation.show_context()
        return plan
    listing = plan_listing(plan, now)
    table, left_out = build_table(listing.columns, listing.rows or (), terminal.remarks, "--dry-run -o json")
    terminal.remarks.print(table, crop=False)
    for line in filter(None, (left_out, listing.rest)):
        terminal.remark(line)
    remark_unknown(plan.accounts, terminal)
    if plan.certificates:
        question = (
            "AWS doesn't report the last use of signing certificates. "
            f"Delete {counted(plan.certificates, 'certificate')} too?"
        )
        if not confirmation.ask(question):
            plan = plan.without(CredentialKind.SIGNING_CERTIFICATES)
    if plan.targets:
        where = f"{counted(len(plan.targets), 'account')} of {plan.organization_id}"
        statement = _describe_deletion(where, plan)
        confirmation.confirm([*statement, *render_waves(rules, len(plan.targets))], accounts=len(plan.targets))
    return plan


def _describe_deletion(where: str, plan: DeletionPlan) -> list[str]:
    return [
        f"Delete root user credentials in {where}: {render_totals(plan)}.",
        "The accounts stay. Deleted keys, certificates and MFA devices can't be restored.",
    ]


def agree_and_delete(
    invocation: Invocation,
    operator: Operator,
    proposal: DeletionProposal,
    rules: WaveRules,
    change: ChangeOptions,
    confirmation: Confirmation,
) -> int:
    """Show the plan, ask, delete, show the results and return the exit status."""
    output, terminal, now = invocation.choose_output(*LIST_OUTPUTS), invocation.terminal, operator.now()
    if change.dry_run:
        confirmation.show_context()
        show_planned(proposal.plan, output, terminal, now, rules)
        return evaluate_dry_run(proposal.plan)
    agreed = confirm_deletion(proposal.plan, confirmation, terminal, now, rules)
    with StopRequests() as stop:
        return show_report(operator.delete(agreed, rules, proposal.inventory, stop), output, terminal)


def resume_deletion(
    invocation: Invocation, operator: Operator, job: Job, change: ChangeOptions, *, retry_failed: bool
) -> int:
    """Delete the rest of the plan. Finished accounts aren't read again; the report covers the whole plan."""
    output, terminal = invocation.choose_output(*LIST_OUTPUTS), invocation.terminal
    resumption = operator.read_resumption(job, retry_failed=retry_failed)
    rest, left = resumption.rest, resumption.left
    confirmation = operator.begin_change(change, output, Permission.ROOT_CREDENTIALS_DELETE)
    if change.dry_run:
        confirmation.show_context()
        show_planned(rest, output, terminal, operator.now(), resumption.rules_left)
        return evaluate_dry_run(resumption.plan)
    if left:
        retried = f", {counted(len(resumption.retried), 'of them')} again after a failure" if resumption.retried else ""
        done = f"{len(resumption.earlier)} of {counted(len(resumption.plan.targets), 'account')} done"
        where = f"{counted(left, 'account')} of {rest.organization_id}{retried}"
        statement = [
            f"Resume job {job.job_id} of {job.created_by}: plan {resumption.plan.plan_id}, {done}.",
            *_describe_deletion(where, rest),
            *render_waves(resumption.rules_left, left),
        ]
        confirmation.confirm(statement, accounts=left)
    with StopRequests() as stop:
        return show_report(operator.resume_deletion(job, stop, retry_failed=retry_failed), output, terminal)


def show_report(report: DeletionReport, output: OutputFormat, terminal: Terminal) -> int:
    """Show the results, name the job that continues with the rest, and return the exit status."""
    status = ExitStatus.INTERRUPTED if report.was_interrupted else report.exit_status
    with terminal.showing_result(status):
        show_deletion(report, output, terminal)
    if report.can_be_resumed:
        terminal.remark(f"Continue with the rest: rootkeeper jobs resume {report.job_id}", style="bold")
    return status


def evaluate_dry_run(plan: DeletionPlan) -> ExitStatus:
    """Return BAD if an account is held back or unknown."""
    return ExitStatus.BAD if plan.has_blocked or plan.has_unknown else ExitStatus.GOOD


def delete(
    invocation: Invocation,
    selection: SelectionOptions,
    choices: DeletionChoices,
    waves: WaveOptions,
    pace: PaceOptions,
    change: ChangeOptions,
) -> int:
    """Delete root user credentials of member accounts.

    Reads the selected accounts, shows the planned deletions and the last use, asks, deletes account by account and
    reads each account again. It holds back accounts with a password or key used in the last 90 days. It never touches
    the management account, delegated administrators, accounts that aren't ACTIVE, exceptions, and accounts with a
    recovery window.

    Works on many accounts at once, or in waves. Ctrl-C once finishes the accounts in progress and leaves a job that
    rootkeeper jobs resume continues; twice stops now.

    Changes: deletes access keys, signing certificates, the console password and MFA devices of the root users, in this
    order. The accounts stay. Deleted credentials can't be restored; password recovery can be allowed again.

    AWS permissions: those of rootkeeper audit, and sts:AssumeRoot with the task policy IAMDeleteRootUserCredentials.

    Exit statuses: 0 everything planned is deleted, as a re-read shows; 1 an account is held back because of recent use;
    2 wrong usage, not confirmed, or a named account can't be changed; 3 AWS or the ledger refused, or AWS can't be
    reached; 4 a deletion failed or isn't proven, or the run stopped early; 130 interrupted.
    """
    output = invocation.choose_output(*LIST_OUTPUTS)
    request = selection.to_request()
    require_request(request)
    rules = waves.to_rules()
    with open_operator(invocation, api_share=pace.api_share) as operator:
        options = choices.to_options(operator.recently_used_days)
        confirmation = operator.begin_change(change, output, Permission.ROOT_CREDENTIALS_DELETE)
        show_interrupted(operator)
        proposal = operator.plan_deletion(request, options)
        return agree_and_delete(invocation, operator, proposal, rules, change, confirmation)


application = command(delete)
