"""The least that an audit can cost: what AWS's published rates, the latency and the two calls of an account allow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAGE_SIZE = 20
CALLS_PER_ACCOUNT = 2
ORGANIZATION_PAGES = "ListAccounts"
UNIT_PAGES = "ListOrganizationalUnitsForParent"
SESSIONS = "AssumeRoot"
RATES: Mapping[str, float] = {ORGANIZATION_PAGES: 8, UNIT_PAGES: 5, SESSIONS: 600}
"""Calls a second. Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, quotas of STS."""


LISTING_BURST = 12


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

    @property
    def account_pages(self) -> int:
        return math.ceil(self.accounts / PAGE_SIZE)

    @property
    def listing_seconds(self) -> float:
        """How long ListAccounts takes at its published rate, its burst counted in."""
        return max(0.0, self.account_pages - LISTING_BURST) / RATES[ORGANIZATION_PAGES]


def has_credentials(root_user: Mapping[str, Any]) -> bool:
    kinds = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
    return any(root_user[kind] for kind in kinds)


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that one audit can cost."""

    quota_seconds: float
    """Calls ÷ published rate, of the quota that takes longest."""
    quota: str
    """Whose rate it is."""
    latency_seconds: float
    """Latency * calls in the accounts ÷ accounts at a time."""
    calls: int


def find_floor(
    organization: Organization, *, share: float, latency_seconds: float, concurrency: int, is_cold: bool
) -> Floor:
    """Find it. A warm audit knows its accounts and needs no page.

    :param share: the part of the rates that is used, up to 1.
    """
    needed = {SESSIONS: len(organization.readable)}
    if is_cold:
        needed |= {ORGANIZATION_PAGES: organization.account_pages, UNIT_PAGES: organization.unit_pages}
    seconds = {operation: calls / (RATES[operation] * share) for operation, calls in needed.items()}
    quota = max(seconds, key=lambda operation: seconds[operation])
    in_accounts = len(organization.readable) * CALLS_PER_ACCOUNT
    return Floor(
        quota_seconds=seconds[quota],
        quota=quota,
        latency_seconds=latency_seconds * in_accounts / concurrency,
        calls=in_accounts + sum(calls for operation, calls in needed.items() if operation != SESSIONS),
    )
