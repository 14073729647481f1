"""Signing in at the organization's identity provider: sent there, and back with a proof that is good for once.

A browser that is sent there keeps a secret in a cookie. All that belongs together is made from it: what the provider
sends back with the browser (state), what it signs (nonce), and what redeems its code (PKCE). So a sign-in that somebody
else began, or one that was answered before, is refused at whichever server; the database only has a hash of the secret.
Source: OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9700, section 2.1.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rootkeeper.domain.attempt_limits import AttemptLimit
from rootkeeper.domain.identity_providers import (
    START_LASTS,
    ProviderRules,
    find_factor_time,
    require_just_signed_in,
    require_return_path,
)
from rootkeeper.domain.sessions import Session, SessionKind
from rootkeeper.errors import NotSignedInError, TooManyAttemptsError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.failure_counting import FailureCounter
from rootkeeper.ports.identity_providers import AuthorizationRequest, IdentityProvider, SignInStart, SignInStarts
from rootkeeper.ports.sessions import SessionStore
from rootkeeper.workflows.access import IdentityService
from rootkeeper.workflows.sessions import AuthenticatedSession, ClientOrigin, make_session

_SECRET_BYTES = 32
_MOST_STARTS, _STARTS_COUNT = 300, timedelta(minutes=5)
"""So many sign-ins may be begun from one address, whatever comes of them."""


@dataclass(frozen=True, slots=True)
class StartedProviderSignIn:
    """A browser that is about to be sent to the provider."""

    address: str = field(repr=False)
    """Where to."""
    secret: str = field(repr=False)
    """For the browser's cookie."""


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What a browser came back with."""

    secret: str | None = field(repr=False)
    """Of its cookie."""
    state: str = field(repr=False)
    code: str | None = field(repr=False)
    error: str | None = None
    """Why the provider let nobody in, in its own code."""


@dataclass(frozen=True, slots=True)
class CompletedProviderSignIn:
    """Somebody who is signed in now."""

    session: AuthenticatedSession
    return_to: str


@dataclass(frozen=True, slots=True)
class ProviderSignInService:
    """Lets people sign in at the provider that the settings name."""

    rules: ProviderRules
    provider: IdentityProvider
    starts: SignInStarts
    sessions: SessionStore
    failures: FailureCounter
    clock: Clock

    def begin(
        self, return_to: str, redirect_uri: str, client_origin: ClientOrigin, confirms: Session | None = None
    ) -> StartedProviderSignIn:
        """Where a browser is sent, and what it keeps until it comes back.

        :param return_to: the path where it goes once somebody is signed in.
        :param confirms: the sign-in that shall be proven anew, as a second factor does it.
        :raises InputError: if ``return_to`` isn't a path of this server.
        :raises TooManyAttemptsError: if too many were begun from this address.
        :raises IdentityProviderError: if the provider can't be asked.
        """
        path, now = require_return_path(return_to), self.clock.now()
        limit = AttemptLimit(f"provider sign-in from {client_origin.address}", _MOST_STARTS, _STARTS_COUNT)
        if self.failures.begin_attempt([limit]) is None:
            raise TooManyAttemptsError(
                "Too many sign-ins were begun.",
                hint="Wait 5 minutes, then try again.",
                wait_seconds=int(_STARTS_COUNT.total_seconds()),
            )
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        question = replace(make_authorization_request(secret, redirect_uri), forces_login=confirms is not None)
        address = self.provider.make_address(question)
        session_id = None if confirms is None else confirms.session_id
        self.starts.keep(secret, SignInStart(now, now + START_LASTS, path, session_id))
        return StartedProviderSignIn(address, secret)

    def finish(
        self, answer: ProviderAnswer, redirect_uri: str, keeping: IdentityService, client_origin: ClientOrigin
    ) -> CompletedProviderSignIn:
        """Sign somebody in whom the provider has proven; whatever comes of it, the answer is used up.

        :param keeping: in the server's own name: it is the provider who decides.
        :raises NotSignedInError: if the answer proves nothing, belongs to another browser, or was used before.
        :raises PermissionDeniedError: if the person has no role here, or the name is somebody else's.
        :raises IdentityProviderError: if the provider can't be asked.
        """
        secret, start = self._take(answer)
        if answer.error is not None or answer.code is None:
            raise NotSignedInError(
                f"{self.rules.name} let nobody in.", hint="Try again, or ask who keeps the identity provider."
            )
        person = self.provider.redeem(answer.code, make_authorization_request(secret, redirect_uri), self.clock.now())
        if start.session_id is not None:
            require_just_signed_in(person, start.started_at)
        identity = keeping.admit(person, self.rules.require_role(person))
        self._end_former(start, identity.identity_id)
        factor_at = find_factor_time(person, self.rules, self.clock.now())
        return CompletedProviderSignIn(
            self._begin_session(identity.identity_id, client_origin, factor_at), start.return_to
        )

    def _take(self, answer: ProviderAnswer) -> tuple[str, SignInStart]:
        """The state is compared before the start is used up, so that nobody but the browser itself can do that."""
        secret = answer.secret
        expected = "" if secret is None else derive(secret, "state")
        if secret is None or not hmac.compare_digest(expected.encode(), answer.state.encode(errors="surrogatepass")):
            raise _not_begun()
        start = self.starts.take(secret)
        if start is None:
            raise _not_begun()
        return secret, start

    def _end_former(self, start: SignInStart, identity_id: str) -> None:
        """The one that was proven anew is replaced.

        :raises NotSignedInError: if it was somebody else who came back.
        """
        if start.session_id is None:
            return
        if self.sessions.end_session(start.session_id, identity_id) is None:
            raise NotSignedInError(
                "Somebody else has signed in at the identity provider, or the sign-in here has ended.",
                hint="Sign in again.",
            )

    def _begin_session(
        self, identity_id: str, client_origin: ClientOrigin, factor_at: datetime | None
    ) -> AuthenticatedSession:
        new = replace(make_session(SessionKind.BROWSER, client_origin, self.clock), factor_at=factor_at)
        session = self.sessions.begin(identity_id, new)
        if session is None:
            raise NotSignedInError("The user was disabled just now.", hint="Ask an administrator.")
        return AuthenticatedSession(session, new.secret)


def make_authorization_request(secret: str, redirect_uri: str) -> AuthorizationRequest:
    """All that belongs to the sign-in of that secret."""
    return AuthorizationRequest(
        redirect_uri, derive(secret, "state"), derive(secret, "nonce"), derive(secret, "verifier")
    )


def derive(secret: str, purpose: str) -> str:
    """43 characters that tell nothing of the secret, nor of those of another purpose."""
    digest = hmac.new(secret.encode(errors="surrogatepass"), f"rootkeeper oidc {purpose}".encode(), hashlib.sha256)
    return urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def _not_begun() -> NotSignedInError:
    return NotSignedInError(
        "This sign-in wasn't begun in this browser, has ended, or was answered before.", hint="Sign in again."
    )
