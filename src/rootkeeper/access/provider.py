"""Sign-in at the organization's identity provider (OpenID Connect).

The browser keeps a secret in a cookie. State, nonce and the PKCE verifier are derived from it, so every server
refuses a sign-in that another browser began, or that was answered before; the database has only a hash of the secret.

Requests go only to addresses in the issuer's discovery document, with TLS unless the issuer is on this machine, and
follow no redirect. Keys are read at each sign-in, so that new keys count at once.

Source: OpenID Connect Core 1.0, sections 3.1 and 3.1.3.7; Discovery 1.0, section 4; RFC 7636; RFC 9700, section 2.1.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from rootkeeper.access.counts import FailureCounter
from rootkeeper.access.factor_store import SignInStart, SignInStartStore
from rootkeeper.access.rules import (
    LEEWAY,
    START_LASTS,
    AttemptLimit,
    ProviderIdentity,
    ProviderRules,
    Session,
    SessionKind,
    find_factor_time,
    require_just_signed_in,
    require_return_path,
)
from rootkeeper.access.service import AuthenticatedSession, ClientOrigin, IdentityService, make_session
from rootkeeper.access.store import SessionStore
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    IdentityProviderError,
    NotSignedInError,
    SettingsError,
    TooManyAttemptsError,
    make_setting_hint,
)
from rootkeeper.references import read_reference, require_safe_address


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The parameters of a sign-in at the provider. The browser sees all but the verifier."""

    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    """Of PKCE. Source: RFC 7636."""
    forces_login: bool = False
    """Whether the person must sign in again there, even if signed in already."""


class IdentityProvider(Protocol):
    """The provider that the settings name."""

    def make_address(self, question: AuthorizationRequest) -> str:
        """Return the address to which the browser is sent.

        :raises IdentityProviderError: if the provider can't be reached.
        """
        ...

    def redeem(self, code: str, question: AuthorizationRequest, now: datetime) -> ProviderIdentity:
        """Return who has signed in there. A code works once.

        :raises NotSignedInError: if the provider refuses the code, or its answer doesn't prove who signed in.
        :raises IdentityProviderError: if the provider can't be reached.
        """
        ...


def read_client_secret(reference: str, environment: Mapping[str, str]) -> str | None:
    """Read the client secret, which is kept nowhere else; ``None`` for a client without a secret.

    :raises IdentityProviderError: if the reference leads to no secret, or other users may read its file.
    """
    if not reference:
        return None
    try:
        return read_reference(reference, environment)
    except SettingsError as error:
        raise IdentityProviderError(
            f"The client secret of the identity provider can't be used: {error.message}.",
            hint=make_setting_hint(
                "Put the secret where the server's settings say, readable by the server only.", "oidc.client_secret"
            ),
        ) from error


ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Only signatures with a key pair. Everyone who knows the client secret could make the others."""

_LONGEST_SUBJECT = 255
"""Source: OpenID Connect Core 1.0, section 2."""

_MOST_GROUPS = 10_000


def read_id_token(
    text: object, keys: Mapping[str, Any], rules: ProviderRules, nonce: str, now: datetime
) -> ProviderIdentity:
    """Verify an ID token, and return who has signed in.

    :param keys: the provider's JSON Web Key Set.
    :raises NotSignedInError: if it proves nothing; the message shows nothing of the token.
    """
    if not isinstance(text, str):
        raise _unproven("there is none")
    try:
        key_set = KeySet.import_key_set({"keys": list(keys["keys"])})
        claims: Mapping[str, Any] = jwt.decode(text, key_set, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _unproven("its signature isn't the provider's") from error
    if claims.get("iss") != rules.issuer:
        raise _unproven("another provider issued it")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", rules.client_id if len(audiences) == 1 else None)
    if rules.client_id not in audiences or party != rules.client_id:
        raise _unproven("it is for another client")
    ends_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
    begins_at = _moment(claims, "nbf") or issued_at
    if ends_at is None or issued_at is None or begins_at is None:
        raise _unproven("it has no time of issue or no end")
    if now >= ends_at + LEEWAY:
        raise _unproven("it has expired")
    if max(issued_at, begins_at) > now + LEEWAY:
        raise _unproven("it isn't valid yet, so one of the clocks is wrong")
    if claims.get("nonce") != nonce:
        raise _unproven("it belongs to another sign-in")
    return _read_person(claims, rules)


def _read_person(claims: Mapping[str, Any], rules: ProviderRules) -> ProviderIdentity:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _unproven("it names no person")
    # An e-mail address that the provider hasn't verified can be any text, so it isn't a name. Only a boolean counts.
    # Source: OpenID Connect Core 1.0, section 5.1.
    unverified = set() if claims.get("email_verified") is True else {"email"}
    usable = (claim for claim in rules.name_claims if isinstance(claims.get(claim), str) and claim not in unverified)
    name = next((claims[claim] for claim in usable), None)
    if not name:
        raise NotSignedInError(
            f"{rules.name} doesn't send the person's name.",
            hint=make_setting_hint(
                f"It must send one of the claims {', '.join(rules.name_claims)}. The claim email counts only if "
                "email_verified is true.",
                "oidc.name_claims",
            ),
        )
    return ProviderIdentity(
        issuer=rules.issuer,
        subject=subject,
        name=name,
        groups=_texts(claims.get(rules.groups_claim))[:_MOST_GROUPS],
        methods=frozenset(_texts(claims.get("amr"))),
        authenticated_at=_moment(claims, "auth_time"),
    )


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Source: RFC 7519, section 2, NumericDate: seconds since 1970."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, Sequence) else ()


def _unproven(why: str) -> NotSignedInError:
    return NotSignedInError(
        f"The identity provider's ID token can't be used: {why}.",
        hint="Sign in again. If that doesn't help, check the settings of oidc and of the client at the provider.",
    )


TIMEOUT_SECONDS = 10.0
"""To connect, and for each pause in an answer."""

SCOPE = "openid profile email"

_KNOWN_SECONDS = 300.0
"""How long its addresses are cached."""

_LARGEST_BYTES = 1024 * 1024

_ASKED_AT_ONCE = 16
"""Threads that may wait for the provider. Anyone can begin a sign-in, and other requests need threads too."""


@dataclass(frozen=True, slots=True)
class _Addresses:
    """The provider's endpoints."""

    authorization: str
    token: str
    keys: str
    takes_basic: bool
    """Whether the client's secret goes into a header; else into the body."""
    known_at: float


@dataclass
class OidcProvider:
    """Implements the port IdentityProvider; safe in many threads."""

    rules: ProviderRules
    clock: Clock
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    asked_at_once: int = _ASKED_AT_ONCE
    _known: _Addresses | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._turns = threading.BoundedSemaphore(self.asked_at_once)

    def make_address(self, question: AuthorizationRequest) -> str:
        with self._asking():
            addresses = self._find_addresses()
        fresh = {"prompt": "login", "max_age": "0"} if question.forces_login else {}
        with self._make_client(question, addresses, secret=None) as client:
            address, _ = client.create_authorization_url(
                addresses.authorization,
                state=question.state,
                code_verifier=question.verifier,
                nonce=question.nonce,
                **fresh,
            )
        return str(address)

    def redeem(self, code: str, question: AuthorizationRequest, now: datetime) -> ProviderIdentity:
        with self._asking():
            addresses = self._find_addresses()
            answer = self._fetch_token(code, question, addresses)
            keys = self._read_document(addresses.keys, "keys")
        return read_id_token(answer.get("id_token"), keys, self.rules, question.nonce, now)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """:raises IdentityProviderError: if too many threads wait for the provider already."""
        if not self._turns.acquire(blocking=False):
            raise IdentityProviderError(
                f"Too many sign-ins are waiting for {self.rules.name}.", hint="Try again in a moment."
            )
        try:
            yield
        finally:
            self._turns.release()

    def _fetch_token(self, code: str, question: AuthorizationRequest, addresses: _Addresses) -> Mapping[str, Any]:
        secret = read_client_secret(self.rules.client_secret, self.environment)
        with self._make_client(question, addresses, secret) as client:
            try:
                return dict(
                    client.fetch_token(
                        addresses.token,
                        grant_type="authorization_code",
                        code=code,
                        code_verifier=question.verifier,
                        redirect_uri=question.redirect_uri,
                        timeout=TIMEOUT_SECONDS,
                        allow_redirects=False,
                    )
                )
            except AuthlibBaseError as error:
                raise NotSignedInError(
                    f"{self.rules.name} refused the sign-in: {_plain(error.error)}.",
                    hint="Sign in again. If that doesn't help, check the client's id and secret.",
                ) from None
            except (RequestException, ValueError) as error:
                raise self._unreachable(error) from None

    def _make_client(self, question: AuthorizationRequest, addresses: _Addresses, secret: str | None) -> OAuth2Session:
        method = "none" if secret is None else "client_secret_basic" if addresses.takes_basic else "client_secret_post"
        return OAuth2Session(
            client_id=self.rules.client_id,
            client_secret=secret,
            token_endpoint_auth_method=method,
            scope=SCOPE,
            redirect_uri=question.redirect_uri,
            code_challenge_method="S256",
        )

    def _find_addresses(self) -> _Addresses:
        with self._guard:
            now = self.clock.monotonic()
            if self._known is not None and now - self._known.known_at < _KNOWN_SECONDS:
                return self._known
            address = f"{self.rules.issuer.rstrip('/')}/.well-known/openid-configuration"
            document = self._read_document(address, "discovery document")
            if document.get("issuer") != self.rules.issuer:
                raise IdentityProviderError(
                    f"The identity provider's issuer is {_plain(document.get('issuer'))}, not {self.rules.issuer}.",
                    hint=make_setting_hint(
                        "The server's settings must have the exact issuer of the provider's discovery document.",
                        "oidc.issuer",
                    ),
                )
            methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            self._known = _Addresses(
                authorization=self._safe(document, "authorization_endpoint"),
                token=self._safe(document, "token_endpoint"),
                keys=self._safe(document, "jwks_uri"),
                takes_basic="client_secret_basic" in methods,
                known_at=now,
            )
            return self._known

    def _safe(self, document: Mapping[str, Any], name: str) -> str:
        try:
            is_local = urlsplit(self.rules.issuer).scheme == "http"
            return require_safe_address(str(document.get(name, "")), name, loopback_allowed=is_local)
        except ValueError as error:
            raise IdentityProviderError(
                f"The identity provider's {name} can't be used: it isn't an https address.",
                hint="Check the provider's discovery document.",
            ) from error

    def _read_document(self, address: str, what: str) -> Mapping[str, Any]:
        try:
            with requests.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as response:
                content = response.raw.read(_LARGEST_BYTES + 1, decode_content=True)
                if response.status_code != 200 or len(content) > _LARGEST_BYTES:
                    raise ValueError(f"its {what} couldn't be read (HTTP {response.status_code})")
                found = json.loads(content)
        except (RequestException, HTTPError, ValueError, OSError) as error:
            raise self._unreachable(error) from error
        if not isinstance(found, dict):
            raise self._unreachable(ValueError(f"its {what} isn't one"))
        return found

    def _unreachable(self, error: Exception) -> IdentityProviderError:
        """A library's message may contain a secret, so only the error's class is shown."""
        return IdentityProviderError(
            f"{self.rules.name} can't be reached, or its answer can't be used ({type(error).__name__}).",
            hint="Try again later. Until then a local administrator can sign in with a password.",
        )


def _plain(text: object) -> str:
    return "".join(character for character in str(text)[:200] if character.isprintable())


_SECRET_BYTES = 32

_MOST_STARTS, _STARTS_COUNT = 300, timedelta(minutes=5)
"""How many sign-ins an address may begin within that time."""


@dataclass(frozen=True, slots=True)
class StartedProviderSignIn:
    """Where to send the browser, and the secret for its cookie."""

    address: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """The values that the browser brings back from the provider."""

    secret: str | None = field(repr=False)
    """From its cookie."""
    state: str = field(repr=False)
    code: str | None = field(repr=False)
    error: str | None = None
    """The provider's error code."""


@dataclass(frozen=True, slots=True)
class CompletedProviderSignIn:
    """A sign-in that has just begun, and the path to which the browser returns."""

    session: AuthenticatedSession
    return_to: str


@dataclass(frozen=True, slots=True)
class ProviderSignInService:
    """Signs people in at the provider in the settings."""

    rules: ProviderRules
    provider: IdentityProvider
    starts: SignInStartStore
    sessions: SessionStore
    failures: FailureCounter
    clock: Clock

    def begin(
        self, return_to: str, redirect_uri: str, client_origin: ClientOrigin, confirms: Session | None = None
    ) -> StartedProviderSignIn:
        """Begin a sign-in.

        :param return_to: the path to which the browser returns after the sign-in.
        :param confirms: the sign-in that the provider confirms again, instead of a second factor.
        :raises InputError: if ``return_to`` isn't a path of this server.
        :raises TooManyAttemptsError: if this address began too many.
        :raises IdentityProviderError: if the provider can't be reached.
        """
        path, now = require_return_path(return_to), self.clock.now()
        limit = AttemptLimit(f"provider sign-in from {client_origin.address}", _MOST_STARTS, _STARTS_COUNT)
        if self.failures.begin_attempt([limit]) is None:
            raise TooManyAttemptsError(
                "Too many sign-ins began at this address.",
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
        """Sign in the person that the provider has proven. An answer can be used once, also if the sign-in fails.

        :param keeping: acts in the server's own name, because the provider decides.
        :raises NotSignedInError: if the answer proves nothing, belongs to another browser, or was used before;
            or, for a confirmation, if another person signed in at the provider.
        :raises PermissionDeniedError: if the person has no role here, or the name belongs to another identity.
        :raises IdentityProviderError: if the provider can't be reached.
        """
        secret, state = answer.secret, answer.state.encode(errors="surrogatepass")
        # The state is compared before the start is used up, so only the browser that began the sign-in can use it up.
        is_its_browser = secret is not None and hmac.compare_digest(derive(secret, "state").encode(), state)
        start = self.starts.take(secret) if secret is not None and is_its_browser else None
        if secret is None or start is None:
            raise NotSignedInError(
                "This sign-in began in another browser, has ended, or was answered before.", hint="Sign in again."
            )
        if answer.error is not None or answer.code is None:
            raise NotSignedInError(
                f"{self.rules.name} refused the sign-in.",
                hint="Try again, or ask the administrator of the identity provider.",
            )
        person = self.provider.redeem(answer.code, make_authorization_request(secret, redirect_uri), self.clock.now())
        if start.session_id is not None:
            require_just_signed_in(person, start.started_at)
        identity = keeping.admit(person, self.rules.require_role(person), self.rules.keep_groups(person))
        # The new sign-in replaces the sign-in that the provider has confirmed.
        if start.session_id is not None and self.sessions.end_session(start.session_id, identity.identity_id) is None:
            raise NotSignedInError(
                "Another person signed in at the identity provider, or the sign-in here has ended.",
                hint="Sign in again.",
            )
        factor_at = find_factor_time(person, self.rules, self.clock.now())
        new = replace(make_session(SessionKind.BROWSER, client_origin, self.clock), factor_at=factor_at)
        session = self.sessions.begin(identity.identity_id, new)
        if session is None:
            raise NotSignedInError("The user was just disabled.", hint="Ask an administrator.")
        return CompletedProviderSignIn(AuthenticatedSession(session, new.secret), start.return_to)


def make_authorization_request(secret: str, redirect_uri: str) -> AuthorizationRequest:
    """Derive the parameters of a sign-in from its secret."""
    return AuthorizationRequest(
        redirect_uri, derive(secret, "state"), derive(secret, "nonce"), derive(secret, "verifier")
    )


def derive(secret: str, purpose: str) -> str:
    """Derive 43 characters that reveal neither the secret nor the value for another purpose."""
    digest = hmac.new(secret.encode(errors="surrogatepass"), f"rootkeeper:oidc:{purpose}".encode(), hashlib.sha256)
    return urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
