"""Policies of buckets and queues, and what came of a change, as JSON values."""

from __future__ import annotations

import json
from typing import Any

from rootkeeper.aws.rules import Resource
from rootkeeper.unlock.rules import LockingStatement, correct_policy, hash_policy
from rootkeeper.unlock.service import ResourceListing, ResourcePolicyState, UnlockOutcome, UnlockPlan
from rootkeeper.values import JsonValue

SCHEMA_VERSION = 1


def listing_to_record(listing: ResourceListing, organization_id: str) -> dict[str, JsonValue]:
    """Every bucket or queue of an account."""
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": organization_id,
        "account_id": listing.account.account_id,
        "service": listing.kind.value,
        f"{listing.kind.noun}s": [_describe_listed(resource_state) for resource_state in listing.resource_states],
        "unread_regions": [{"region": one.region, "reason": one.reason} for one in listing.unread_regions],
        "unknown": listing.unknown,
    }


def resource_policy_to_record(resource_state: ResourcePolicyState, organization_id: str) -> dict[str, JsonValue]:
    """One policy, and the one that is offered in its place."""
    return {
        **_describe_place(resource_state.resource, organization_id),
        "verdict": resource_state.lockout.verdict.value,
        "explanation": resource_state.lockout.explanation,
        "protected": resource_state.is_protected,
        "sha256": None if resource_state.policy is None else hash_policy(resource_state.policy),
        "policy": _read_json(resource_state.policy),
        "policy_text": resource_state.policy,
        "locking_statements": [_describe_statement(statement) for statement in resource_state.lockout.statements],
        "corrected_policy": _read_json(_find_correction(resource_state)),
    }


def unneeded_to_record(plan: UnlockPlan, organization_id: str) -> dict[str, JsonValue]:
    """Why nothing was done."""
    verdict = plan.resource_state.lockout.verdict.value
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
        "verdict_before": outcome.plan.resource_state.lockout.verdict.value,
        "verdict_after": None if outcome.found is None else outcome.found.verdict.value,
        "saved": None if saved is None else {"path": str(saved.path), "sha256": saved.sha256},
    }


def _describe_listed(resource_state: ResourcePolicyState) -> dict[str, JsonValue]:
    lockout = resource_state.lockout
    return {
        "name": resource_state.resource.name,
        "region": resource_state.resource.region,
        "verdict": lockout.verdict.value,
        "explanation": lockout.explanation,
        "locking_statements": [statement.name.removeprefix("statement ") for statement in lockout.statements],
        "protected": resource_state.is_protected,
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
    return {**_describe_place(plan.resource_state.resource, organization_id), "change": plan.request.change.value}


def _describe_statement(statement: LockingStatement) -> dict[str, JsonValue]:
    return {
        "number": statement.number + 1,
        "sid": statement.content.get("Sid"),
        "verdict": statement.verdict.value,
        "explanation": statement.explanation,
        "exceptions": list(statement.exceptions),
        "conditions": list(statement.conditions),
    }


def _find_correction(resource_state: ResourcePolicyState) -> str | None:
    if resource_state.policy is None or not resource_state.lockout.statements:
        return None
    return correct_policy(resource_state.policy, resource_state.lockout, resource_state.resource)


def _read_json(policy: str | None) -> Any:
    """The policy as JSON within JSON; the text itself where it is none."""
    try:
        return None if policy is None else json.loads(policy)
    except ValueError:
        return policy
