"""What sign-in at an identity provider needs from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from rootkeeper.domain.identity_providers import ProviderIdentity


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a browser is sent to the provider with. All of it but the verifier is seen by the browser."""

    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    """Of PKCE. Source: RFC 7636."""
    forces_login: bool = False
    """Whether the person has to sign in again there, though signed in already."""


class IdentityProvider(Protocol):
    """The provider that the settings name."""

    def make_address(self, question: AuthorizationRequest) -> str:
        """Where a browser is sent to.

        :raises IdentityProviderError: if the provider can't be asked where that is.
        """
        ...

    def redeem(self, code: str, question: AuthorizationRequest, now: datetime) -> ProviderIdentity:
        """Who has signed in there. A code is good for once.

        :raises NotSignedInError: if the provider refuses the code, or what it answers doesn't prove anything.
        :raises IdentityProviderError: if it can't be asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class SignInStart:
    """A sign-in at the provider that somebody began in a browser."""

    started_at: datetime
    ends_at: datetime
    return_to: str
    session_id: str | None = None
    """Of the sign-in that it confirms anew; ``None`` for a first one."""


class SignInStarts(Protocol):
    """Sign-ins that were begun, of one organization. Their secrets go in and never come out.

    :raises DatabaseError: if the database can't be read or written.
    """

    def keep(self, secret: str, start: SignInStart) -> None: ...

    def take(self, secret: str) -> SignInStart | None:
        """The start of that secret, once; ``None`` if there is none, or it has ended."""
        ...
