"""Identity Center, mailboxes, issued sessions, and the sign-ins of browsers.

Nothing revokes temporary credentials: they last until they expire, as observed of root sessions, which outlived the
features, the delegate and the trust (aws-facts B8). Of a browser's ids and tokens only the SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from rootkeeper_sandbox.exchange import Credential, Principal
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.state.accounts import (
    derive_bytes,
    new_access_key_id,
    new_secret_access_key,
    new_session_token,
)
from rootkeeper_sandbox.state.organization import Organization


@dataclass(slots=True)
class IdentityUser:
    """A person in the identity store."""

    user_id: str
    user_name: str
    display_name: str
    email: str


@dataclass(slots=True)
class IdentityGroup:
    group_id: str
    display_name: str
    description: str = ""
    member_ids: dict[str, str] = field(default_factory=dict)
    """Membership ids by user id."""


@dataclass(slots=True)
class PermissionSet:
    """The permissions of its holders in the accounts in which they hold it."""

    arn: str
    name: str
    created_at: datetime
    description: str = ""
    session_duration: str = "PT1H"
    inline_policy: str = ""
    """JSON text; empty for none."""
    managed_policies: dict[str, str] = field(default_factory=dict)
    """Names by ARN."""
    customer_policies: dict[str, str] = field(default_factory=dict)
    """Paths by name; their bodies live in each account."""
    boundary_arn: str | None = None
    """The AWS managed policy that bounds it."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A permission set in an account, assigned to a user or group."""

    account_id: str
    permission_set_arn: str
    principal_type: str
    """``USER`` or ``GROUP``."""
    principal_id: str


@dataclass(slots=True)
class IdentityCenter:
    """The organization's instance."""

    instance_arn: str
    identity_store_id: str
    owner_account_id: str
    region: str
    created_at: datetime
    name: str = ""
    is_down: bool = False
    users: dict[str, IdentityUser] = field(default_factory=dict)
    groups: dict[str, IdentityGroup] = field(default_factory=dict)
    permission_sets: dict[str, PermissionSet] = field(default_factory=dict)
    """By ARN."""
    assignments: list[Assignment] = field(default_factory=list)

    def group_ids_of(self, user_id: str) -> list[str]:
        return [group.group_id for group in self.groups.values() if user_id in group.member_ids]

    def account_ids_with(self, permission_set_arn: str) -> list[str]:
        """List the accounts into which a permission set is provisioned: those in which it is assigned."""
        held = (a.account_id for a in self.assignments if a.permission_set_arn == permission_set_arn)
        return list(dict.fromkeys(held))

    def arns_in(self, account_id: str) -> list[str]:
        """List the permission sets provisioned into an account."""
        return list(dict.fromkeys(a.permission_set_arn for a in self.assignments if a.account_id == account_id))

    def held_by(self, principal_type: str, principal_id: str) -> Iterator[Assignment]:
        """Give the assignments of a user or group; a user's include those of its groups."""
        holders = {(principal_type, principal_id)}
        if principal_type == "USER":
            holders |= {("GROUP", group_id) for group_id in self.group_ids_of(principal_id)}
        for assignment in self.assignments:
            if (assignment.principal_type, assignment.principal_id) in holders:
                yield assignment


def make_identity_center(organization: Organization, seed: str, now: datetime) -> IdentityCenter:
    """Make the instance that every organization has, without people in it."""
    noise = derive_bytes("identity-center", seed, organization.organization_id).hex()
    return IdentityCenter(
        instance_arn=f"arn:{organization.partition}:sso:::instance/ssoins-{noise[:16]}",
        identity_store_id=f"d-{noise[16:26]}",
        owner_account_id=organization.management_account_id,
        region=PARTITIONS[organization.partition].home_region,
        created_at=now,
    )


_KEPT_PER_ADDRESS = 100


@dataclass(frozen=True, slots=True)
class Message:
    """An e-mail."""

    sender: str
    recipient: str
    subject: str
    body: str
    sent_at: datetime


@dataclass
class Mailboxes:
    """All messages by address, oldest first; addresses compare without regard to case."""

    _messages: dict[str, list[Message]] = field(default_factory=dict)

    def deliver(self, message: Message) -> None:
        messages = self._messages.setdefault(message.recipient.lower(), [])
        messages.append(message)
        del messages[:-_KEPT_PER_ADDRESS]

    def messages(self, address: str) -> tuple[Message, ...]:
        return tuple(self._messages.get(address.lower(), ()))

    def counts(self) -> list[tuple[str, int]]:
        """List the addresses that have mail, in order, with the number of messages."""
        return sorted((address, len(messages)) for address, messages in self._messages.items() if messages)


_KEPT_AFTER_EXPIRY = timedelta(minutes=15)
_SWEPT_FIRST_AT = 4096
"""Afterwards whenever there are twice as many as the last sweep left: each session is looked at seldom, if ever."""


@dataclass
class Sessions:
    """Issued sessions by access key id. Expired sessions are answered as expired for a while, then forgotten."""

    _credentials: dict[str, Credential] = field(default_factory=dict)
    _swept_at: int = field(default=_SWEPT_FIRST_AT, metadata={"is_kept": False})

    def __len__(self) -> int:
        return len(self._credentials)

    def add(self, credential: Credential, now: datetime) -> None:
        self._credentials[credential.access_key_id] = credential
        if len(self._credentials) >= self._swept_at:
            self._forget_expired(now)
            self._swept_at = max(_SWEPT_FIRST_AT, 2 * len(self._credentials))

    def issue(self, principal: Principal, now: datetime, expires_at: datetime) -> Credential:
        """Issue credentials that prove ``principal``, with its access key id filled in.

        Key, secret and token are random. An ``expires_at`` of ``now`` gives credentials that have expired already
        (assumed).
        """
        access_key_id = new_access_key_id("ASIA", principal.account_id)
        credential = Credential(
            access_key_id=access_key_id,
            secret_access_key=new_secret_access_key(),
            principal=replace(principal, access_key_id=access_key_id),
            session_token=new_session_token(),
            expires_at=expires_at,
        )
        self.add(credential, now)
        return credential

    def find(self, access_key_id: str) -> Credential | None:
        return self._credentials.get(access_key_id)

    def _forget_expired(self, now: datetime) -> None:
        limit = now - _KEPT_AFTER_EXPIRY
        for key, credential in list(self._credentials.items()):
            if credential.expires_at is not None and credential.expires_at <= limit:
                del self._credentials[key]


SESSION_LIFETIME = timedelta(hours=12)
"""Source: AWS Sign-In User Guide: a console session of a root user or IAM user lasts 12 hours."""
RESET_LIFETIME = timedelta(minutes=60)
"""AWS says only that its links are time-limited."""
MFA_GRACE = timedelta(days=35)
"""How long a root user may put off registering MFA. Source: aws-facts E."""
MAX_FAILURES = 10
MAX_ENTRIES = 10_000
"""Of each kind; the oldest go first."""


@dataclass(slots=True)
class Expiring:
    """Something that a browser began, and that ends by itself."""

    began_at: datetime
    lifetime: ClassVar[timedelta]

    @property
    def expires_at(self) -> datetime:
        return self.began_at + self.lifetime


@dataclass(slots=True)
class SignInSession(Expiring):
    """A root user who is signed in. Nothing but its end or signing out ends it."""

    lifetime = SESSION_LIFETIME
    account_id: str
    access_key_id: str
    """Of the temporary credentials that the console would call AWS with."""
    has_mfa: bool


@dataclass(slots=True)
class MfaChallenge(Expiring):
    """A browser that sent the right password and must send a code."""

    lifetime = timedelta(minutes=5)
    account_id: str
    profile_created_at: datetime
    """Of the login profile that the password belonged to: another profile has another password."""
    remaining_tries: int = 5


@dataclass(slots=True)
class PasswordReset(Expiring):
    """A link that sets the password once; any holder of the link can use it."""

    lifetime = RESET_LIFETIME
    account_id: str
    profile_created_at: datetime
    """The link is void once this login profile is gone, even if another profile exists."""


@dataclass(slots=True)
class Failures(Expiring):
    """Attempts that failed for an e-mail address."""

    lifetime = timedelta(minutes=15)
    number: int = 0


_Entry = TypeVar("_Entry", bound=Expiring)


@dataclass(slots=True)
class SignInStore:
    sessions: dict[str, SignInSession] = field(default_factory=dict)
    challenges: dict[str, MfaChallenge] = field(default_factory=dict)
    resets: dict[str, PasswordReset] = field(default_factory=dict)
    failures: dict[str, Failures] = field(default_factory=dict)
    """By the ``digest`` of a browser's id, a link's token, or a purpose and e-mail address."""

    def forget_resets(self, account_id: str) -> None:
        """Make all links of an account useless."""
        for key in [key for key, reset in self.resets.items() if reset.account_id == account_id]:
            del self.resets[key]

    def is_held_off(self, key: str, now: datetime) -> bool:
        """Return whether so many attempts have failed that no more are taken for a while."""
        failures = find_entry(self.failures, key, now)
        return failures is not None and failures.number >= MAX_FAILURES

    def count_failure(self, key: str, now: datetime) -> None:
        failures = find_entry(self.failures, key, now)
        if failures is None:
            failures = Failures(now)
            add_entry(self.failures, key, failures, now)
        failures.number += 1


def digest(*words: str) -> str:
    """Give the SHA-256 that is kept of ids and tokens."""
    return hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def add_entry(entries: dict[str, _Entry], key: str, entry: _Entry, now: datetime) -> None:
    """Add an entry; sweeps those that have ended, and drops the oldest of too many."""
    for ended in [key for key, found in entries.items() if found.expires_at <= now]:
        del entries[ended]
    while len(entries) >= MAX_ENTRIES:
        del entries[next(iter(entries))]
    entries[key] = entry


def find_entry(entries: dict[str, _Entry], key: str, now: datetime) -> _Entry | None:
    """Find an entry that hasn't expired."""
    entry = entries.get(key)
    return entry if entry is not None and now < entry.expires_at else None
