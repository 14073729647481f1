"""The report of an audit that a server did, put together from what it kept of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.on_server.inventories import parse_caller, parse_statuses, read_inventory
from rootkeeper.domain.audit_records import head_from_record
from rootkeeper.domain.jobs import Job
from rootkeeper.domain.organizations import Endpoint
from rootkeeper.domain.selection import EVERYTHING, SelectionRequest
from rootkeeper.domain.selection_records import request_from_record
from rootkeeper.workflows.audit import AuditReport

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def read_report(server: RemoteServer, job: Job) -> AuditReport:
    """What the audit of that job found, in the order of the organization's tree.

    :raises ServerUnreachableError: if what the server tells can't be understood.
    """
    understand = server.connection.understand
    head = understand(head_from_record, server.jobs.read_outcome(job.job_id))
    statuses = parse_statuses(server, server.list_audited(job.job_id))
    request = understand(_parse_request, job)
    is_whole = request == replace(EVERYTHING, statuses=request.statuses)
    inventory = read_inventory(server, statuses if is_whole else None)
    return AuditReport(
        inventory=replace(inventory, listed_at=head.listed_at),
        caller=understand(parse_caller, head.caller_arn),
        endpoint=Endpoint(head.endpoint),
        started_at=head.started_at,
        ended_at=head.ended_at,
        accounts=tuple(one for one in statuses if not request.statuses or one.status in request.statuses),
        drift=head.drift,
        is_inventory_complete=head.is_inventory_complete,
    )


def _parse_request(job: Job) -> SelectionRequest:
    selection: Any = job.parameters["selection"]
    return request_from_record(selection)
