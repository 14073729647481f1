"""``rootkeeper audit``, and the answer of an audit that ``jobs resume`` continues."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from rootkeeper.audit.rules import AUDIT_EVENTS, AuditRequest
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, command, gives_findings
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import FailOnOptions, PaceOptions, SelectionOptions, gate
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, Output, OutputFormat, option
from rootkeeper.cli.rendering.listings import counted, show_record
from rootkeeper.cli.terminal import StopRequests, Terminal
from rootkeeper.errors import InputError
from rootkeeper.organization.progress import StopSignal
from rootkeeper.organization.records import account_to_record
from rootkeeper.organization.statuses import AccountStatus, FailOn, has_findings
from rootkeeper.reports.formats import Format

if TYPE_CHECKING:
    from rootkeeper.audit.service import AuditInterrupted, AuditReport
    from rootkeeper.cli.operator.interface import Operator
    from rootkeeper.jobs.rules import Job

AUDIT_OUTPUTS = (OutputFormat.TREE, *LIST_OUTPUTS)
Perform = Callable[[StopSignal, Callable[[AccountStatus], None] | None], "AuditReport | AuditInterrupted"]


def run_audit(
    perform: Perform, output: Output, terminal: Terminal, findings: frozenset[FailOn], *, details: bool
) -> int:
    """Audit, show the answer and return the exit status. ``jsonl`` shows each account as soon as it is read."""
    from rootkeeper.audit.service import AuditInterrupted
    from rootkeeper.cli.rendering.audits import show_audit
    from rootkeeper.cli.rendering.setups import remark_drift
    from rootkeeper.findings.sources import list_status_findings

    def show_line(status: AccountStatus) -> None:
        show_record(account_to_record(status, details=details), OutputFormat.JSONL, terminal)

    with StopRequests() as stop, _garbage_collected_rarely():
        answer = perform(stop, show_line if output is OutputFormat.JSONL else None)
    if isinstance(answer, AuditInterrupted):
        of_all = "" if answer.total is None else f" of {answer.total:,}"
        terminal.remark(f"Interrupted: {counted(answer.read, 'account')}{of_all} read and stored.")
        if answer.is_cancelled:
            terminal.remark(f"Job {answer.job_id} is cancelled and can't be resumed.")
        else:
            terminal.remark(f"Read the rest: rootkeeper jobs resume {answer.job_id}", style="bold")
        return ExitStatus.INTERRUPTED
    if isinstance(output, Format):
        found = list_status_findings(answer.accounts, answer.inventory, answer.endpoint, answer.ended_at, answer.drift)
        terminal.write_bytes(output.render(found))
    elif output is not OutputFormat.JSONL:
        show_audit(answer, output, terminal, details=details)
    remark_drift(answer.drift, terminal)
    return gate(findings, lambda fail_on: has_findings(answer.accounts, fail_on))


def resume_audit(
    invocation: Invocation, operator: Operator, job: Job, change: ChangeOptions, *, retry_failed: bool
) -> int:
    """Resume an interrupted audit; the answer covers all of it.

    :raises InputError: if a dry run is asked for.
    """
    output = invocation.choose_output_or_findings(*AUDIT_OUTPUTS)
    if change.dry_run:
        raise InputError(
            f"Job {job.job_id} is an audit. It changes nothing, so it has no dry run.", hint="Leave out --dry-run."
        )
    return run_audit(
        lambda stop, emit: operator.resume_audit(job, stop, emit, retry_failed=retry_failed),
        output,
        invocation.terminal,
        frozenset(map(FailOn, job.parameters["fail_on"])),  # type: ignore[arg-type]  # as an audit's job keeps them
        details=job.parameters["details"] is True,
    )


@contextmanager
def _garbage_collected_rarely() -> Iterator[None]:
    """Collect garbage rarely: each collection walks the whole inventory, and reading leaves little garbage."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@gives_findings
def audit(
    invocation: Invocation,
    selection: SelectionOptions,
    fail_on: FailOnOptions,
    pace: PaceOptions,
    *,
    details: Annotated[bool, option("--details", "Read each credential, with its age and last use.")] = False,
    refresh: Annotated[
        bool, option("--refresh", "First list all accounts and the names of their organizational units.")
    ] = False,
) -> int:
    """Show which accounts have root user credentials.

    Opens a read-only root session in each ACTIVE member account and reads the account summary: two calls per account.
    Without a selection, it reads the whole organization. The tree ends with the number of root logins left to secure.

    Reads known accounts while it lists the organization; --refresh waits for the complete listing. -o jsonl writes each
    account as soon as it is read. Ctrl-C once stops the audit and leaves a job that rootkeeper jobs resume continues;
    twice stops it now.

    It counts as the re-read after closed recovery windows. If credentials are back, the window says that someone else
    reopened it, and has to be closed again.

    If a set-up was accepted (rootkeeper status --accept), it also reads the guardrails and reports drift from that
    set-up. Drift doesn't change the exit status.

    Changes: nothing in AWS. {AUDIT_EVENTS} Events of root users can trigger alarms.

    AWS permissions: sts:AssumeRoot with the task policy IAMAuditRootUserCredentials;
    organizations:DescribeOrganization, organizations:ListAccounts, organizations:ListRoots,
    organizations:ListOrganizationalUnitsForParent, organizations:ListAccountsForParent,
    organizations:ListDelegatedAdministrators, organizations:ListTagsForResource (only with --tag);
    iam:ListOrganizationsFeatures, and iam:GetAccountSummary for the root user of the management account. If a set-up
    was accepted, or a policy blocks that AWS doesn't name: organizations:ListPolicies,
    organizations:ListTargetsForPolicy, organizations:DescribePolicy.

    An account that can't be read keeps its last reading, with the failed attempt beside it, until that reading is older
    than the setting history.stale_after; then it is unknown. If AWS denies a root session in each of the first accounts
    (setting aws.stop_after_denied), the audit stops.

    Exit statuses: 0 no findings; 1 findings that --fail-on names; 2 wrong usage; 3 AWS or the ledger refused, or AWS
    can't be reached; 5 no such finding, but accounts couldn't be read; 130 interrupted.
    """
    output = invocation.choose_output_or_findings(*AUDIT_OUTPUTS)
    findings = fail_on.to_set()
    request = AuditRequest(selection.to_request_or_everything(), details, refresh, findings)
    with open_operator(invocation, api_share=pace.api_share) as operator:
        operator.warn_overdue()
        return run_audit(
            lambda stop, emit: operator.audit(request, stop, emit),
            output,
            invocation.terminal,
            findings,
            details=details,
        )


application = command(audit, AUDIT_EVENTS=AUDIT_EVENTS)
