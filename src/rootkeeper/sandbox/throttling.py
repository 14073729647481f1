"""Refuses calls that come faster than AWS allows, each service in its own words.

Buckets fill by real time and not by the sandbox's clock: what they measure is how fast a client sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from rootkeeper.sandbox.exchange import Call, ServiceError
from rootkeeper.sandbox.rates import RATES, SHARED_RATES, Rate, Scope

_ORGANIZATIONS_MESSAGE = (
    "You have sent too many requests in too short a period of time. The quota helps protect against"
    " denial-of-service attacks. Try again later."
)
_USUAL_ERROR = ServiceError("Throttling", "Rate exceeded", 400)
THROTTLING_ERRORS: Mapping[str, ServiceError] = {
    "account": ServiceError("TooManyRequestsException", "Rate exceeded", 429),
    "iam": ServiceError("Throttling", "Rate exceeded", 400),
    "organizations": ServiceError(
        "TooManyRequestsException", _ORGANIZATIONS_MESSAGE, 400, {"Type": "RATE_LIMIT_EXCEEDED"}
    ),
    "sso-admin": ServiceError("ThrottlingException", "Rate exceeded", 400),
    "sts": ServiceError("Throttling", "Rate exceeded", 400),
}
"""Source: aws-facts F3. The texts of IAM, Organizations and Account Management and the value of Type are assumed."""


def find_throttling_error(service: str) -> ServiceError:
    """Give a service's refusal of calls that come too fast; services not known to have their own say ``Throttling``."""
    return replace(THROTTLING_ERRORS.get(service, _USUAL_ERROR))


class Throttle(Protocol):
    """What the request path asks whether a call comes too fast."""

    def find_refusal(self, call: Call) -> ServiceError | None:
        """Count the call, or say how it is refused; a refused call uses nothing up."""


class Unthrottled:
    """Lets every call pass."""

    def find_refusal(self, call: Call) -> ServiceError | None:  # noqa: ARG002 - of a Throttle
        return None


@dataclass(slots=True)
class _Bucket:
    rate: Rate
    tokens: float
    filled_at: float

    def fill(self, now: float) -> None:
        self.tokens = min(self.rate.burst, self.tokens + (now - self.filled_at) * self.rate.per_second)
        self.filled_at = now


@dataclass(slots=True)
class AwsThrottle:
    """Token buckets with AWS's rates."""

    read_seconds: Callable[[], float] = time.monotonic
    max_buckets: int = 50_000
    """Regions and parameters come from clients; buckets that are full again are forgotten beyond this number."""
    _buckets: dict[tuple[str, ...], _Bucket] = field(default_factory=dict)

    def find_refusal(self, call: Call) -> ServiceError | None:
        """Count the call in all its buckets, or refuse it without counting when one of them is empty."""
        buckets = self._find_buckets(call)
        if any(bucket.tokens < 1 for bucket in buckets):
            return find_throttling_error(call.service)
        for bucket in buckets:
            bucket.tokens -= 1
        return None

    def _find_buckets(self, call: Call) -> list[_Bucket]:
        own = [(rate, call.operation) for rate in RATES.get(call.service, {}).get(call.operation, ())]
        shared = [(rate, "") for rate in SHARED_RATES.get(call.service, ())]
        return [
            self._bucket(rate, (call.service, operation, rate.scope, *holder))
            for rate, operation in (*own, *shared)
            if (holder := _find_holder(rate.scope, call)) is not None
        ]

    def _bucket(self, rate: Rate, key: tuple[str, ...]) -> _Bucket:
        now = self.read_seconds()
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget_full_ones(now)
            bucket = self._buckets[key] = _Bucket(rate, rate.burst, now)
        bucket.fill(now)
        return bucket

    def _forget_full_ones(self, now: float) -> None:
        if len(self._buckets) < self.max_buckets:
            return
        for bucket in self._buckets.values():
            bucket.fill(now)
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket.tokens < bucket.rate.burst}


def _find_holder(scope: Scope, call: Call) -> tuple[str, ...] | None:
    """Name whose bucket counts the call; ``None`` where there is none, such as an organization's for a stranger."""
    account_id = call.principal.account_id
    if scope is Scope.ACCOUNT:
        return (account_id,)
    if scope is Scope.ACCOUNT_AND_REGION:
        return (account_id, call.region)
    if scope is Scope.ORGANIZATION:
        return (call.world.organization_id,) if call.world.is_in_organization(account_id) else None
    target = call.parameters.get("AccountId")
    return (target,) if isinstance(target, str) else None


def make_throttle(name: str) -> Throttle:
    """Make what ``--throttle`` names: ``aws`` or ``none``.

    :raises ValueError: if it names neither.
    """
    if name not in ("aws", "none"):
        raise ValueError(f"throttle must be aws or none, not {name!r}.")
    return AwsThrottle() if name == "aws" else Unthrottled()
