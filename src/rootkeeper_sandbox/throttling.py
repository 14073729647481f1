"""AWS's published rates as data, and the token buckets that refuse faster calls, in each service's own words.

Buckets fill by the machine's time, because they measure how fast a client sends. IAM publishes no rates and isn't
limited.

Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, quotas of STS; Account Management
guide, "Quotas" (aws-facts F2, F3, E2); Security Hub API Reference, "Welcome".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rootkeeper_sandbox.exchange import Call, ServiceError


class Scope(StrEnum):
    """The holder of a bucket: calls of the same holder are counted together."""

    ACCOUNT = "account"
    """The caller's account."""
    ACCOUNT_AND_REGION = "account_and_region"
    ORGANIZATION = "organization"
    """All accounts of the organization together."""
    TARGET = "target"
    """All calls about the account that the parameter AccountId names."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of a token bucket: ``burst`` calls at once, then ``per_second``."""

    scope: Scope
    per_second: float
    burst: float


def _organizations(account: tuple[float, float], organization: tuple[float, float] | None = None) -> tuple[Rate, ...]:
    rates = (Rate(Scope.ACCOUNT, *account),)
    return (*rates, Rate(Scope.ORGANIZATION, *organization)) if organization else rates


_LISTS_OF_A_PARENT = _organizations((5, 8), (6, 10))
_CHANGES_OF_A_POLICY = _organizations((2, 3))
_CHANGES_OF_TRUST = _organizations((1, 2))
_LISTS_OF_SERVICES = _organizations((1, 3), (1, 4))

RATES: Mapping[str, Mapping[str, tuple[Rate, ...]]] = {
    "account": {
        "AcceptPrimaryEmailUpdate": (Rate(Scope.ACCOUNT, 1, 1),),
        "GetPrimaryEmail": (Rate(Scope.ACCOUNT, 3, 3),),
        "StartPrimaryEmailUpdate": (Rate(Scope.ACCOUNT, 1, 1), Rate(Scope.TARGET, 3 / 30, 3)),
    },
    "organizations": {
        "AttachPolicy": _CHANGES_OF_A_POLICY,
        "CloseAccount": _organizations((0.05, 1)),
        "CreateAccount": _organizations((0.1, 3)),
        "CreatePolicy": _CHANGES_OF_A_POLICY,
        "DeletePolicy": _CHANGES_OF_A_POLICY,
        "DeregisterDelegatedAdministrator": _CHANGES_OF_TRUST,
        "DescribeAccount": _organizations((20, 30), (24, 36)),
        "DescribeOrganization": _organizations((1, 2)),
        "DescribeOrganizationalUnit": _organizations((2, 2), (2, 3)),
        "DescribePolicy": _organizations((2, 2), (2, 3)),
        "DetachPolicy": _CHANGES_OF_A_POLICY,
        "DisableAWSServiceAccess": _CHANGES_OF_TRUST,
        "EnableAWSServiceAccess": _CHANGES_OF_TRUST,
        "ListAWSServiceAccessForOrganization": _LISTS_OF_SERVICES,
        "ListAccounts": _organizations((8, 12), (9, 15)),
        "ListAccountsForParent": _LISTS_OF_A_PARENT,
        "ListChildren": _organizations((6, 10), (7, 12)),
        "ListDelegatedAdministrators": _LISTS_OF_A_PARENT,
        "ListDelegatedServicesForAccount": _LISTS_OF_SERVICES,
        "ListOrganizationalUnitsForParent": _LISTS_OF_A_PARENT,
        "ListParents": _LISTS_OF_A_PARENT,
        "ListPolicies": _LISTS_OF_A_PARENT,
        "ListPoliciesForTarget": _LISTS_OF_A_PARENT,
        "ListRoots": _organizations((1, 2), (1, 3)),
        "ListTagsForResource": _organizations((10, 15), (12, 18)),
        "ListTargetsForPolicy": _LISTS_OF_A_PARENT,
        "RegisterDelegatedAdministrator": _CHANGES_OF_TRUST,
        "UpdatePolicy": _CHANGES_OF_A_POLICY,
    },
    "securityhub": {
        "BatchImportFindings": (Rate(Scope.ACCOUNT_AND_REGION, 10, 30),),
        "DescribeHub": (Rate(Scope.ACCOUNT_AND_REGION, 10, 30),),
        "DisableSecurityHub": (Rate(Scope.ACCOUNT_AND_REGION, 10, 30),),
        "EnableSecurityHub": (Rate(Scope.ACCOUNT_AND_REGION, 10, 30),),
        "GetFindings": (Rate(Scope.ACCOUNT_AND_REGION, 3, 6),),
    },
}
"""By service, then by operation: each operation has buckets of its own (assumed where AWS lists several in a row)."""

SHARED_RATES: Mapping[str, tuple[Rate, ...]] = {"sts": (Rate(Scope.ACCOUNT_AND_REGION, 600, 600),)}
"""By service: one bucket for all its operations. That AssumeRoot shares STS's and the burst are assumed."""

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
    "securityhub": ServiceError("TooManyRequestsException", "Too Many Requests", 429),
    "sso-admin": ServiceError("ThrottlingException", "Rate exceeded", 400),
    "sts": ServiceError("Throttling", "Rate exceeded", 400),
}
"""Source: aws-facts F3. The texts of IAM, Organizations and Account Management and the value of Type are assumed;
Security Hub's is a public report."""


def find_throttling_error(service: str) -> ServiceError:
    """Give a service's refusal of calls that come too fast; services not known to have their own say ``Throttling``."""
    return replace(THROTTLING_ERRORS.get(service, _USUAL_ERROR))


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
    ordered: dict[tuple[str, str], Rate] = field(default_factory=dict)
    """Rates that a test ordered, by service and operation; each replaces all others of its operation."""
    _buckets: dict[tuple[str, ...], _Bucket] = field(default_factory=dict)

    def order(self, service: str, operation: str, rate: Rate) -> None:
        """Limit an operation, from now on and with a full bucket."""
        self.ordered[service, operation] = rate
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[:2] != (service, operation)}

    def clear_orders(self) -> None:
        """Limit all operations by the published rates again."""
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[:2] not in self.ordered}
        self.ordered.clear()

    def find_refusal(self, call: Call) -> ServiceError | None:
        """Count the call in all its buckets, or refuse it without counting when any of them is empty."""
        ordered = self.ordered.get((call.service, call.operation))
        published = RATES.get(call.service, {}).get(call.operation, ())
        own = [(rate, call.operation) for rate in (published if ordered is None else (ordered,))]
        shared = [(rate, "") for rate in (SHARED_RATES.get(call.service, ()) if ordered is None else ())]
        buckets = [
            self._bucket(rate, (call.service, operation, rate.scope, *holder))
            for rate, operation in (*own, *shared)
            if (holder := _find_holder(rate.scope, call)) is not None
        ]
        if any(bucket.tokens < 1 for bucket in buckets):
            return find_throttling_error(call.service)
        for bucket in buckets:
            bucket.tokens -= 1
        return None

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
    """Name the holder of the call's bucket; ``None`` where there is none, such as an organization for a stranger."""
    account_id = call.principal.account_id
    if scope is Scope.ACCOUNT:
        return (account_id,)
    if scope is Scope.ACCOUNT_AND_REGION:
        return (account_id, call.region)
    if scope is Scope.ORGANIZATION:
        return (call.world.organization_id,) if call.world.is_in_organization(account_id) else None
    target = call.parameters.get("AccountId")
    return (target,) if isinstance(target, str) else None


_ORDER_FIELDS = frozenset({"service", "operation", "per_second", "burst"})
_FASTEST = 1_000_000


def parse_order(body: object, served: Mapping[str, Container[str]]) -> tuple[str, str, Rate]:
    """Parse the body of ``POST /_sandbox/rates``.

    :param served: the operations of each service; a rate of any other operation would limit nothing.
    :raises ValueError: if it isn't a rate of a served operation.
    """
    if not isinstance(body, dict) or body.keys() != _ORDER_FIELDS:
        raise ValueError(f"a rate must be an object of {', '.join(sorted(_ORDER_FIELDS))}.")
    service, operation = body["service"], body["operation"]
    if not isinstance(service, str) or not isinstance(operation, str):
        raise ValueError("service and operation must be texts.")
    if operation not in served.get(service, ()):
        raise ValueError(f"service and operation must be served here, and {service}:{operation} isn't.")
    for name in ("per_second", "burst"):
        if isinstance(body[name], bool) or not isinstance(body[name], int | float) or not 0 < body[name] <= _FASTEST:
            raise ValueError(f"{name} must be a number above 0 and at most {_FASTEST}.")
    return service, operation, Rate(Scope.ACCOUNT_AND_REGION, body["per_second"], max(1, body["burst"]))


def make_throttle(name: str) -> AwsThrottle | None:
    """Make the throttle that ``--throttle`` names; ``None`` for ``none``.

    :raises ValueError: if it names neither.
    """
    if name not in ("aws", "none"):
        raise ValueError(f"throttle must be aws or none, not {name!r}.")
    return AwsThrottle() if name == "aws" else None
