"""``plan``, ``apply`` and ``delete`` through a server, and going on with a deletion that a server did in part.

The server plans, the person here sees the plan and agrees to it, and the server does exactly what was agreed to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.confirmation import ChangeOptions, Confirmation
from rootkeeper.cli.deleting import confirm_deletion, judge_dry_run, show_planned, show_report
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.on_server.confirming import open_confirmation
from rootkeeper.cli.on_server.following import end_unfinished, follow
from rootkeeper.cli.rendering.deletions import spoken_totals
from rootkeeper.cli.rendering.text import counted
from rootkeeper.domain.access import Permission
from rootkeeper.domain.deletion import AccountDeletion, DeletionPlan, DeletionReport, PlannedAccount
from rootkeeper.domain.deletion_records import deletion_from_record
from rootkeeper.domain.job_requests import PlanRequest, plan_to_parameters
from rootkeeper.domain.jobs import Job, JobState
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.plan_files import describe_plan, ensure_valid_here, parse_plan
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.selection import SelectionRequest, Skip, SkipReason
from rootkeeper.domain.statuses import FailOn
from rootkeeper.domain.waves import WaveRules, describe_waves
from rootkeeper.workflows.deletion import DeletionOptions
from rootkeeper.workflows.target_deletion import describe_not_begun, describe_skipped

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer

DELETION_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)


def describe_plan_request(request: SelectionRequest, options: DeletionOptions) -> dict[str, Any]:
    """What is asked of the server; for how long a use counts as recent is its own setting."""
    wanted = PlanRequest(
        selection=request,
        only=options.only,
        allowed_uses=tuple(options.allowed_uses.items()),
        not_before=options.not_before,
        not_after=options.not_after,
    )
    return {name: value for name, value in plan_to_parameters(wanted).items() if name != "recent_seconds"}


def make_plan(invocation: Invocation, server: RemoteServer, body: Mapping[str, Any]) -> DeletionPlan | int:
    """The plan, or the exit status where the server made none."""
    job = follow(server, server.jobs.request("plans", body), invocation.terminal)
    if job.state is not JobState.DONE:
        return end_unfinished(server, job, invocation.terminal)
    return parse_plan(json.dumps(server.jobs.read_outcome(job.job_id)))


def has_findings(made: DeletionPlan, findings: frozenset[FailOn]) -> bool:
    """As the statuses that the plan rests on have it; a failsafe that is in order isn't a finding."""
    if FailOn.UNKNOWN in findings and made.has_unknown:
        return True
    return FailOn.PRESENT in findings and any(
        account.found is not None
        and not account.found.summary.is_empty
        and not (account.account_id in made.included_failsafes and _is_in_order(account.found.summary))
        for account in made.accounts
    )


def _is_in_order(found: RootCredentialsSummary) -> bool:
    return found.has_mfa_devices and not (found.has_access_keys or found.has_signing_certificates)


def delete(
    invocation: Invocation, server: RemoteServer, body: Mapping[str, Any], rules: WaveRules, change: ChangeOptions
) -> int:
    """Plan on the server, ask here, delete on the server."""
    confirmation = _begin(invocation, server, change)
    made = make_plan(invocation, server, body)
    if isinstance(made, int):
        return made
    return _agree_and_delete(invocation, server, made, rules, change, confirmation)


def apply(
    invocation: Invocation, server: RemoteServer, made: DeletionPlan, rules: WaveRules, change: ChangeOptions
) -> int:
    """Have the server do what a plan says.

    :raises PlanInvalidError: if it isn't valid there and now.
    """
    membership = server.read_membership()
    ensure_valid_here(
        made,
        organization_id=membership.organization_id,
        endpoint=membership.endpoint.label,
        now=datetime.now(UTC),
    )
    return _agree_and_delete(invocation, server, made, rules, change, _begin(invocation, server, change))


def _begin(invocation: Invocation, server: RemoteServer, change: ChangeOptions) -> Confirmation:
    output = invocation.choose_output(*DELETION_OUTPUTS)
    return open_confirmation(invocation, server, change, output, Permission.ROOT_CREDENTIALS_DELETE)


def _agree_and_delete(
    invocation: Invocation,
    server: RemoteServer,
    made: DeletionPlan,
    rules: WaveRules,
    change: ChangeOptions,
    confirmation: Confirmation,
) -> int:
    output, now = invocation.choose_output(*DELETION_OUTPUTS), datetime.now(UTC)
    if change.dry_run:
        confirmation.show_context()
        show_planned(made, output, invocation.terminal, now, rules)
        return judge_dry_run(made)
    agreed = confirm_deletion(made, confirmation, invocation.terminal, now, rules)
    if not agreed.targets:
        return show_report(_report_nothing(agreed, now), output, invocation.terminal)
    body = {"plan": describe_plan(agreed), "waves": describe_waves(rules)}
    return _finish(invocation, server, server.jobs.request("deletions", body), agreed)


def resume_deletion(
    invocation: Invocation, server: RemoteServer, change: ChangeOptions, job: Job, *, retry_failed: bool
) -> int:
    """Let the server do what is left of the plan; the report covers the whole plan."""
    output = invocation.choose_output(*DELETION_OUTPUTS)
    confirmation = open_confirmation(invocation, server, change, output, Permission.ROOT_CREDENTIALS_DELETE)
    made = _read_plan(server, job)
    rest = _find_rest(made, _list_results(server, job, made), retry_failed=retry_failed)
    if change.dry_run:
        confirmation.show_context()
        show_planned(rest, output, invocation.terminal, datetime.now(UTC))
        return judge_dry_run(made)
    if rest.targets:
        done = len(made.targets) - len(rest.targets)
        statement = [
            (
                f"Go on with job {job.job_id} of {job.created_by}: plan {made.plan_id}, {done} of "
                f"{counted(len(made.targets), 'account')} done."
            ),
            (
                f"Delete root user credentials in {counted(len(rest.targets), 'account')} of {made.organization_id}: "
                f"{spoken_totals(rest)}."
            ),
            "The accounts stay. Keys, certificates and MFA can't be restored.",
        ]
        confirmation.ensure(statement, accounts=len(rest.targets))
    return _finish(invocation, server, server.jobs.resume(job.job_id, retry_failed=retry_failed), made)


def read_results(server: RemoteServer, job: Job) -> tuple[AccountDeletion, ...]:
    """What came of the accounts that have a result, in the order of the plan."""
    made = _read_plan(server, job)
    found = _list_results(server, job, made)
    return tuple(found[planned.account_id] for planned in made.targets if planned.account_id in found)


def _read_plan(server: RemoteServer, job: Job) -> DeletionPlan:
    return parse_plan(json.dumps(server.jobs.read_document(job.job_id)))


def _list_results(server: RemoteServer, job: Job, made: DeletionPlan) -> dict[AccountId, AccountDeletion]:
    recorded = server.jobs.list_results(job.job_id)
    return {
        planned.account_id: server.connection.understand(
            partial(deletion_from_record, planned), recorded[planned.account_id]
        )
        for planned in made.targets
        if planned.account_id in recorded
    }


def _find_rest(made: DeletionPlan, results: Mapping[AccountId, AccountDeletion], *, retry_failed: bool) -> DeletionPlan:
    left = tuple(
        planned
        for planned in made.targets
        if planned.account_id not in results or (retry_failed and results[planned.account_id].is_failure)
    )
    return replace(made, accounts=left)


def _finish(invocation: Invocation, server: RemoteServer, job: Job, made: DeletionPlan) -> int:
    output, terminal = invocation.choose_output(*DELETION_OUTPUTS), invocation.terminal
    job = follow(server, job, terminal)
    if not job.is_over and job.state is not JobState.INTERRUPTED:
        return end_unfinished(server, job, terminal)
    results = _list_results(server, job, made)
    if job.state is JobState.FAILED and not results:
        return end_unfinished(server, job, terminal)
    return show_report(_report(server, job, made, results), output, terminal)


def _report(
    server: RemoteServer, job: Job, made: DeletionPlan, results: Mapping[AccountId, AccountDeletion]
) -> DeletionReport:
    head = server.jobs.find_outcome(job.job_id) or {}
    report = DeletionReport(
        plan=made,
        caller_arn=str(head.get("caller_arn") or made.caller_arn),
        started_at=_parse_time(head.get("started_at")) or job.created_at,
        ended_at=job.ended_at or job.updated_at,
        accounts=tuple(_find_result(planned, results) for planned in made.accounts),
        job_id=job.job_id,
    )
    if not report.has_rest:
        return report
    is_cancelled = job.state is JobState.CANCELLED
    return replace(report, stopped_by=job.remark, was_interrupted=is_cancelled, is_cancelled=is_cancelled)


def _find_result(planned: PlannedAccount, results: Mapping[AccountId, AccountDeletion]) -> AccountDeletion:
    if planned.calls:
        return results.get(planned.account_id) or describe_not_begun(planned)
    return describe_skipped(planned, planned.skip or _NOTHING)


def _report_nothing(made: DeletionPlan, now: datetime) -> DeletionReport:
    accounts = tuple(_find_result(planned, {}) for planned in made.accounts)
    return DeletionReport(made, made.caller_arn, now, now, accounts)


def _parse_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_NOTHING = Skip(SkipReason.NOTHING_TO_DELETE, "The plan has no calls for it.")
