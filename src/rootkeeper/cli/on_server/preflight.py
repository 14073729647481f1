"""``preflight --server``: the server reads the policies, and its answer is shown as that of one of our own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.on_server.following import end_unfinished, follow
from rootkeeper.cli.on_server.inventories import parse_caller, read_inventory
from rootkeeper.cli.on_server.overdue import name_overdue
from rootkeeper.cli.rendering.preflights import show_preflight
from rootkeeper.domain.job_requests import PreflightRequest, preflight_to_parameters
from rootkeeper.domain.jobs import JobState
from rootkeeper.domain.organizations import Account, AccountId, Endpoint, Inventory
from rootkeeper.domain.policies.evaluation import Verdict
from rootkeeper.domain.preflight import BlockingPolicy, PreflightRow, has_blocked
from rootkeeper.domain.preflight_tasks import Task
from rootkeeper.domain.selection import SelectionRequest
from rootkeeper.workflows.preflight import PreflightReport

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def preflight(invocation: Invocation, server: RemoteServer, request: SelectionRequest, output: OutputFormat) -> int:
    """Have it judged, wait for it, and show what came of it."""
    name_overdue(server, invocation.terminal)
    body = preflight_to_parameters(PreflightRequest(request))
    job = follow(server, server.jobs.request("preflights", body), invocation.terminal)
    if job.state is not JobState.DONE:
        return end_unfinished(server, job, invocation.terminal)
    record, inventory = server.jobs.read_outcome(job.job_id), read_inventory(server)
    report = server.connection.understand(lambda outcome: _parse_report(outcome, inventory), record)
    show_preflight(report, output, invocation.terminal)
    return ExitStatus.BAD if has_blocked(report.rows) else ExitStatus.GOOD


def _parse_report(record: Mapping[str, Any], inventory: Inventory) -> PreflightReport:
    by_id = {account.account_id: account for account in inventory.accounts}
    rows = tuple(_parse_row(row, by_id) for row in record["rows"])
    judged = tuple({row.account.account_id: row.account for row in rows}.values())
    others = tuple(account for account in inventory.accounts if account not in judged)
    return PreflightReport(
        inventory=inventory,
        caller=parse_caller(record["caller_arn"]),
        endpoint=Endpoint(record["endpoint"]),
        observed_at=datetime.fromisoformat(record["observed_at"]),
        accounts=judged,
        skipped=others[: record["summary"]["skipped"]],
        rows=rows,
        evaluations=0,
    )


def _parse_row(record: Mapping[str, Any], by_id: Mapping[AccountId, Account]) -> PreflightRow:
    return PreflightRow(
        account=by_id[record["account_id"]],
        task=Task(record["task"]),
        verdict=Verdict(record["verdict"]),
        policies=tuple(
            BlockingPolicy(one["policy_id"], one["name"], one["sid"], one["attached_to"]) for one in record["policies"]
        ),
        conditions=tuple(record["conditions"]),
        fix=record["fix"],
    )
