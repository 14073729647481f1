"""Keeps the calls of this process below the published rates: a token bucket per quota.

A quota is an API of Organizations, or STS as a whole, for one caller account and Region; a gateway has one of each, so
its pacer has one bucket per quota. Every attempt takes a token, retries included. AssumeRoot is charged to the caller's
account, whatever its target; calls inside a root session are charged to the member account and aren't paced.

Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, "IAM and AWS STS quotas".
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from rootkeeper.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Rate:
    """A published rate."""

    per_second: float
    burst: int


STS_RATE = Rate(600, 600)
"""All STS operations of an account in a Region together."""

ORGANIZATIONS_RATES: Mapping[str, Rate] = {
    "DeregisterDelegatedAdministrator": Rate(1, 2),
    "DescribeAccount": Rate(20, 30),
    "DescribeOrganization": Rate(1, 2),
    "DisableAWSServiceAccess": Rate(1, 2),
    "EnableAWSServiceAccess": Rate(1, 2),
    "ListAWSServiceAccessForOrganization": Rate(1, 3),
    "ListAccounts": Rate(8, 12),
    "ListAccountsForParent": Rate(5, 8),
    "ListDelegatedAdministrators": Rate(5, 8),
    "ListOrganizationalUnitsForParent": Rate(5, 8),
    "ListRoots": Rate(1, 2),
    "ListTagsForResource": Rate(10, 15),
    "RegisterDelegatedAdministrator": Rate(1, 2),
}
"""Per account and API; the rates per organization are higher."""


class TokenBucket:
    """Holds ``rate.burst`` tokens at most and gains ``rate.per_second`` each second; safe in many threads."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = float(rate.burst)
        self._counted_at = clock.monotonic()
        self._guard = threading.Lock()

    def take(self) -> None:
        """Take one token; sleep until it is due if there is none. Waiting threads are served in order."""
        wait_seconds = self._reserve()
        if wait_seconds > 0:
            self._clock.sleep(wait_seconds)

    def _reserve(self) -> float:
        with self._guard:
            now = self._clock.monotonic()
            gained = (now - self._counted_at) * self._rate.per_second
            self._tokens = min(float(self._rate.burst), self._tokens + gained) - 1
            self._counted_at = now
            return -self._tokens / self._rate.per_second


class Pacer:
    """The buckets of one caller account and Region."""

    def __init__(self, clock: Clock, api_share: float) -> None:
        rates = {("organizations", operation): rate for operation, rate in ORGANIZATIONS_RATES.items()}
        rates["sts", ""] = STS_RATE
        self._buckets = {
            quota: TokenBucket(Rate(rate.per_second * api_share, rate.burst), clock) for quota, rate in rates.items()
        }

    def take(self, service: str, operation: str) -> None:
        """Wait for a token of the quota that the operation counts against, if a rate is published for it."""
        bucket = self._buckets.get((service, "" if service == "sts" else operation))
        if bucket is not None:
            bucket.take()
