"""Keeps the calls of this process below the published rates: a token bucket per quota, which adapts.

A quota is an API of Organizations or Account Management, or STS as a whole, for one caller account and Region. Every
attempt takes a token, retries included. AssumeRoot is charged to the caller's account, whatever its target; calls
inside a root session are charged to the member account and aren't paced. A throttle halves a quota's pace.

Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, "IAM and AWS STS quotas".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.client import BaseClient

from rootkeeper.aws.error_table import ERRORS
from rootkeeper.aws.quota_buckets import LocalQuotaStore, QuotaBucket
from rootkeeper.domain.quotas import Rate
from rootkeeper.errors import AwsThrottledError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.quotas import QuotaStore

STS_RATE = Rate(600, 600)
"""All STS operations of an account in a Region together."""

ACCOUNT_RATES: Mapping[str, Rate] = {
    "AcceptPrimaryEmailUpdate": Rate(1, 1),
    "GetPrimaryEmail": Rate(3, 3),
    "StartPrimaryEmailUpdate": Rate(1, 1),
}
"""Per account and API. StartPrimaryEmailUpdate's other rate, 3 in 30 seconds for each target, is left to AWS, since no
command sends two for one account.
"""

ORGANIZATIONS_RATES: Mapping[str, Rate] = {
    "DeregisterDelegatedAdministrator": Rate(1, 2),
    "DescribeAccount": Rate(20, 30),
    "DescribeOrganization": Rate(1, 2),
    "DescribePolicy": Rate(2, 2),
    "DisableAWSServiceAccess": Rate(1, 2),
    "EnableAWSServiceAccess": Rate(1, 2),
    "ListAWSServiceAccessForOrganization": Rate(1, 3),
    "ListAccounts": Rate(8, 12),
    "ListAccountsForParent": Rate(5, 8),
    "ListDelegatedAdministrators": Rate(5, 8),
    "ListOrganizationalUnitsForParent": Rate(5, 8),
    "ListPolicies": Rate(5, 8),
    "ListPoliciesForTarget": Rate(5, 8),
    "ListRoots": Rate(1, 2),
    "ListTagsForResource": Rate(10, 15),
    "ListTargetsForPolicy": Rate(5, 8),
    "RegisterDelegatedAdministrator": Rate(1, 2),
}
"""Per account and API; the rates per organization are higher."""


class Pacer:
    """The buckets of one caller account and Region."""

    def __init__(self, clock: Clock, api_share: float) -> None:
        rates = {("organizations", operation): rate for operation, rate in ORGANIZATIONS_RATES.items()}
        rates |= {("account", operation): rate for operation, rate in ACCOUNT_RATES.items()}
        rates["sts", ""] = STS_RATE
        own = LocalQuotaStore(clock)
        self._buckets = {
            (service, operation): QuotaBucket(f"{service}:{operation or '*'}", rate.share(api_share), clock, own)
            for (service, operation), rate in rates.items()
        }

    def share(self, store: QuotaStore) -> None:
        """Draw on buckets that other processes on the same database draw on too."""
        for bucket in self._buckets.values():
            bucket.share(store)

    def bucket_of(self, service: str, operation: str) -> QuotaBucket:
        """The quota that the operation counts against; there is a published rate for it."""
        return self._buckets[service, "" if service == "sts" else operation]

    def find_bucket(self, service: str, operation: str) -> QuotaBucket | None:
        """The quota that the operation counts against; ``None`` if no rate is published for it."""
        return self._buckets.get((service, "" if service == "sts" else operation))

    def take(self, service: str, operation: str) -> None:
        """Wait for a token of the quota that the operation counts against."""
        bucket = self.find_bucket(service, operation)
        if bucket is not None:
            bucket.take()

    def count_throttles(self) -> dict[str, int]:
        """How often AWS has throttled this process, by quota (``organizations:ListAccounts``); 0 is told too."""
        return {
            f"{service}:{operation or '*'}": bucket.throttles for (service, operation), bucket in self._buckets.items()
        }

    def slow_down(self, service: str, operation: str) -> None:
        """AWS has throttled the operation: halve the pace of its quota."""
        bucket = self.find_bucket(service, operation)
        if bucket is not None:
            bucket.slow_down()


def pace_calls(client: BaseClient, service: str, find_pacer: Callable[[], Pacer]) -> None:
    """Keep the calls of ``client`` below the published rates, retries included."""

    def pace(operation_name: str, **_: object) -> None:
        find_pacer().take(service, operation_name)

    def notice(event_name: str, parsed_response: Mapping[str, Any] | None, **_: object) -> None:
        code = (parsed_response or {}).get("Error", {}).get("Code")
        if ERRORS.get(code) is AwsThrottledError:
            find_pacer().slow_down(service, event_name.rpartition(".")[2])

    # First of the handlers, so that the signature isn't older than the wait for a token.
    client.meta.events.register_first(f"request-created.{service}", pace)
    client.meta.events.register(f"response-received.{service}", notice)
