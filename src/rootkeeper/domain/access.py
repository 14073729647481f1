"""Who may do what on a server: identities, their roles, and what each role permits.

An identity is a user who signs in or an API token. The names of both are kept apart from each other, since approvals
count names: nobody approves under a second name what was requested under the first, unless an administrator made both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.domain.ledger import Actor, ActorKind
from rootkeeper.errors import PermissionDeniedError


class ServerRole(StrEnum):
    """Roles on a server, the weakest first."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What a route may demand, ``resource:action``, alphabetical."""

    ACCOUNTS_AUDIT = "accounts:audit"
    ACCOUNTS_READ = "accounts:read"
    HISTORY_READ = "history:read"
    IDENTITIES_MANAGE = "identities:manage"
    JOBS_CANCEL = "jobs:cancel"
    JOBS_READ = "jobs:read"
    LEDGER_READ = "ledger:read"
    NOTIFICATIONS_TEST = "notifications:test"
    PREFLIGHTS_RUN = "preflights:run"
    POLICIES_UNLOCK = "resource_policies:unlock"
    ROOT_CREDENTIALS_DELETE = "root_credentials:delete"
    SCHEDULES_READ = "schedules:read"
    WINDOWS_ACTIVATE = "windows:activate"
    WINDOWS_APPROVE = "windows:approve"
    WINDOWS_CLOSE = "windows:close"
    WINDOWS_DENY = "windows:deny"
    WINDOWS_EXTEND = "windows:extend"
    WINDOWS_READ = "windows:read"
    WINDOWS_REQUEST = "windows:request"
    WINDOWS_REVIEW = "windows:review"


_VIEWS = frozenset(
    {
        Permission.ACCOUNTS_READ,
        Permission.HISTORY_READ,
        Permission.JOBS_READ,
        Permission.LEDGER_READ,
        Permission.SCHEDULES_READ,
        Permission.WINDOWS_READ,
    }
)
_AUDITS = _VIEWS | {Permission.ACCOUNTS_AUDIT, Permission.PREFLIGHTS_RUN}
_OPERATES = _AUDITS | {
    Permission.JOBS_CANCEL,
    Permission.POLICIES_UNLOCK,
    Permission.ROOT_CREDENTIALS_DELETE,
    Permission.WINDOWS_ACTIVATE,
    Permission.WINDOWS_CLOSE,
    Permission.WINDOWS_REQUEST,
}
_APPROVES = _VIEWS | {
    Permission.WINDOWS_APPROVE,
    Permission.WINDOWS_DENY,
    Permission.WINDOWS_EXTEND,
    Permission.WINDOWS_REVIEW,
}

PERMISSIONS: Mapping[ServerRole, frozenset[Permission]] = MappingProxyType(
    {
        ServerRole.VIEWER: _VIEWS,
        ServerRole.AUDITOR: _AUDITS,
        ServerRole.OPERATOR: _OPERATES,
        ServerRole.APPROVER: _APPROVES,
        ServerRole.ADMINISTRATOR: frozenset(Permission),
    }
)
"""What each role permits. An approver can't operate: who asks and who consents are different people."""


class IdentityKind(StrEnum):
    """How somebody proves who it is."""

    TOKEN = "token"  # noqa: S105 - a kind's name
    USER = "user"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom a server knows. What proves it is kept elsewhere, as a hash."""

    identity_id: str
    """``u-…`` or ``t-…``."""
    kind: IdentityKind
    name: str
    """Unique among users and tokens together, whatever its case; what the ledger, approvals and CloudTrail show."""
    role: ServerRole
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    """Of a token; ``None`` for one without an end."""
    disabled_at: datetime | None = None
    last_used_at: datetime | None = None

    def is_usable(self, now: datetime) -> bool:
        return self.disabled_at is None and (self.expires_at is None or now < self.expires_at)

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]

    def ensure_may(self, permission: Permission) -> None:
        """:raises PermissionDeniedError: if its role doesn't permit it."""
        if not self.may(permission):
            able = [role.value for role, granted in PERMISSIONS.items() if permission in granted]
            raise PermissionDeniedError(
                f"{self.name} has the role {self.role.value}, which doesn't permit {permission.value}.",
                hint=f"Ask somebody with the role {' or '.join(able)}.",
            )

    def to_actor(self, caller_arn: str | None = None) -> Actor:
        """As the ledger names it."""
        kind = ActorKind.SIGNED_IN if self.kind is IdentityKind.USER else ActorKind.TOKEN
        return Actor(self.name, kind, caller_arn)
