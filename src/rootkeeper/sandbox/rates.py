"""The rates that AWS publishes, as data: which calls share a bucket, how fast it fills and how much it holds.

Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, quotas of STS; Account Management guide,
"Quotas" (aws-facts F2, F3, E2). IAM publishes none and isn't limited here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Whose calls one bucket counts."""

    ACCOUNT = "account"
    """The caller's account."""
    ACCOUNT_AND_REGION = "account_and_region"
    ORGANIZATION = "organization"
    """All accounts of the organization together."""
    TARGET = "target"
    """Everybody's calls about one account, named by the parameter AccountId."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One token bucket: ``burst`` calls at once, then ``per_second``."""

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
}
"""By service, then by operation: each operation has buckets of its own (assumed where AWS lists several in a row)."""

SHARED_RATES: Mapping[str, tuple[Rate, ...]] = {"sts": (Rate(Scope.ACCOUNT_AND_REGION, 600, 600),)}
"""By service: one bucket for all its operations. That AssumeRoot shares STS's and the burst are assumed."""
