"""A preflight's answer as JSON values: what the command line, the API and its client show of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rootkeeper.domain.json_times import json_time
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import Account
from rootkeeper.domain.preflight import PreflightRow, count_verdicts

SCHEMA_VERSION = 1


def row_to_record(row: PreflightRow) -> dict[str, JsonValue]:
    """One account and task."""
    return {
        "account_id": row.account.account_id,
        "task": row.task.value,
        "verdict": row.verdict.value,
        "policies": [
            {
                "policy_id": policy.policy_id,
                "name": policy.name,
                "sid": policy.sid,
                "attached_to": policy.attached_to,
            }
            for policy in row.policies
        ],
        "conditions": list(row.conditions),
        "fix": row.fix,
    }


def preflight_to_record(
    rows: Sequence[PreflightRow],
    *,
    organization_id: str,
    endpoint: str,
    caller_arn: str,
    observed_at: datetime,
    accounts: Sequence[Account],
    skipped: int,
) -> dict[str, JsonValue]:
    """The whole answer; ``docs/reference/preflight.schema.json``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": organization_id,
        "endpoint": endpoint,
        "caller_arn": caller_arn,
        "observed_at": json_time(observed_at),
        "rows": [row_to_record(row) for row in rows],
        "summary": {"accounts": len(accounts), "skipped": skipped, **count_verdicts(rows)},
    }
