"""Policies of buckets and queues, and the results of changes, as JSON values."""

from __future__ import annotations

import json
from typing import Any, Literal

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.ledger.rules import Result
from rootkeeper.shapes import (
    SCHEMA_VERSION,
    AccountNumber,
    Answer,
    JsonRecord,
    Ordinal,
    OrganizationId,
    Sha256,
    fill_record,
    filled_from,
    record,
    record_of,
)
from rootkeeper.unlock import service
from rootkeeper.unlock.rules import ChangeKind, LockingStatement, LockoutVerdict, correct_policy, hash_policy
from rootkeeper.unlock.service import ResourceListing, ResourcePolicyState, UnlockOutcome, UnlockPlan


@filled_from(
    name="resource.name",
    region="resource.region",
    verdict="lockout.verdict",
    explanation="lockout.explanation",
    protected="is_protected",
)
class ListedResource(JsonRecord):
    """A bucket or queue."""

    name: str
    region: str
    verdict: LockoutVerdict
    explanation: str
    locking_statements: list[str]
    """By Sid, or by place in the policy counted from 1."""
    protected: bool
    """Whether the settings keep its policy from being changed."""


@record_of(service.UnreadRegion)
class UnreadRegion(JsonRecord):
    """A Region where the queues couldn't be listed, so they aren't known."""


@record
class ResourceListingRecord(Answer):
    """Of an account whose buckets or queues were looked for."""

    organization_id: OrganizationId
    account_id: AccountNumber
    unread_regions: list[UnreadRegion]
    unknown: str | None
    """Why nothing could be listed, and which role can list it."""


@record
class BucketListing(ResourceListingRecord):
    """The buckets of an account."""

    service: Literal[ResourceKind.BUCKET]
    buckets: list[ListedResource]


@record
class QueueListing(ResourceListingRecord):
    """The queues of an account."""

    service: Literal[ResourceKind.QUEUE]
    queues: list[ListedResource]


@record
class PolicyPlace(Answer):
    """The bucket or queue."""

    organization_id: OrganizationId
    account_id: AccountNumber
    service: ResourceKind
    name: str
    region: str
    """Empty where it isn't known."""


@record_of(LockingStatement, without=("name", "content"), before={"sid": "verdict", "explanation": "exceptions"})
class LockingStatementRecord(JsonRecord):
    """A statement that keeps everyone, or everyone but its exceptions, from changing the policy."""

    number: Ordinal
    """Its place in the policy."""
    sid: str | None
    verdict: Literal[LockoutVerdict.LOCKED, LockoutVerdict.DEPENDS]
    explanation: str


@filled_from(
    account_id="resource.account_id",
    service="resource.kind",
    name="resource.name",
    region="resource.region",
    verdict="lockout.verdict",
    explanation="lockout.explanation",
    protected="is_protected",
    policy_text="policy",
    locking_statements="lockout.statements",
)
@record
class ShownPolicyRecord(PolicyPlace):
    """The policy of a bucket or queue."""

    verdict: LockoutVerdict
    explanation: str
    protected: bool
    """Whether the settings keep it from being changed."""
    sha256: Sha256 | None
    """Of the policy's text."""
    policy: Any
    """As JSON; the text itself where it is none, and ``null`` without a policy."""
    policy_text: str | None
    """Exactly as AWS gave it."""
    locking_statements: list[LockingStatementRecord]
    corrected_policy: Any
    """Without the locking statements; ``null`` where none locks, or nothing is left of it."""


@record_of(service.SavedCopy)
class SavedPolicy(JsonRecord):
    """The saved copy of the previous policy."""

    path: str
    sha256: Sha256


@filled_from(
    account_id="resource_state.resource.account_id",
    service="resource_state.resource.kind",
    name="resource_state.resource.name",
    region="resource_state.resource.region",
    change="request.change",
    verdict_before="resource_state.lockout.verdict",
)
@record
class ChangedPolicyRecord(PolicyPlace):
    """The result of a policy change on a bucket or queue."""

    change: ChangeKind
    result: Result | Literal["unchanged"]
    """``done`` only as a re-read shows; ``unchanged``: there was nothing to do."""
    explanation: str
    verdict_before: LockoutVerdict
    verdict_after: LockoutVerdict | None
    """``null`` if it couldn't be re-read."""
    saved: SavedPolicy | None
    """``null`` if there was none."""


def listing_to_record(listing: ResourceListing, organization_id: str) -> dict[str, Any]:
    resources = [
        fill_record(
            ListedResource,
            state,
            locking_statements=[statement.name.removeprefix("statement ") for statement in state.lockout.statements],
        )
        for state in listing.resource_states
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": organization_id,
        "account_id": listing.account.account_id,
        "service": listing.kind.value,
        f"{listing.kind.noun}s": resources,
        "unread_regions": [fill_record(UnreadRegion, region) for region in listing.unread_regions],
        "unknown": listing.unknown,
    }


def resource_policy_to_record(resource_state: ResourcePolicyState, organization_id: str) -> ShownPolicyRecord:
    """Render a policy, and the corrected policy that can replace it."""
    resource, policy, lockout = resource_state.resource, resource_state.policy, resource_state.lockout
    corrected = None if policy is None or not lockout.statements else correct_policy(policy, lockout, resource)
    return fill_record(
        ShownPolicyRecord,
        resource_state,
        organization_id=organization_id,
        sha256=None if policy is None else hash_policy(policy),
        policy=_read_json(policy),
        corrected_policy=_read_json(corrected),
    )


def unneeded_to_record(plan: UnlockPlan, organization_id: str) -> ChangedPolicyRecord:
    """Render a change that wasn't needed, with the reason."""
    return fill_record(
        ChangedPolicyRecord,
        plan,
        organization_id=organization_id,
        result="unchanged",
        explanation=plan.obstacle or "",
        verdict_after=plan.resource_state.lockout.verdict,
        saved=None,
    )


def outcome_to_record(outcome: UnlockOutcome, organization_id: str) -> ChangedPolicyRecord:
    return fill_record(
        ChangedPolicyRecord,
        outcome.plan,
        organization_id=organization_id,
        result=outcome.result,
        explanation=outcome.explanation,
        verdict_after=None if outcome.found is None else outcome.found.verdict,
        saved=outcome.saved,
    )


def _read_json(policy: str | None) -> Any:
    """Parse a policy, so that it becomes JSON within JSON; return the text itself if it isn't JSON."""
    try:
        return None if policy is None else json.loads(policy)
    except ValueError:
        return policy
