"""Reports made from what a server kept: audits, preflights, deletions, and the organization that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rootkeeper.cli.operator.remote_jobs import RemoteJobs
from rootkeeper.domain.account_records import account_from_record
from rootkeeper.domain.audit_records import head_from_record
from rootkeeper.domain.deletion import AccountDeletion, DeletionPlan, DeletionReport, PlannedAccount
from rootkeeper.domain.jobs import Job, JobState
from rootkeeper.domain.organizations import (
    Caller,
    Endpoint,
    Inventory,
    Organization,
    OrganizationalUnit,
    parse_account_id,
)
from rootkeeper.domain.preflight_records import row_from_record
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.selection import EVERYTHING, SelectionRequest, Skip, SkipReason
from rootkeeper.domain.selection_records import request_from_record
from rootkeeper.domain.statuses import AccountStatus, FailOn
from rootkeeper.remote.server import RemoteServer
from rootkeeper.workflows.audit import AuditReport
from rootkeeper.workflows.preflight import PreflightReport
from rootkeeper.workflows.target_deletion import describe_not_begun, describe_skipped

_NOTHING = Skip(SkipReason.NOTHING_TO_DELETE, "The plan has no calls for it.")


def read_audit(server: RemoteServer, outcome: Any, job: Job) -> AuditReport:
    """What the audit of that job found, in the order of the organization's tree.

    :raises ServerUnreachableError: if the answer can't be understood.
    """
    parse_answer = server.connection.parse_answer
    head = parse_answer(head_from_record, outcome)
    statuses = _parse_statuses(server, server.list_audited(job.job_id))
    request = parse_answer(_parse_request, job)
    is_whole = request == replace(EVERYTHING, statuses=request.statuses)
    inventory = _read_inventory(server, statuses if is_whole else None)
    return AuditReport(
        inventory=replace(inventory, listed_at=head.listed_at),
        caller=parse_answer(_parse_caller, head.caller_arn),
        endpoint=Endpoint(head.endpoint),
        started_at=head.started_at,
        ended_at=head.ended_at,
        accounts=tuple(one for one in statuses if not request.statuses or one.status in request.statuses),
        drift=head.drift,
        is_inventory_complete=head.is_inventory_complete,
    )


def read_preflight(server: RemoteServer, outcome: Any) -> PreflightReport:
    """What a preflight found.

    :raises ServerUnreachableError: if the answer can't be understood.
    """
    inventory = _read_inventory(server)
    return server.connection.parse_answer(lambda record: _parse_preflight(record, inventory), outcome)


def read_deletion(jobs: RemoteJobs, job: Job, plan: DeletionPlan, results: Sequence[AccountDeletion]) -> DeletionReport:
    """What came of every account of the plan; the job may have ended before its end."""
    head = jobs.find_outcome(job.job_id) or {}
    report = DeletionReport(
        plan=plan,
        caller_arn=str(head.get("caller_arn") or plan.caller_arn),
        started_at=_find_time(head.get("started_at")) or job.created_at,
        ended_at=job.ended_at or job.updated_at,
        accounts=_list_outcomes(plan, results),
        job_id=job.job_id,
    )
    if not report.has_rest:
        return report
    is_cancelled = job.state is JobState.CANCELLED
    return replace(report, stopped_by=job.remark, was_interrupted=is_cancelled, is_cancelled=is_cancelled)


def report_nothing(plan: DeletionPlan, now: datetime) -> DeletionReport:
    """Of a plan without targets, which the server isn't asked to do."""
    return DeletionReport(plan, plan.caller_arn, now, now, _list_outcomes(plan, ()))


def has_findings(plan: DeletionPlan, findings: frozenset[FailOn]) -> bool:
    """As the statuses that the plan rests on have it; a failsafe that is in order isn't a finding."""
    if FailOn.UNKNOWN in findings and plan.has_unknown:
        return True
    return FailOn.PRESENT in findings and any(
        account.found is not None
        and not account.found.summary.is_empty
        and not (account.account_id in plan.included_failsafes and _is_in_order(account.found.summary))
        for account in plan.accounts
    )


def _is_in_order(found: RootCredentialsSummary) -> bool:
    return found.has_mfa_devices and not (found.has_access_keys or found.has_signing_certificates)


def _list_outcomes(plan: DeletionPlan, results: Sequence[AccountDeletion]) -> tuple[AccountDeletion, ...]:
    by_id = {result.account_id: result for result in results}

    def find(planned: PlannedAccount) -> AccountDeletion:
        if planned.calls:
            return by_id.get(planned.account_id) or describe_not_begun(planned)
        return describe_skipped(planned, planned.skip or _NOTHING)

    return tuple(find(planned) for planned in plan.accounts)


def _read_inventory(server: RemoteServer, known: Sequence[AccountStatus] | None = None) -> Inventory:
    """The organization's tree as the server listed it last.

    :param known: its accounts where they are known; else the server is asked for them.
    """
    record = server.read_organization()
    statuses = _parse_statuses(server, server.list_accounts()) if known is None else known
    return Inventory(
        organization=server.connection.parse_answer(_parse_organization, record),
        accounts=tuple(status.account for status in statuses),
        organizational_units=server.connection.parse_answer(_parse_units, record),
        listed_at=server.connection.parse_answer(datetime.fromisoformat, record["listed_at"]),
    )


def _parse_statuses(server: RemoteServer, records: Iterable[Any]) -> list[AccountStatus]:
    """In the order of the tree, as an inventory has them."""
    return sorted((server.connection.parse_answer(account_from_record, record) for record in records), key=_place_of)


def _place_of(status: AccountStatus) -> tuple[list[str], str, str]:
    account = status.account
    return account.ou_path.split("/"), account.name, account.account_id


def _parse_request(job: Job) -> SelectionRequest:
    selection: Any = job.parameters["selection"]
    return request_from_record(selection)


def _parse_caller(arn: str) -> Caller:
    """:raises ValueError: if it isn't an ARN."""
    _, partition, _, _, account_id, _ = arn.split(":", 5)
    return Caller(parse_account_id(account_id), arn, partition)


def _parse_organization(record: Mapping[str, Any]) -> Organization:
    return Organization(
        organization_id=record["organization_id"],
        management_account_id=parse_account_id(record["management_account_id"]),
        has_all_features=record["has_all_features"] is True,
        partition=record["partition"],
    )


def _parse_units(record: Mapping[str, Any]) -> tuple[OrganizationalUnit, ...]:
    return tuple(
        OrganizationalUnit(unit["ou_id"], unit["name"], unit["parent_id"]) for unit in record["organizational_units"]
    )


def _parse_preflight(record: Mapping[str, Any], inventory: Inventory) -> PreflightReport:
    by_id = {account.account_id: account for account in inventory.accounts}
    rows = tuple(row_from_record(row, by_id) for row in record["rows"])
    evaluated = tuple({row.account.account_id: row.account for row in rows}.values())
    others = tuple(account for account in inventory.accounts if account not in evaluated)
    return PreflightReport(
        inventory=inventory,
        caller=_parse_caller(record["caller_arn"]),
        endpoint=Endpoint(record["endpoint"]),
        observed_at=datetime.fromisoformat(record["observed_at"]),
        accounts=evaluated,
        skipped=others[: record["summary"]["skipped"]],
        rows=rows,
        evaluations=0,
    )


def _find_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
