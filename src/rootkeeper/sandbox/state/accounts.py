"""Accounts, and the IAM users and roles in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rootkeeper.sandbox.state.credentials import Credentials


class AccountState(StrEnum):
    """``State`` of an account. Source: Organizations Account, API version 2016-11-28."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    PENDING_CLOSURE = "PENDING_CLOSURE"
    SUSPENDED = "SUSPENDED"

    @property
    def status(self) -> str:
        """The older ``Status``, which knows three words only (assumed for PENDING_ACTIVATION)."""
        known = (AccountState.ACTIVE, AccountState.PENDING_CLOSURE, AccountState.SUSPENDED)
        return str(self if self in known else AccountState.SUSPENDED)


@dataclass(slots=True)
class Permissions:
    """What a user or role is allowed: policy documents as JSON text."""

    inline_policies: dict[str, str] = field(default_factory=dict)
    """By name."""
    managed_policies: dict[str, str] = field(default_factory=dict)
    """By ARN."""
    tags: dict[str, str] = field(default_factory=dict)

    def documents(self) -> tuple[str, ...]:
        return (*self.inline_policies.values(), *self.managed_policies.values())


@dataclass(slots=True)
class IamUser:
    """An IAM user."""

    name: str
    user_id: str
    created_at: datetime
    path: str = "/"
    permissions: Permissions = field(default_factory=Permissions)
    credentials: Credentials = field(default_factory=Credentials)


@dataclass(slots=True)
class IamRole:
    """An IAM role, and who may assume it."""

    name: str
    role_id: str
    created_at: datetime
    trust_policy: str
    """JSON text."""
    path: str = "/"
    description: str = ""
    max_session_seconds: int = 3600
    permissions: Permissions = field(default_factory=Permissions)


@dataclass(slots=True)
class Identities:
    """The IAM users and roles of one account, by name."""

    users: dict[str, IamUser] = field(default_factory=dict)
    roles: dict[str, IamRole] = field(default_factory=dict)
    unassigned_mfa_devices: dict[str, str | None] = field(default_factory=dict)
    """Virtual devices that are nobody's, by serial number: their seeds, as in ``MfaDevice``."""


@dataclass(slots=True)
class Account:
    """One AWS account."""

    account_id: str
    name: str
    email: str
    joined_at: datetime
    joined_method: str = "CREATED"
    opened_at: datetime | None = None
    """When an invited account was opened, before it joined."""
    state: AccountState = AccountState.ACTIVE
    parent_id: str | None = None
    """The organizational unit or organization root; ``None`` outside the organization."""
    tags: dict[str, str] = field(default_factory=dict)
    root_user: Credentials = field(default_factory=Credentials)
    existing_identities: Identities | None = None
    """Most of 50,000 accounts never get an IAM user; read by ``identities``."""

    @property
    def created_at(self) -> datetime:
        return self.opened_at or self.joined_at

    @property
    def identities(self) -> Identities:
        if self.existing_identities is None:
            self.existing_identities = Identities()
        return self.existing_identities

    def find_user(self, name: str) -> IamUser | None:
        return self.existing_identities.users.get(name) if self.existing_identities else None

    def find_role(self, name: str) -> IamRole | None:
        return self.existing_identities.roles.get(name) if self.existing_identities else None
