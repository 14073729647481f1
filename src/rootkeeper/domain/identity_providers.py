"""Sign-in at the organization's own identity provider (OpenID Connect): who is admitted, in which role, and how surely.

Source: OpenID Connect Core 1.0; RFC 8176 for what ``amr`` tells of a sign-in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.domain.access import ServerRole
from rootkeeper.domain.sessions import FACTOR_LASTS
from rootkeeper.errors import InputError, NotSignedInError, PermissionDeniedError

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
