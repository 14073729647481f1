"""Identities, roles and their permissions, second factors, and the rules of sign-in.

Users and API tokens share a set of names, because approvals count names: a person can't request under a first name
and approve under a second. A name goes into the ledger and, as SourceIdentity, into CloudTrail, so it
has only characters that STS accepts; names that differ only in case are the same name.

The secret of a sign-in changes each time a second factor is given. ``session_id`` doesn't change, and proves nothing.

Source: OpenID Connect Core 1.0; RFC 8176 for ``amr``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.aws.rules import SERVER_NAME
from rootkeeper.errors import (
    FactorNeededError,
    Hint,
    InputError,
    NotSignedInError,
    PermissionDeniedError,
    SignInUnfinishedError,
    make_setting_hint,
)
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.organization.accounts import Account, AccountId, is_below
from rootkeeper.shapes import IdentityId


class ServerRole(StrEnum):
    """Roles on a server, the weakest first."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """The permissions that routes demand, ``resource:action``, alphabetical."""

    ACCOUNTS_AUDIT = "accounts:audit"
    ACCOUNTS_READ = "accounts:read"
    CONTROLS_ATTEST = "controls:attest"
    EXCEPTIONS_KEEP = "exceptions:keep"
    EXCEPTIONS_READ = "exceptions:read"
    FAILSAFE_ATTEST = "failsafe:attest"
    FAILSAFE_CHECK = "failsafe:check"
    FAILSAFE_READ = "failsafe:read"
    FAILSAFE_RECORD_DRILL = "failsafe:record_drill"
    HISTORY_READ = "history:read"
    IDENTITIES_MANAGE = "identities:manage"
    JOBS_CANCEL = "jobs:cancel"
    JOBS_READ = "jobs:read"
    LEDGER_READ = "ledger:read"
    LEDGER_VERIFY = "ledger:verify"
    NOTIFICATIONS_READ = "notifications:read"
    NOTIFICATIONS_TEST = "notifications:test"
    PREFLIGHTS_RUN = "preflights:run"
    REPORTS_READ = "reports:read"
    REPORTS_SEND = "reports:send"
    POLICIES_UNLOCK = "resource_policies:unlock"
    ROOT_CREDENTIALS_DELETE = "root_credentials:delete"
    ROOT_EMAILS_APPROVE = "root_emails:approve"
    ROOT_EMAILS_ATTEST = "root_emails:attest"
    ROOT_EMAILS_CHANGE = "root_emails:change"
    ROOT_EMAILS_READ = "root_emails:read"
    SCHEDULES_READ = "schedules:read"
    SETTINGS_CHANGE = "settings:change"
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
        Permission.FAILSAFE_READ,
        Permission.HISTORY_READ,
        Permission.JOBS_READ,
        Permission.LEDGER_READ,
        Permission.NOTIFICATIONS_READ,
        Permission.ROOT_EMAILS_READ,
        Permission.SCHEDULES_READ,
        Permission.SETTINGS_READ,
        Permission.SETUP_READ,
        Permission.WINDOWS_READ,
    }
)

_PROVES = frozenset({Permission.LEDGER_VERIFY, Permission.REPORTS_READ})
"""These read the whole database, and take a while."""

_AUDITS = _VIEWS | _PROVES | {Permission.ACCOUNTS_AUDIT, Permission.FAILSAFE_CHECK, Permission.PREFLIGHTS_RUN}

_OPERATES = _AUDITS | {
    Permission.EXCEPTIONS_KEEP,
    Permission.FAILSAFE_RECORD_DRILL,
    Permission.JOBS_CANCEL,
    Permission.POLICIES_UNLOCK,
    Permission.REPORTS_SEND,
    Permission.ROOT_CREDENTIALS_DELETE,
    Permission.ROOT_EMAILS_CHANGE,
    Permission.WINDOWS_ACTIVATE,
    Permission.WINDOWS_CLOSE,
    Permission.WINDOWS_REQUEST,
}

_APPROVES = (
    _VIEWS
    | _PROVES
    | {
        Permission.CONTROLS_ATTEST,
        Permission.FAILSAFE_ATTEST,
        Permission.ROOT_EMAILS_APPROVE,
        Permission.ROOT_EMAILS_ATTEST,
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
"""An approver can't operate: the person who requests and the person who approves are different people."""


class IdentityKind(StrEnum):
    """How an identity proves itself."""

    TOKEN = "token"  # noqa: S105 - a kind's name
    USER = "user"


class SignInWay(StrEnum):
    """How a user signs in."""

    OIDC = "oidc"
    """At an identity provider, which alone knows the password."""
    PASSWORD = "password"  # noqa: S105 - a way's name
    SERVER = "server"
    """At the server of several organizations, once for all of them."""


OF_WHOLE_ORGANIZATION = frozenset(
    {
        Permission.CONTROLS_ATTEST,
        Permission.FAILSAFE_ATTEST,
        Permission.FAILSAFE_CHECK,
        Permission.FAILSAFE_RECORD_DRILL,
        Permission.IDENTITIES_MANAGE,
        Permission.NOTIFICATIONS_TEST,
        Permission.REPORTS_SEND,
        Permission.ROOT_EMAILS_ATTEST,
        Permission.SETTINGS_CHANGE,
        Permission.SETUP_CHANGE,
    }
)
"""A token that is limited to organizational units has none of these: they concern no account, all accounts, or all
permissions.
"""


@dataclass(frozen=True, slots=True)
class TokenScope:
    """The limits of a token within its role."""

    permissions: frozenset[Permission] | None = None
    """``None`` for all that the role has."""
    organizational_units: tuple[str, ...] = ()
    """It may change only accounts in these units; if empty, all accounts."""

    @property
    def is_unlimited(self) -> bool:
        return self.permissions is None and not self.organizational_units

    def narrow(self, granted: frozenset[Permission]) -> frozenset[Permission]:
        """Return the permissions of a role that remain within the limits."""
        left = granted if self.permissions is None else granted & self.permissions
        return left - OF_WHOLE_ORGANIZATION if self.organizational_units else left

    def covers(self, account: Account) -> bool:
        return not self.organizational_units or any(is_below(unit, account) for unit in self.organizational_units)


UNLIMITED = TokenScope()


def require_scope(role: ServerRole, scope: TokenScope) -> None:
    """:raises InputError: if the scope names a permission that the role, or the limit to units, doesn't allow."""
    if any(not unit.strip("/ ") for unit in scope.organizational_units):
        raise InputError("An organizational unit has no name.", hint="Give an id, or a path such as Root/Workloads.")
    lacking = sorted((scope.permissions or frozenset()) - scope.narrow(PERMISSIONS[role]))
    if lacking:
        raise InputError(
            f"A token of the role {role.value} with these limits can't have {', '.join(lacking)}.",
            hint="Choose another role, or leave these permissions out. A permission that concerns no account can't be "
            "limited to units.",
        )
    if not scope.narrow(PERMISSIONS[role]):
        raise InputError("The token would have no permission.", hint="Name at least one permission.")


@dataclass(frozen=True, slots=True)
class Identity:
    """A user or API token. Its proof is kept elsewhere, as a hash."""

    # ``u-…`` or ``t-…``.
    identity_id: IdentityId
    kind: IdentityKind
    # Unique among users and tokens together, regardless of case; the ledger, approvals and CloudTrail show it.
    name: str
    role: ServerRole
    created_by: str
    created_at: datetime
    # Of a token; ``None`` for a token without an end.
    expires_at: datetime | None = None
    disabled_at: datetime | None = None
    last_used_at: datetime | None = None
    scope: TokenScope = UNLIMITED
    """Of a token."""
    signs_in_by: SignInWay = SignInWay.PASSWORD
    """Of a user. In an organization of several, ``OIDC`` is a person of the server whose role its groups determine."""
    # Of a user without a password: when the link for setting it ends or ended; ``None`` for all others.
    link_ends_at: datetime | None = None
    # Of a user of the front of several organizations: the provider's groups that an organization's table names.
    provider_groups: tuple[str, ...] = ()

    @property
    def permissions(self) -> frozenset[Permission]:
        return self.scope.narrow(PERMISSIONS[self.role])

    def is_usable(self, now: datetime) -> bool:
        return self.disabled_at is None and (self.expires_at is None or now < self.expires_at)

    def require_usable(self, now: datetime) -> None:
        """:raises PermissionDeniedError: if it was disabled, or has expired."""
        if not self.is_usable(now):
            what = "was disabled" if self.disabled_at is not None else "has expired"
            raise PermissionDeniedError(
                f"The {self.kind.value} {self.name} {what}.", hint="Use a user or token that has the permission."
            )

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require_permission(self, permission: Permission) -> None:
        """:raises PermissionDeniedError: if the role, or the limits of the token, don't allow it."""
        if permission not in PERMISSIONS[self.role]:
            able = [role.value for role, granted in PERMISSIONS.items() if permission in granted]
            raise PermissionDeniedError(
                f"{self.name} has the role {self.role.value}, which doesn't permit this.",
                hint=Hint(
                    f"Ask a user with the role {' or '.join(able)}.",
                    "access.role",
                    roles=" or ".join(able),
                    permission=permission.value,
                ),
            )
        if not self.may(permission):
            raise PermissionDeniedError(
                f"The token {self.name} is limited and doesn't permit this.",
                hint=Hint("Use a token that permits it.", "token.list", permission=permission.value),
            )

    def require_account_access(self, account_id: AccountId, account: Account | None) -> None:
        """:param account: as last listed; ``None`` if unknown.
        :raises PermissionDeniedError: if the token is limited to units, and the account isn't below any of them.
        """
        units = self.scope.organizational_units
        if units and (account is None or not self.scope.covers(account)):
            where = "in an unknown unit" if account is None else f"in {account.ou_path}"
            raise PermissionDeniedError(
                f"The token {self.name} is limited to {', '.join(units)}; account {account_id} is {where}.",
                hint=Hint("Use another token, or list the organization again with an audit.", "organization.list"),
            )

    def require_grantable(self, granted: frozenset[Permission]) -> None:
        """Check that the identity has all permissions that it grants or revokes, so that none can be gained that way.

        :raises PermissionDeniedError: if it lacks a permission.
        """
        lacking = sorted(permission.value for permission in granted - self.permissions)
        if lacking:
            raise PermissionDeniedError(
                f"{self.name} lacks {', '.join(lacking)}, so {self.name} can't grant or revoke it.",
                hint="Ask an administrator.",
            )

    def to_actor(self, caller_arn: str | None = None) -> Actor:
        kind = ActorKind.SIGNED_IN if self.kind is IdentityKind.USER else ActorKind.TOKEN
        return Actor(self.name, kind, caller_arn)


SESSION_LASTS = timedelta(hours=12)
"""Use doesn't extend it."""

IDLE_LASTS = timedelta(minutes=30)
"""A browser's sign-in ends when it is unused for this long."""

FACTOR_LASTS = timedelta(minutes=5)
"""How long a second factor is fresh enough for an important change."""

_WITHOUT_FACTOR = frozenset({ServerRole.VIEWER, ServerRole.AUDITOR})


class SessionKind(StrEnum):
    """How a sign-in's secret is carried."""

    BROWSER = "browser"
    TOKEN = "token"  # noqa: S105 - a kind's name


class FactorKind(StrEnum):
    """Kinds of second factors."""

    PASSKEY = "passkey"
    TOTP = "totp"


class SessionNeed(StrEnum):
    """A step that a sign-in still needs before it can be used."""

    ENROLMENT = "enrolment"
    """The role needs a second factor, and none is set up."""
    FACTOR = "factor"
    """A second factor is set up, and hasn't been given yet."""


def needs_factor(role: ServerRole) -> bool:
    """Whether a password alone isn't enough for that role."""
    return role not in _WITHOUT_FACTOR


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in to insert, with its secret."""

    session_id: str
    """``s-…``."""
    secret: str = field(repr=False)
    kind: SessionKind
    started_at: datetime
    expires_at: datetime
    address: str | None = None
    """Where it came from; ``None`` if unknown."""
    user_agent: str | None = None
    factor_at: datetime | None = None
    """When an identity provider verified a second factor; ``None`` if none was given yet."""


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that hasn't ended."""

    session_id: str
    kind: SessionKind
    identity: Identity
    started_at: datetime
    last_used_at: datetime
    """Accurate to a minute."""
    expires_at: datetime
    address: str | None = None
    user_agent: str | None = None
    factor_at: datetime | None = None
    """When a second factor was last given."""
    enrolled: frozenset[FactorKind] = frozenset()
    """The kinds of factors that its user has set up."""

    @property
    def need(self) -> SessionNeed | None:
        """Evaluated at each request, because role and factors may have changed since the sign-in began."""
        if self.factor_at is not None:
            return None
        if self.enrolled:
            return SessionNeed.FACTOR
        return SessionNeed.ENROLMENT if needs_factor(self.identity.role) else None

    @property
    def fresh_until(self) -> datetime | None:
        """Until when the factor is fresh; ``None`` if none was given."""
        return None if self.factor_at is None else self.factor_at + FACTOR_LASTS

    def is_alive(self, now: datetime) -> bool:
        """Whether it has neither expired nor been idle for too long."""
        is_idle = self.kind is SessionKind.BROWSER and now >= self.last_used_at + IDLE_LASTS
        return now < self.expires_at and not is_idle

    def require_finished(self) -> None:
        """:raises SignInUnfinishedError: if a second factor is still to be given or set up."""
        if self.need is SessionNeed.FACTOR:
            raise SignInUnfinishedError("The sign-in lacks its second factor.", hint="Give it to finish the sign-in.")
        if self.need is SessionNeed.ENROLMENT:
            raise SignInUnfinishedError(
                f"The role {self.identity.role.value} needs a second factor, and {self.identity.name} has none.",
                hint="Sign in to the console in a browser and set one up.",
            )

    def require_fresh(self, now: datetime) -> None:
        """Require a fresh second factor of a user who has any. ``require_finished`` deals with users who have none.

        :raises FactorNeededError: if the second factor was given too long ago, or not at all.
        """
        if not self.enrolled and self.factor_at is None:
            return
        if self.fresh_until is None or now >= self.fresh_until:
            minutes = int(FACTOR_LASTS.total_seconds() // 60)
            raise FactorNeededError(
                f"This needs a second factor that was given in the last {minutes} minutes.",
                hint="Give your second factor again, then repeat the request.",
            )


TOTP_SECONDS = 30
"""How long each code lasts. Source: RFC 6238, section 4.1."""

TOTP_DRIFT_STEPS = 1
"""The code of the step before or after is accepted too, because clocks differ."""

ENROLMENT_LASTS = timedelta(minutes=15)
"""How long a new authenticator app waits for its first code."""

CHALLENGE_LASTS = timedelta(minutes=5)
"""How long a passkey has to answer."""

MOST_FACTORS = 10
"""Of a user."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor of a user."""

    # ``f-…``.
    factor_id: str
    identity_id: str
    kind: FactorKind
    name: str | None
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TotpFactor:
    """An authenticator app, with the seed of its codes."""

    factor: Factor
    secret: str = field(repr=False)
    """In base32."""
    last_step: int
    """The newest step whose code was accepted. No code is accepted twice, and no older code."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey, with the public key that verifies its answers. Nothing here is secret."""

    factor: Factor
    credential_id: bytes
    public_key: bytes
    """In COSE. Source: WebAuthn, section 6.5.1.1."""
    sign_count: int
    """Grows with each use if the device counts; if it doesn't grow, the device was copied."""


class ChallengePurpose(StrEnum):
    """The purpose of a challenge; the answer for one purpose isn't valid for the other."""

    PROVE = "prove"
    REGISTER = "register"


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """How many failures of a key are allowed within a time, and how long to wait after more."""

    key: str
    """The source of the failures, such as ``name ana`` or ``address 192.0.2.7``. Only its hash is kept."""
    most: int
    within: timedelta
    delays: tuple[timedelta, ...] = ()
    """How long to wait after the last allowed failure, and after each later failure; the last delay repeats. Empty:
    until an earlier failure is older than ``within``.
    """

    def find_wait(self, failed_at: Sequence[datetime], now: datetime) -> timedelta:
        """Return how long to wait before the next attempt; zero if it may begin now.

        :param failed_at: the failures within the time, the earliest first.
        """
        surplus = len(failed_at) - self.most
        if surplus < 0:
            return timedelta(0)
        if self.delays:
            next_at = failed_at[-1] + self.delays[min(surplus, len(self.delays) - 1)]
        else:
            next_at = failed_at[surplus] + self.within
        return max(timedelta(0), next_at - now)


_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
"""Source: STS AssumeRole, API version 2011-06-15, SourceIdentity; of its word characters only ASCII."""

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
"""In characters."""


def parse_identity_name(text: str) -> str:
    """:raises InputError: if an identity can't have this name."""
    if not _NAME.fullmatch(text):
        raise InputError(
            f"{text!r} can't be the name of a user or token.",
            hint="Use 2 to 64 of A-Z, a-z, 0-9 and _ + = , . @ -. The name also goes into CloudTrail.",
        )
    if fold_name(text) == SERVER_NAME:
        raise InputError(f"{text!r} is reserved for the server itself.", hint="Choose another name.")
    return text


def make_name_taken_error(name: str) -> InputError:
    return InputError(
        f"There is already a user or token of the name {name}.",
        hint="Choose another name. The name of a disabled one stays taken, because the ledger names it.",
    )


def make_no_password_error(name: str, way: SignInWay) -> InputError:
    """Explain where a user without a password here changes it."""
    if way is SignInWay.SERVER:
        return InputError(
            f"{name} signs in at the server, once for all its organizations.",
            hint=Hint(
                "Change the password there, or ask an administrator of the server.", "identity.at_server", name=name
            ),
        )
    return InputError(f"{name} signs in at an identity provider.", hint="Change the password there.")


def fold_name(name: str) -> str:
    return name.casefold()


def hash_text(text: str) -> str:
    """Hash a random secret, or text of a client. It may be no valid Unicode, because JSON can contain such text."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def require_password(password: str, name: str) -> None:
    """:raises InputError: if the password is too short, too long or contains the name; the message doesn't show it."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(
            f"The password has {len(password)} characters.",
            hint=f"Use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, such as a few unrelated words.",
        )
    if fold_name(name) in fold_name(password):
        raise InputError("The password contains the user's name.", hint="Choose a password without the name.")


START_LASTS = timedelta(minutes=10)
"""How long a person may take to sign in at the provider."""

LEEWAY = timedelta(minutes=1)
"""How much the provider's clock may differ."""

_LONGEST_PATH = 1_024

_ROLES = tuple(ServerRole)
"""The weakest first."""


@dataclass(frozen=True, slots=True)
class ProviderRules:
    """The settings of the identity provider, and who may sign in."""

    issuer: str
    client_id: str
    client_secret: str
    """``env:VARIABLE`` or ``file:PATH``; empty for a client without a secret."""
    name: str
    name_claims: tuple[str, ...]
    """The first claim that the provider sends is the person's name here."""
    groups_claim: str
    roles: Mapping[str, ServerRole]
    """By group."""
    factor_methods: frozenset[str]
    """Values of ``amr`` that prove a second factor."""
    organization_groups: frozenset[str] = frozenset()
    """At the front of several organizations: the groups that organizations' own tables name. They let a person sign in,
    and each organization gives its role itself.
    """

    def choose_role(self, groups: Iterable[str]) -> ServerRole | None:
        """Return the strongest role of these groups; ``None`` if no group has a role."""
        found = [self.roles[group] for group in groups if group in self.roles]
        return max(found, key=_ROLES.index, default=None)

    def keep_groups(self, person: ProviderIdentity) -> tuple[str, ...]:
        """Return those of the person's groups that can give a role in an organization."""
        return tuple(sorted(self.organization_groups.intersection(person.groups)))

    def require_role(self, person: ProviderIdentity) -> ServerRole:
        """:raises PermissionDeniedError: if none of the person's groups has a role."""
        role = self.choose_role(person.groups)
        if role is None and self.keep_groups(person):
            return ServerRole.VIEWER
        if role is None:
            raise PermissionDeniedError(
                f"{person.name} is signed in at {self.name}, but none of this person's groups has a role here.",
                hint=make_setting_hint(
                    f"Ask an administrator to add {person.name} to a group that has a role. {self.name} must send the "
                    f"groups in the claim {self.groups_claim}.",
                    "oidc.groups",
                ),
            )
        return role


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """A person, as just proven by the provider."""

    issuer: str
    subject: str
    """Never changes and belongs to a single person; a name can change."""
    name: str
    groups: tuple[str, ...]
    methods: frozenset[str] = frozenset()
    """How the person was recognized. Source: RFC 8176."""
    authenticated_at: datetime | None = None
    """When the person signed in there; ``None`` if the provider doesn't say."""

    @property
    def proof_hash(self) -> str:
        """The key by which the store finds this person."""
        return hash_text(f"{self.issuer}\0{self.subject}")


@dataclass(frozen=True, slots=True)
class ServerPerson:
    """A person who has signed in at a server of several organizations, as it tells each organization's own process."""

    identity_id: IdentityId
    """Of the user at that server; another person never gets it, also not with the same name."""
    name: str
    is_administrator: bool
    """Of that server."""
    issuer: str | None = None
    """The identity provider that proved the person; ``None`` for a password."""
    groups: tuple[str, ...] = ()
    """The person's groups there, of those that the organization's own table names."""

    @property
    def proof_hash(self) -> str:
        """The key by which an organization's store finds this person."""
        return hash_text(f"server\0{self.identity_id}")


def find_factor_time(person: ProviderIdentity, rules: ProviderRules, now: datetime) -> datetime | None:
    """Return when the provider verified a second factor; ``None`` if it doesn't say that it did.

    If the provider doesn't say when, the factor counts as too old for an important change.
    """
    if person.methods.isdisjoint(rules.factor_methods):
        return None
    long_ago = now - FACTOR_LASTS
    return long_ago if person.authenticated_at is None else min(person.authenticated_at, now)


def require_just_signed_in(person: ProviderIdentity, asked_at: datetime) -> None:
    """:raises NotSignedInError: if the provider didn't ask the person to sign in again, or doesn't say so."""
    if person.authenticated_at is None or person.authenticated_at < asked_at - LEEWAY:
        raise NotSignedInError(
            "The identity provider didn't ask you to sign in again.",
            hint="Set up a second factor here instead, or configure the provider to honour prompt=login and to send "
            "auth_time.",
        )


def require_return_path(text: str) -> str:
    """:raises InputError: if it isn't a path of this server, or a browser could read it as another address."""
    is_plain = text.isascii() and text.isprintable() and "\\" not in text and " " not in text
    if not is_plain or len(text) > _LONGEST_PATH or not text.startswith("/") or text.startswith("//"):
        raise InputError("return_to isn't a path of this server.", hint="Give a path that begins with a single slash.")
    return text
