"""Identities, roles, what each role permits, and the rules of sign-in.

Who may do what on a server: identities, their roles, and what each role permits.

An identity is a user who signs in or an API token. The names of both are kept apart from each other, since approvals
count names: nobody approves under a second name what was requested under the first, unless a person was given two.

Sign-ins of people: how long one lasts, when it still needs a second factor, and when that factor is fresh.

A sign-in is proven by a secret: in a browser's cookie, or as a bearer token of the command line. The secret changes
each time that a factor was given; ``session_id`` doesn't, and proves nothing.

Second factors of users, as values. What proves one is kept elsewhere.

How often something may fail before it has to wait: values alone.

What identities of a server may be called, and what a password must be.

A name goes into the ledger, into approvals and, as SourceIdentity, into CloudTrail: so it holds only what STS takes
there, and two names that differ in their case alone are one.

Sign-in at the organization's own identity provider (OpenID Connect): who is admitted, in which role, and how surely.

Source: OpenID Connect Core 1.0; RFC 8176 for what ``amr`` tells of a sign-in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.aws.rules import SERVER_NAME
from rootkeeper.errors import (
    FactorNeededError,
    InputError,
    NotSignedInError,
    PermissionDeniedError,
    SignInUnfinishedError,
)
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.organization.accounts import Account, AccountId, is_below


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


SESSION_LASTS = timedelta(hours=12)
"""Whatever is done in it."""


IDLE_LASTS = timedelta(minutes=30)
"""So long a browser's sign-in lives without being used."""


FACTOR_LASTS = timedelta(minutes=5)
"""So long a second factor is fresh enough for what is weighty."""


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
    """What a sign-in lacks before anything can be done in it."""

    ENROLMENT = "enrolment"
    """The role needs a second factor, and none is set up."""
    FACTOR = "factor"
    """One is set up, and wasn't given yet."""


def needs_factor(role: ServerRole) -> bool:
    """Whether nobody may act in that role by a password alone."""
    return role not in _WITHOUT_FACTOR


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in that is about to begin."""

    session_id: str
    """``s-…``."""
    secret: str = field(repr=False)
    kind: SessionKind
    started_at: datetime
    expires_at: datetime
    address: str | None = None
    """Where it came from, as far as the server knows."""
    user_agent: str | None = None
    factor_at: datetime | None = None
    """When an identity provider took a second factor; ``None`` where none was given yet."""


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that lasts."""

    session_id: str
    kind: SessionKind
    identity: Identity
    started_at: datetime
    last_used_at: datetime
    """To the minute."""
    expires_at: datetime
    address: str | None = None
    user_agent: str | None = None
    factor_at: datetime | None = None
    """When a second factor was given last."""
    enrolled: frozenset[FactorKind] = frozenset()
    """What its user has set up."""

    @property
    def need(self) -> SessionNeed | None:
        """Judged anew at each request: role and factors may have changed since it began."""
        if self.factor_at is not None:
            return None
        if self.enrolled:
            return SessionNeed.FACTOR
        return SessionNeed.ENROLMENT if needs_factor(self.identity.role) else None

    @property
    def fresh_until(self) -> datetime | None:
        """Until when the factor counts as fresh; ``None`` where none was given."""
        return None if self.factor_at is None else self.factor_at + FACTOR_LASTS

    def is_alive(self, now: datetime) -> bool:
        """Whether neither its end nor idleness has ended it."""
        is_idle = self.kind is SessionKind.BROWSER and now >= self.last_used_at + IDLE_LASTS
        return now < self.expires_at and not is_idle

    def require_finished(self) -> None:
        """:raises SignInUnfinishedError: if a second factor is still to be given or set up."""
        if self.need is SessionNeed.FACTOR:
            raise SignInUnfinishedError("The second factor wasn't given yet.", hint="Give it to finish the sign-in.")
        if self.need is SessionNeed.ENROLMENT:
            raise SignInUnfinishedError(
                f"The role {self.identity.role.value} needs a second factor, and {self.identity.name} has none.",
                hint="Sign in to the console in a browser and set one up.",
            )

    def require_fresh(self, now: datetime) -> None:
        """Whoever has none set up isn't asked for one: where the role needs one nothing else can be done anyway.

        :raises FactorNeededError: if the second factor was given too long ago, or not at all.
        """
        if not self.enrolled and self.factor_at is None:
            return
        if self.fresh_until is None or now >= self.fresh_until:
            minutes = int(FACTOR_LASTS.total_seconds() // 60)
            raise FactorNeededError(
                f"This needs a second factor that was given in the last {minutes} minutes.",
                hint="Give it again: POST /api/v1/auth/step-up.",
            )


TOTP_SECONDS = 30
"""How long each code lasts. Source: RFC 6238, section 4.1."""


TOTP_DRIFT_STEPS = 1
"""A code of the step before or after is taken too: clocks differ."""


ENROLMENT_LASTS = timedelta(minutes=15)
"""So long a new authenticator app may take to show its first code."""


CHALLENGE_LASTS = timedelta(minutes=5)
"""So long a passkey may take to answer."""


MOST_FACTORS = 10
"""Of one user."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One second factor of one user."""

    factor_id: str
    """``f-…``."""
    identity_id: str
    kind: FactorKind
    name: str | None
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TotpFactor:
    """An authenticator app, with what its codes are made from."""

    factor: Factor
    secret: str = field(repr=False)
    """In base32."""
    last_step: int
    """The newest step whose code was taken: no code is taken twice, and none from before it."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey, with what its answers are checked by. Nothing here is secret."""

    factor: Factor
    credential_id: bytes
    public_key: bytes
    """In COSE. Source: WebAuthn, section 6.5.1.1."""
    sign_count: int
    """Grows with each use where the device counts; one that doesn't grow tells of a copy."""


class ChallengePurpose(StrEnum):
    """What a challenge was made for; an answer to one isn't one to the other."""

    PROVE = "prove"
    REGISTER = "register"


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """What is counted, and how much of it is too much."""

    key: str
    """Whose failures they are, such as ``name ana`` or ``address 192.0.2.7``. Kept as a hash alone."""
    most: int
    """So many failures are borne; the next attempt has to wait."""
    within: timedelta
    """A failure counts for so long."""


_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
"""Source: STS AssumeRole, API version 2011-06-15, SourceIdentity; of its word characters only the ASCII ones."""


SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
"""In characters."""


def parse_identity_name(text: str) -> str:
    """A name that an identity may have.

    :raises InputError: if it isn't one.
    """
    if not _NAME.fullmatch(text):
        raise InputError(
            f"{text!r} can't be the name of a user or token.",
            hint="Take 2 to 64 of A-Z, a-z, 0-9 and _ + = , . @ -: the name also goes into CloudTrail.",
        )
    if fold_name(text) == SERVER_NAME:
        raise InputError(f"{text!r} is what the program calls itself.", hint="Take another name.")
    return text


def fold_name(name: str) -> str:
    """By this two names are compared."""
    return name.casefold()


def require_password(password: str, name: str) -> None:
    """Check that a new password is long enough and isn't the name.

    :raises InputError: if it isn't; the message doesn't show it.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(
            f"The password has {len(password)} characters.",
            hint=f"Take {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}: a few unrelated words make a good one.",
        )
    if fold_name(name) in fold_name(password):
        raise InputError("The password holds the user's name.", hint="Take one that doesn't.")


START_LASTS = timedelta(minutes=10)
"""For so long somebody may take to sign in at the provider."""


LEEWAY = timedelta(minutes=1)
"""By so much the provider's clock may be off."""


_LONGEST_PATH = 1_024


_ROLES = tuple(ServerRole)
"""The weakest first."""


@dataclass(frozen=True, slots=True)
class ProviderRules:
    """What the settings say about the provider, and whom it may let in."""

    issuer: str
    client_id: str
    client_secret: str
    """``env:VARIABLE`` or ``file:PATH``; empty for a client without one."""
    name: str
    name_claims: tuple[str, ...]
    """The first one that the provider tells is the person's name here."""
    groups_claim: str
    roles: Mapping[str, ServerRole]
    """By group."""
    factor_methods: frozenset[str]
    """Values of ``amr`` that prove a second factor."""

    def choose_role(self, groups: Iterable[str]) -> ServerRole | None:
        """The strongest role of these groups; ``None`` if none of them has one."""
        found = [self.roles[group] for group in groups if group in self.roles]
        return max(found, key=_ROLES.index, default=None)

    def require_role(self, person: ProviderIdentity) -> ServerRole:
        """:raises PermissionDeniedError: if none of the person's groups has a role."""
        role = self.choose_role(person.groups)
        if role is None:
            raise PermissionDeniedError(
                f"{person.name} is signed in at {self.name}, and none of that person's groups has a role here.",
                hint=f"Have {person.name} put into a group that the setting oidc.groups names; {self.name} must send "
                f"the groups in the claim {self.groups_claim}.",
            )
        return role


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Somebody whose identity the provider has proven just now."""

    issuer: str
    subject: str
    """Never changes, and is given to nobody else; the name may."""
    name: str
    groups: tuple[str, ...]
    methods: frozenset[str] = frozenset()
    """How the person was recognized. Source: RFC 8176."""
    authenticated_at: datetime | None = None
    """When the person signed in there; ``None`` if the provider doesn't say."""

    @property
    def proof_hash(self) -> str:
        """What an identity is found by again."""
        return hash_subject(self.issuer, self.subject)


def hash_subject(issuer: str, subject: str) -> str:
    """One text for a person of a provider."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode(errors="surrogatepass")).hexdigest()


def find_factor_time(person: ProviderIdentity, rules: ProviderRules, now: datetime) -> datetime | None:
    """When the provider has taken a second factor; ``None`` if it doesn't say that it has.

    A provider that doesn't say when counts as one that did it too long ago for what is weighty.
    """
    if person.methods.isdisjoint(rules.factor_methods):
        return None
    long_ago = now - FACTOR_LASTS
    return long_ago if person.authenticated_at is None else min(person.authenticated_at, now)


def require_just_signed_in(person: ProviderIdentity, asked_at: datetime) -> None:
    """Check that the provider has asked the person anew.

    :raises NotSignedInError: if it hasn't, or doesn't say.
    """
    if person.authenticated_at is None or person.authenticated_at < asked_at - LEEWAY:
        raise NotSignedInError(
            "The identity provider hasn't asked you to sign in again.",
            hint="Set up a second factor here instead, or have the provider honour prompt=login and send auth_time.",
        )


def require_return_path(text: str) -> str:
    """A path of this server, to which a browser may be sent.

    :raises InputError: if it leads, or could be read to lead, anywhere else.
    """
    is_plain = text.isascii() and text.isprintable() and "\\" not in text and " " not in text
    if not is_plain or len(text) > _LONGEST_PATH or not text.startswith("/") or text.startswith("//"):
        raise InputError("return_to isn't a path of this server.", hint="Give one that begins with a single slash.")
    return text
