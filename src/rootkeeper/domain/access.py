"""Who may do what on a server: identities, their roles, and what each role permits.

An identity is a user who signs in or an API token. The names of both are kept apart from each other, since approvals
count names: nobody approves under a second name what was requested under the first, unless a person was given two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.domain.ledger import Actor, ActorKind
from rootkeeper.domain.organizations import Account, AccountId, is_below
from rootkeeper.errors import InputError, PermissionDeniedError


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
    EXCEPTIONS_KEEP = "exceptions:keep"
    EXCEPTIONS_READ = "exceptions:read"
    HISTORY_READ = "history:read"
    IDENTITIES_MANAGE = "identities:manage"
    JOBS_CANCEL = "jobs:cancel"
    JOBS_READ = "jobs:read"
    LEDGER_READ = "ledger:read"
    LEDGER_VERIFY = "ledger:verify"
    NOTIFICATIONS_TEST = "notifications:test"
    PREFLIGHTS_RUN = "preflights:run"
    REPORTS_READ = "reports:read"
    POLICIES_UNLOCK = "resource_policies:unlock"
    ROOT_CREDENTIALS_DELETE = "root_credentials:delete"
    SCHEDULES_READ = "schedules:read"
    SETTINGS_READ = "settings:read"
    SETUP_CHANGE = "setup:change"
    SETUP_READ = "setup:read"
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
        Permission.EXCEPTIONS_READ,
        Permission.HISTORY_READ,
        Permission.JOBS_READ,
        Permission.LEDGER_READ,
        Permission.SCHEDULES_READ,
        Permission.SETTINGS_READ,
        Permission.SETUP_READ,
        Permission.WINDOWS_READ,
    }
)
_PROVES = frozenset({Permission.LEDGER_VERIFY, Permission.REPORTS_READ})
"""Reads all that is kept, and takes a while for it."""
_AUDITS = _VIEWS | _PROVES | {Permission.ACCOUNTS_AUDIT, Permission.PREFLIGHTS_RUN}
_OPERATES = _AUDITS | {
    Permission.EXCEPTIONS_KEEP,
    Permission.JOBS_CANCEL,
    Permission.POLICIES_UNLOCK,
    Permission.ROOT_CREDENTIALS_DELETE,
    Permission.WINDOWS_ACTIVATE,
    Permission.WINDOWS_CLOSE,
    Permission.WINDOWS_REQUEST,
}
_APPROVES = (
    _VIEWS
    | _PROVES
    | {
        Permission.WINDOWS_APPROVE,
        Permission.WINDOWS_DENY,
        Permission.WINDOWS_EXTEND,
        Permission.WINDOWS_REVIEW,
    }
)

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


class SignInWay(StrEnum):
    """How a user signs in."""

    OIDC = "oidc"
    """At an identity provider, which alone knows the password."""
    PASSWORD = "password"  # noqa: S105 - a way's name


OF_WHOLE_ORGANIZATION = frozenset(
    {Permission.IDENTITIES_MANAGE, Permission.NOTIFICATIONS_TEST, Permission.SETUP_CHANGE}
)
"""What no token has that is limited to organizational units: it is about no account, or about everybody's power."""


@dataclass(frozen=True, slots=True)
class TokenScope:
    """What a token has less than its role."""

    permissions: frozenset[Permission] | None = None
    """Of those that its role has; ``None`` for all of them."""
    organizational_units: tuple[str, ...] = ()
    """Ids or paths of names. What the token has done is about accounts below one of them alone; what it reads isn't
    limited. Without any, every account.
    """

    @property
    def is_unlimited(self) -> bool:
        return self.permissions is None and not self.organizational_units

    def narrow(self, granted: frozenset[Permission]) -> frozenset[Permission]:
        """What is left of a role's permissions."""
        left = granted if self.permissions is None else granted & self.permissions
        return left - OF_WHOLE_ORGANIZATION if self.organizational_units else left

    def covers(self, account: Account) -> bool:
        return not self.organizational_units or any(is_below(unit, account) for unit in self.organizational_units)


UNLIMITED = TokenScope()


def require_scope(role: ServerRole, scope: TokenScope) -> None:
    """Check that a token of that role and scope has all that its scope names, so that nobody is surprised later.

    :raises InputError: if its role, or its limit to units, keeps it from something that the scope names.
    """
    if any(not unit.strip("/ ") for unit in scope.organizational_units):
        raise InputError("An organizational unit has no name.", hint="Give an id, or a path such as Root/Workloads.")
    lacking = sorted((scope.permissions or frozenset()) - scope.narrow(PERMISSIONS[role]))
    if lacking:
        raise InputError(
            f"A token of the role {role.value} with these limits can't have {', '.join(lacking)}.",
            hint="Take another role, or leave it out. What is about no account can't be limited to units.",
        )
    if not scope.narrow(PERMISSIONS[role]):
        raise InputError("The token could do nothing.", hint="Name at least one permission.")


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
    scope: TokenScope = UNLIMITED
    """Of a token."""
    signs_in_by: SignInWay = SignInWay.PASSWORD
    """Of a user."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that it may."""
        return self.scope.narrow(PERMISSIONS[self.role])

    def is_usable(self, now: datetime) -> bool:
        return self.disabled_at is None and (self.expires_at is None or now < self.expires_at)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require_permission(self, permission: Permission) -> None:
        """:raises PermissionDeniedError: if its role doesn't permit it, or it has less than its role."""
        if permission not in PERMISSIONS[self.role]:
            able = [role.value for role, granted in PERMISSIONS.items() if permission in granted]
            raise PermissionDeniedError(
                f"{self.name} has the role {self.role.value}, which doesn't permit {permission.value}.",
                hint=f"Ask somebody with the role {' or '.join(able)}.",
            )
        if not self.may(permission):
            raise PermissionDeniedError(
                f"The token {self.name} is limited, and {permission.value} isn't among what it may.",
                hint="Use another token: rootkeeper token list shows what each may.",
            )

    def require_account_access(self, account_id: AccountId, account: Account | None) -> None:
        """Check that it isn't limited to organizational units above other accounts.

        :param account: as it was listed last; ``None`` where it isn't known.
        :raises PermissionDeniedError: if it is, or nobody knows where the account is.
        """
        units = self.scope.organizational_units
        if units and (account is None or not self.scope.covers(account)):
            where = "in an unknown unit" if account is None else f"in {account.ou_path}"
            raise PermissionDeniedError(
                f"The token {self.name} is limited to {', '.join(units)}; account {account_id} is {where}.",
                hint="Use another token, or have the organization listed again: rootkeeper audit.",
            )

    def require_grantable(self, granted: frozenset[Permission]) -> None:
        """Check that it may give these permissions to somebody, or take them: nobody gains by that what he hasn't.

        :raises PermissionDeniedError: if it has less.
        """
        lacking = sorted(permission.value for permission in granted - self.permissions)
        if lacking:
            raise PermissionDeniedError(
                f"{self.name} lacks {', '.join(lacking)}, and so can't decide who has it.",
                hint="Ask an administrator.",
            )

    def to_actor(self, caller_arn: str | None = None) -> Actor:
        """As the ledger names it."""
        kind = ActorKind.SIGNED_IN if self.kind is IdentityKind.USER else ActorKind.TOKEN
        return Actor(self.name, kind, caller_arn)
