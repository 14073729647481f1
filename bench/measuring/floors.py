"""The least time that an audit can take: what AWS's published rates and the latency allow, whatever the client.

Bursts are counted: a bucket is full at the start. Pages of one listing come one after the other, since each is asked
for with the token of the one before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAGE_SIZE = 20
ORGANIZATION_PAGES = "ListAccounts"
UNIT_PAGES = "ListOrganizationalUnitsForParent"
SESSIONS = "AssumeRoot"


@dataclass(frozen=True, slots=True)
class Quota:
    """A published rate: ``burst`` calls at once, then ``per_second``."""

    per_second: float
    burst: float


QUOTAS: Mapping[str, Quota] = {
    ORGANIZATION_PAGES: Quota(8, 12),
    UNIT_PAGES: Quota(5, 8),
    SESSIONS: Quota(600, 600),
}
"""Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, quotas of STS. The burst of STS is the
sandbox's.
"""


@dataclass(frozen=True, slots=True)
class Organization:
    """What an audit has to read, as the sandbox knows it."""

    accounts: int
    readable: Mapping[str, bool]
    """ACTIVE member accounts: whether their root user has any credentials."""
    unit_pages: int
    """Pages of the units below the root and below each unit that has any."""

    @classmethod
    def describe(cls, truth: Mapping[str, Any]) -> Organization:
        """Read ``GET /_sandbox/organization``."""
        below = Counter(unit["parent_id"] for unit in truth["organizational_units"])
        management = truth["management_account_id"]
        readable = {
            account["account_id"]: has_credentials(account["root_user"])
            for account in truth["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] != management
        }
        pages = sum(math.ceil(children / PAGE_SIZE) for children in below.values())
        return cls(len(truth["accounts"]), readable, pages)


def has_credentials(root_user: Mapping[str, Any]) -> bool:
    kinds = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
    return any(root_user[kind] for kind in kinds)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast calls may leave, and how long each takes."""

    share: float
    """The part of the quotas that is used, up to 1."""
    latency_seconds: float
    concurrency: int


@dataclass(frozen=True, slots=True)
class Floor:
    """The least time of one audit."""

    quota_seconds: float
    quota: str
    """Whose rate it is."""
    latency_seconds: float
    """Of the two calls that each account costs, so many at a time as Rootkeeper makes."""


def find_floor(organization: Organization, pace: Pace, *, is_cold: bool) -> Floor:
    """Find the quota that takes longest. A warm audit asks for no page before it can end."""
    needed = {SESSIONS: spend(SESSIONS, len(organization.readable), pace)}
    if is_cold:
        pages = math.ceil(organization.accounts / PAGE_SIZE)
        needed[ORGANIZATION_PAGES] = spend_in_turn(ORGANIZATION_PAGES, pages, pace)
        needed[UNIT_PAGES] = spend(UNIT_PAGES, organization.unit_pages, pace)
    quota = max(needed, key=lambda operation: needed[operation])
    return Floor(needed[quota], quota, pace.latency_seconds * len(organization.readable) * 2 / pace.concurrency)


def spend(operation: str, calls: int, pace: Pace) -> float:
    """When the last of ``calls`` may leave."""
    quota = QUOTAS[operation]
    return max(0.0, calls - quota.burst * pace.share) / (quota.per_second * pace.share)


def spend_in_turn(operation: str, calls: int, pace: Pace) -> float:
    """When the last of ``calls`` is answered, each leaving after the answer to the one before."""
    quota = QUOTAS[operation]
    rate, burst = quota.per_second * pace.share, max(1.0, quota.burst * pace.share)
    now, tokens = 0.0, burst
    for _ in range(calls):
        if tokens < 1:
            now += (1 - tokens) / rate
            tokens = 1.0
        tokens = min(burst, tokens - 1 + pace.latency_seconds * rate)
        now += pace.latency_seconds
    return now
