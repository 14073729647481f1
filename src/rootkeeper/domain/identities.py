"""IAM users and roles of one account, and permission sets of IAM Identity Center, with what their policies say.

Only what is needed to tell who may open root sessions. A policy whose document couldn't be read is kept as such: what
it allows is unknown, never nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rootkeeper.domain.organizations import AccountId

RESERVED_ROLE_PATH = "/aws-reserved/sso.amazonaws.com/"
"""Under it Identity Center keeps the roles of permission sets. Source: IAM Identity Center User Guide."""


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A policy that stands over an identity."""

    policy_id: str
    """Its ARN, or where it stands, such as ``inline policy of arn:…``."""
    name: str
    text: str | None
    """The JSON document; ``None`` where it couldn't be read."""


@dataclass(frozen=True, slots=True)
class IamUser:
    """An IAM user; nothing here tells of its credentials."""

    user_name: str
    arn: str
    policies: tuple[PolicySource, ...]
    """Inline, attached, and those of its groups."""
    boundary: PolicySource | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IamRole:
    """An IAM role, and whom it trusts."""

    role_name: str
    arn: str
    policies: tuple[PolicySource, ...]
    trust_policy: PolicySource
    boundary: PolicySource | None = None

    @property
    def is_of_identity_center(self) -> bool:
        return f":role{RESERVED_ROLE_PATH}" in self.arn

    @property
    def is_service_linked(self) -> bool:
        """Whether only an AWS service can use it. Source: IAM User Guide, "Service-linked roles"."""
        return ":role/aws-service-role/" in self.arn


@dataclass(frozen=True, slots=True)
class AccountIdentities:
    """All IAM users and roles of one account. Source: IAM GetAccountAuthorizationDetails."""

    account_id: AccountId
    users: tuple[IamUser, ...]
    roles: tuple[IamRole, ...]


@dataclass(frozen=True, slots=True)
class UserAccess:
    """By what an IAM user can prove who it is."""

    has_password: bool
    active_access_key_ids: tuple[str, ...]
    mfa_serial_numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RootUse:
    """The root user's line of a credential report. Source: IAM User Guide, "Credential reports"."""

    generated_at: datetime
    password_last_used_at: datetime | None
    """``None`` if never, or not as long as AWS has kept it."""
    access_key_last_used_at: datetime | None

    @property
    def last_used_at(self) -> datetime | None:
        return max((one for one in (self.password_last_used_at, self.access_key_last_used_at) if one), default=None)


class HolderKind(StrEnum):
    """Who can hold a permission set. Source: Identity Center ListAccountAssignments."""

    GROUP = "GROUP"
    USER = "USER"


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who holds a permission set in an account."""

    kind: HolderKind
    name: str
    """The id, where the name couldn't be read."""
    members: tuple[str, ...] | None = ()
    """Of a group; ``None`` where they couldn't be read."""


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """A permission set as it stands in one account."""

    account_id: AccountId
    arn: str
    name: str
    policies: tuple[PolicySource, ...]
    boundary: PolicySource | None
    holders: tuple[Holder, ...]
