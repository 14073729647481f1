"""A preflight's answer as JSON values: what the command line, the API and its client show of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rootkeeper.domain.json_times import json_time
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import Account, AccountId
from rootkeeper.domain.policies.evaluation import AccessVerdict
from rootkeeper.domain.preflight import BlockingPolicy, PreflightRow, count_verdicts
from rootkeeper.domain.preflight_tasks import Task

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


def row_from_record(record: Mapping[str, Any], accounts: Mapping[AccountId, Account]) -> PreflightRow:
    """Read what ``row_to_record`` made.

    :param accounts: by their ids; the record has only the id.
    :raises KeyError: if something is missing, or the account isn't among them.
    :raises ValueError: if a value is none that a row has.
    """
    return PreflightRow(
        account=accounts[record["account_id"]],
        task=Task(record["task"]),
        verdict=AccessVerdict(record["verdict"]),
        policies=tuple(
            BlockingPolicy(one["policy_id"], one["name"], one["sid"], one["attached_to"]) for one in record["policies"]
        ),
        conditions=tuple(record["conditions"]),
        fix=record["fix"],
    )


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
