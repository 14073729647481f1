"""Examples of answers for the OpenAPI document, taken from a server in memory.

``python -m tests.functional.api.answer_examples`` writes them to src/rootkeeper/server/examples.json.
"""

from __future__ import annotations

import json
from typing import Any

from rootkeeper.access.rules import ServerRole
from rootkeeper.audit.rules import AuditRequest
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState
from rootkeeper.organization.statuses import AccountRole, AccountStatus, KeptAudit, RootCredentialsSummary, Status
from rootkeeper.server.documents import EXAMPLES_FILE
from rootkeeper.shapes import to_json_record
from tests.fakes.api_services import ENDPOINT, ORGANIZATION_ID, PAYMENTS_ID, FakeServices, make_inventory
from tests.functional.api.serving import ApiServer, start_api

READ = {
    "get_list_accounts": "/accounts",
    "get_list_audits": "/audits",
    "get_list_entries": "/ledger",
    "get_list_exceptions": "/exceptions",
    "get_list_failsafes": "/failsafes",
    "get_list_features": "/features",
    "get_list_identities": "/identities",
    "get_list_jobs": "/jobs",
    "get_list_root_emails": "/root-emails",
    "get_list_schedules": "/schedules",
    "get_list_windows": "/windows",
    "get_show_account": f"/accounts/{PAYMENTS_ID}",
    "get_show_audit": "/audits/j-a0",
    "get_show_emergency_access": "/emergency-access",
    "get_show_job": "/jobs/j-a0",
    "get_show_organization": "/organizations",
    "get_show_overview": "/overview",
    "get_show_picture": "/overview/accounts",
    "get_show_policy": "/policy",
    "get_show_setup": "/setup",
    "get_show_tree": "/organization",
    "get_show_window": "/windows/w-0",
}
"""Operations and what is asked for."""

WINDOW = {"account": "payments", "reason": "The invoice can't be seen", "ticket": "INC-1234", "duration": "2h"}
EXCEPTION = {"account": "payments", "owner": "Ana", "reason": "Its vendor signs in", "until": "2026-03-31T00:00:00Z"}
SETUP = {"features": ["RootCredentialsManagement", "RootSessions"], "delegated_administrator": PAYMENTS_ID}
AUDIT = {"selection": {"organizational_units": ["Root/Workloads"]}}


def collect_examples() -> dict[str, Any]:
    """An answer of each of these operations; the same each time."""
    services = FakeServices()
    _prepare(services)
    with start_api(services) as api:
        return dict(sorted({**_change(api), **_read(api)}.items()))


def render(examples: dict[str, Any]) -> str:
    """As the file has them."""
    return json.dumps(examples, indent=1, ensure_ascii=False) + "\n"


def _prepare(services: FakeServices) -> None:
    found = RootCredentialsSummary(
        has_password=True, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
    )
    now = services.clock.now()
    status = AccountStatus(
        make_inventory().accounts[1], AccountRole.MEMBER, Status.PRESENT, summary=found, observed_at=now
    )
    services.inventory_store.save_statuses([status])
    services.jobs.add(
        Job(
            job_id="j-a0",
            organization_id=ORGANIZATION_ID,
            endpoint=ENDPOINT.label,
            kind=JobKind.AUDIT,
            state=JobState.DONE,
            created_by="ana",
            created_at=now,
            updated_at=now,
            parameters=to_json_record(AuditRequest()),
            progress=JobProgress(1, 1, 1, 0),
            ended_at=now,
        )
    )
    counts = {"accounts": 1, "present": 1, "not_present": 0, "recovery_open": 0, "unknown": 0, "not_applicable": 0}
    services.history.add(KeptAudit("j-a0", now, now, ENDPOINT.label, True, "ana", counts), [status])


def _change(api: ApiServer) -> dict[str, Any]:
    administrator = ServerRole.ADMINISTRATOR
    asked = {
        "post_request_window": ("/windows", WINDOW),
        "post_add_exception": ("/exceptions", EXCEPTION),
        "post_plan_setup": ("/setup/plan", SETUP),
        "post_change_setup": ("/setup", SETUP),
        "post_run_audit": ("/audits", AUDIT),
    }
    return {operation: api.post(path, body, administrator).json for operation, (path, body) in asked.items()}


def _read(api: ApiServer) -> dict[str, Any]:
    return {operation: api.get(path, ServerRole.ADMINISTRATOR).json for operation, path in READ.items()}


if __name__ == "__main__":
    EXAMPLES_FILE.write_text(render(collect_examples()))
