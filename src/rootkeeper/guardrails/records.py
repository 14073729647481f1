"""The result of a preflight as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.guardrails.tasks import Task
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.shapes import AccountNumber, Answer, Count, Endpoint, Moment, OrganizationId, record


@record
class BlockingPolicyRecord(TypedDict):
    """A policy behind a verdict, at one place where it is attached."""

    policy_id: str | None
    """``null`` where a place has no policy at all."""
    name: str | None
    sid: str | None
    """The Deny statement's Sid, or its number; ``null`` where an Allow is missing or the policy couldn't be read."""
    attached_to: str
    """The organization's root, a unit or an account."""


@record
class PreflightRowRecord(TypedDict):
    """The verdict on one task in one account."""

    account_id: AccountNumber
    task: Task
    verdict: AccessVerdict
    policies: list[BlockingPolicyRecord]
    conditions: list[str]
    """What the verdict depends on; if ``unknown``, what is needed to know it."""
    fix: str | None
    """The smallest change that lets the task pass, as unified diffs of the policies' JSON."""


@record
class PreflightCounts(TypedDict):
    """How many accounts were judged, and how many rows have each verdict."""

    accounts: Count
    skipped: Count
    """Selected accounts that aren't judged: the management account, and those that aren't ACTIVE."""
    allowed: Count
    blocked: Count
    depends: Count
    unknown: Count


@record
class PreflightRecord(Answer):
    """Of a preflight."""

    organization_id: OrganizationId
    endpoint: Endpoint
    caller_arn: str
    observed_at: Moment
    rows: list[PreflightRowRecord]
    """Account by account."""
    summary: PreflightCounts
