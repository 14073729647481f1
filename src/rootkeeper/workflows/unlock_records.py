"""Policies of buckets and queues, and what came of a change, as JSON values."""

from __future__ import annotations

import json
from typing import Any

from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.resource_policies.corrections import correct_policy
from rootkeeper.domain.resource_policies.documents import hash_policy
from rootkeeper.domain.resource_policies.lockouts import LockingStatement
from rootkeeper.domain.resource_policies.resources import Resource
from rootkeeper.workflows.unlock_planning import UnlockPlan
from rootkeeper.workflows.unlock_reading import PolicyStanding, ResourceListing
from rootkeeper.workflows.unlock_run import UnlockOutcome

SCHEMA_VERSION = 1


def listing_to_record(listing: ResourceListing, organization_id: str) -> dict[str, JsonValue]:
    """Every bucket or queue of an account."""
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": organization_id,
        "account_id": listing.account.account_id,
        "service": listing.kind.value,
        f"{listing.kind.noun}s": [_describe_listed(standing) for standing in listing.standings],
        "unread_regions": [{"region": one.region, "reason": one.reason} for one in listing.unread_regions],
        "unknown": listing.unknown,
    }


def standing_to_record(standing: PolicyStanding, organization_id: str) -> dict[str, JsonValue]:
    """One policy, and the one that is offered in its place."""
    return {
        **_describe_place(standing.resource, organization_id),
        "verdict": standing.lockout.verdict.value,
        "explanation": standing.lockout.explanation,
        "protected": standing.is_protected,
        "sha256": None if standing.policy is None else hash_policy(standing.policy),
        "policy": _read_json(standing.policy),
        "policy_text": standing.policy,
        "locking_statements": [_describe_statement(statement) for statement in standing.lockout.statements],
        "corrected_policy": _read_json(_find_correction(standing)),
    }


def unneeded_to_record(plan: UnlockPlan, organization_id: str) -> dict[str, JsonValue]:
    """Why nothing was done."""
    verdict = plan.standing.lockout.verdict.value
    return {
        **_describe_change(plan, organization_id),
        "result": "unchanged",
        "explanation": plan.obstacle or "",
        "verdict_before": verdict,
        "verdict_after": verdict,
        "saved": None,
    }


def outcome_to_record(outcome: UnlockOutcome, organization_id: str) -> dict[str, JsonValue]:
    """What came of a change."""
    saved = outcome.saved
    return {
        **_describe_change(outcome.plan, organization_id),
        "result": outcome.result.value,
        "explanation": outcome.explanation,
        "verdict_before": outcome.plan.standing.lockout.verdict.value,
        "verdict_after": None if outcome.found is None else outcome.found.verdict.value,
        "saved": None if saved is None else {"path": str(saved.path), "sha256": saved.sha256},
    }


def _describe_listed(standing: PolicyStanding) -> dict[str, JsonValue]:
    lockout = standing.lockout
    return {
        "name": standing.resource.name,
        "region": standing.resource.region,
        "verdict": lockout.verdict.value,
        "explanation": lockout.explanation,
        "locking_statements": [statement.name.removeprefix("statement ") for statement in lockout.statements],
        "protected": standing.is_protected,
    }


def _describe_place(resource: Resource, organization_id: str) -> dict[str, JsonValue]:
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": organization_id,
        "account_id": resource.account_id,
        "service": resource.kind.value,
        "name": resource.name,
        "region": resource.region,
    }


def _describe_change(plan: UnlockPlan, organization_id: str) -> dict[str, JsonValue]:
    return {**_describe_place(plan.standing.resource, organization_id), "change": plan.request.change.value}


def _describe_statement(statement: LockingStatement) -> dict[str, JsonValue]:
    return {
        "number": statement.number + 1,
        "sid": statement.content.get("Sid"),
        "verdict": statement.verdict.value,
        "explanation": statement.explanation,
        "exceptions": list(statement.exceptions),
        "conditions": list(statement.conditions),
    }


def _find_correction(standing: PolicyStanding) -> str | None:
    if standing.policy is None or not standing.lockout.statements:
        return None
    return correct_policy(standing.policy, standing.lockout, standing.resource)


def _read_json(policy: str | None) -> Any:
    """The policy as JSON within JSON; the text itself where it is none."""
    try:
        return None if policy is None else json.loads(policy)
    except ValueError:
        return policy
