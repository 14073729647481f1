"""``rootkeeper audit``, and the answer of an audit that is resumed."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer

from rootkeeper.audit.service import AuditInterrupted, AuditReport
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.operator.interface import Operator
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import FailOnOptions, PaceOptions, SelectionOptions
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.audits import account_line, show_audit
from rootkeeper.cli.rendering.listings import counted
from rootkeeper.cli.rendering.setups import remark_drift
from rootkeeper.cli.terminal import StopRequests, Terminal
from rootkeeper.errors import InputError
from rootkeeper.jobs.rules import Job
from rootkeeper.organization.progress import StopSignal
from rootkeeper.organization.statuses import AccountStatus, FailOn, has_findings

AUDIT_OUTPUTS = (OutputFormat.TREE, OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
Perform = Callable[[StopSignal, Callable[[AccountStatus], None] | None], "AuditReport | AuditInterrupted"]
_FLUSHING_SECONDS = 0.2


def run_audit(
    perform: Perform, output: OutputFormat, terminal: Terminal, findings: frozenset[FailOn], *, details: bool
) -> int:
    """Audit, show the answer and return the exit status; with ``jsonl`` accounts are shown as they come."""
    lines = _JsonLinesWriter(terminal, details=details)
    with StopRequests() as stop, _garbage_collected_rarely():
        answer = perform(stop, lines.write if output is OutputFormat.JSONL else None)
    if isinstance(answer, AuditInterrupted):
        return _show_interrupted(answer, terminal)
    if output is not OutputFormat.JSONL:
        show_audit(answer, output, terminal, details=details)
    remark_drift(answer.drift, terminal)
    return ExitStatus.BAD if has_findings(answer.accounts, findings) else ExitStatus.GOOD


def resume_audit(
    invocation: Invocation, operator: Operator, job: Job, change: ChangeOptions, *, retry_failed: bool
) -> int:
    """Resume an interrupted audit; the answer covers all of it.

    :raises InputError: if a dry run is asked for.
    """
    output = invocation.choose_output(*AUDIT_OUTPUTS)
    if change.dry_run:
        raise InputError(
            f"Job {job.job_id} is an audit, which changes nothing: it has no dry run.", hint="Leave out --dry-run."
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
    """Looking for garbage means looking at the whole inventory, again and again; reading leaves hardly any."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _show_interrupted(answer: AuditInterrupted, terminal: Terminal) -> int:
    of_all = "" if answer.total is None else f" of {answer.total:,}"
    terminal.remark(f"Interrupted: {counted(answer.read, 'account')}{of_all} read, and kept.")
    if answer.is_cancelled:
        terminal.remark(f"Job {answer.job_id} was cancelled; it can't go on.")
    else:
        terminal.remark(f"Go on with the rest: rootkeeper jobs resume {answer.job_id}", style="bold")
    return ExitStatus.INTERRUPTED


class _JsonLinesWriter:
    """Accounts as lines of JSON, brought out several times a second."""

    def __init__(self, terminal: Terminal, *, details: bool) -> None:
        self._terminal = terminal
        self._details = details
        self._flush_at = 0.0

    def write(self, status: AccountStatus) -> None:
        self._terminal.write(account_line(status, details=self._details))
        now = time.monotonic()
        if now >= self._flush_at:
            self._terminal.finish()
            self._flush_at = now + _FLUSHING_SECONDS


@through_server
def audit(
    invocation: Invocation,
    selection: SelectionOptions,
    fail_on: FailOnOptions,
    pace: PaceOptions,
    *,
    details: Annotated[
        bool, typer.Option("--details", help="Read the credentials one by one, with their ages and last use.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Wait for a complete listing of the accounts, names of units included.")
    ] = False,
) -> int:
    """Show which accounts have root user credentials.

    Opens a root session in each ACTIVE member account that can only read, and asks for the account's summary: two
    calls per account. Without a selection the whole organization is read. The tree ends with the number of root logins
    that are left to secure.

    Accounts that are known from before are read at once, while they are listed anew; where reading ends first, the age
    of the list is told. With -o jsonl each account leaves as soon as it is read. Ctrl-C once finishes what is in flight
    and leaves a job that rootkeeper jobs resume goes on with; twice stops now.

    Once a set-up was accepted (rootkeeper status --accept), every difference from it is told beside the answer, with
    what could have changed it. Guardrails are read meanwhile: an audit that is done waits ten seconds for them at most.
    Drift doesn't change the exit status; that of rootkeeper status does.

    Changes: nothing in AWS. Each account records two events in CloudTrail, which alarms on root activity may see.

    AWS permissions: sts:AssumeRoot with the task policy IAMAuditRootUserCredentials;
    organizations:DescribeOrganization,
    organizations:ListAccounts, organizations:ListRoots, organizations:ListOrganizationalUnitsForParent,
    organizations:ListAccountsForParent, organizations:ListDelegatedAdministrators,
    organizations:ListTagsForResource (only with --tag);
    iam:ListOrganizationsFeatures, and iam:GetAccountSummary for the management account's own root user. Once a
    set-up was accepted, and where a policy blocks that AWS doesn't name: organizations:ListPolicies,
    organizations:ListTargetsForPolicy, organizations:DescribePolicy.

    Exit statuses: 0 no findings; 1 findings as --fail-on says; 2 wrong usage; 3 AWS or the ledger refused, or AWS can't
    be reached.
    """
    from rootkeeper.audit.rules import AuditRequest

    output = invocation.choose_output(*AUDIT_OUTPUTS)
    findings = fail_on.to_set()
    chosen = selection.to_request()
    if chosen.is_empty:
        chosen = replace(chosen, everything=True)
    request = AuditRequest(chosen, details, refresh, findings)
    with open_operator(invocation, api_share=pace.api_share) as operator:
        operator.warn_overdue()
        return run_audit(
            lambda stop, emit: operator.audit(request, stop, emit),
            output,
            invocation.terminal,
            findings,
            details=details,
        )


application = single(audit)
