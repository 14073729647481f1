"""Sign-in at the organization's identity provider (OpenID Connect).

What sign-in at an identity provider needs from outside.

Reading the client's secret where its reference says, each time that it is needed: it is kept nowhere else.

Checking an ID token: whose it is, for whom, until when, and that the provider has signed it for this very sign-in.

Source: OpenID Connect Core 1.0, section 3.1.3.7.

The identity provider that the settings name: where it is, and who has signed in there.

Only addresses that the issuer's own discovery document names are asked, by TLS unless the issuer is on this machine,
and no redirect is followed. Keys are read anew at each sign-in, so that new ones count at once.
Source: OpenID Connect Discovery 1.0, section 4.

Signing in at the organization's identity provider: sent there, and back with a proof that is good for once.

A browser that is sent there keeps a secret in a cookie. All that belongs together is made from it: what the provider
sends back with the browser (state), what it signs (nonce), and what redeems its code (PKCE). So a sign-in that somebody
else began, or one that was answered before, is refused at whichever server; the database only has a hash of the secret.
Source: OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9700, section 2.1.
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
from rootkeeper.access.service import AuthenticatedSession, ClientOrigin, IdentityService, SessionStore, make_session
from rootkeeper.clock import Clock
from rootkeeper.errors import IdentityProviderError, NotSignedInError, SettingsError, TooManyAttemptsError
from rootkeeper.references import read_reference, require_safe_address


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


def read_client_secret(reference: str, environment: Mapping[str, str]) -> str | None:
    """The secret; ``None`` for a client that has none.

    :raises IdentityProviderError: if there is none where the reference says, or others may read its file.
    """
    if not reference:
        return None
    try:
        return read_reference(reference, environment)
    except SettingsError as error:
        raise IdentityProviderError(
            f"The client secret of the identity provider can't be used: {error.message}.",
            hint="Put the secret where the setting oidc.client_secret says, readable by the server alone.",
        ) from error


ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a key pair alone: none that whoever knows the client's secret could make."""


_LONGEST_SUBJECT = 255
"""Source: OpenID Connect Core 1.0, section 2."""


_MOST_GROUPS = 10_000


def read_id_token(
    text: object, keys: Mapping[str, Any], rules: ProviderRules, nonce: str, now: datetime
) -> ProviderIdentity:
    """Who it says has signed in.

    :param keys: the provider's, as a JSON Web Key Set.
    :raises NotSignedInError: if it doesn't prove that; the message shows nothing of it.
    """
    claims = _read_signed(text, keys)
    if claims.get("iss") != rules.issuer:
        raise _unproven("it is of another provider")
    _require_own_audience(claims, rules.client_id)
    _require_in_time(claims, now)
    if claims.get("nonce") != nonce:
        raise _unproven("it belongs to another sign-in")
    return _read_person(claims, rules)


def _read_signed(text: object, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(text, str):
        raise _unproven("there is none")
    try:
        key_set = KeySet.import_key_set({"keys": list(keys["keys"])})
        return jwt.decode(text, key_set, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _unproven("its signature isn't the provider's") from error


def _require_own_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", client_id if len(audiences) == 1 else None)
    if client_id not in audiences or party != client_id:
        raise _unproven("it is for another client")


def _require_in_time(claims: Mapping[str, Any], now: datetime) -> None:
    ends_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
    begins_at = _moment(claims, "nbf") or issued_at
    if ends_at is None or issued_at is None or begins_at is None:
        raise _unproven("it doesn't say from when to when it is valid")
    if now >= ends_at + LEEWAY:
        raise _unproven("it has expired")
    if max(issued_at, begins_at) > now + LEEWAY:
        raise _unproven("it isn't valid yet, so that one of the clocks is wrong")


def _read_person(claims: Mapping[str, Any], rules: ProviderRules) -> ProviderIdentity:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _unproven("it names nobody")
    name = next((claims[claim] for claim in rules.name_claims if _is_a_name(claims, claim)), None)
    if not name:
        raise NotSignedInError(
            f"{rules.name} doesn't tell the person's name.",
            hint=f"It must send one of the claims {', '.join(rules.name_claims)} (the setting oidc.name_claims).",
        )
    return ProviderIdentity(
        issuer=rules.issuer,
        subject=subject,
        name=name,
        groups=_texts(claims.get(rules.groups_claim))[:_MOST_GROUPS],
        methods=frozenset(_texts(claims.get("amr"))),
        authenticated_at=_moment(claims, "auth_time"),
    )


def _is_a_name(claims: Mapping[str, Any], claim: str) -> bool:
    """An address that the provider itself says it hasn't verified is whatever somebody has typed there.

    Source: OpenID Connect Core 1.0, section 5.1; some providers send the boolean as text.
    """
    is_unverified = claim == "email" and str(claims.get("email_verified")).lower() == "false"
    return isinstance(claims.get(claim), str) and not is_unverified


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
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, Sequence) else ()


def _unproven(why: str) -> NotSignedInError:
    return NotSignedInError(
        f"The identity provider's ID token can't be used: {why}.",
        hint="Sign in again. If that doesn't help, check the settings of oidc and of the client at the provider.",
    )


TIMEOUT_SECONDS = 10.0
"""For connecting, and for each pause in an answer."""


SCOPE = "openid profile email"


_DISCOVERY = "/.well-known/openid-configuration"


_KNOWN_SECONDS = 300.0
"""For so long its addresses are known without asking."""


_LARGEST_BYTES = 1024 * 1024


_ASKED_AT_ONCE = 16
"""Anybody may begin a sign-in: those who wait for a provider that doesn't answer leave threads for everybody else."""


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Where the provider is asked for what."""

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
    """By so many threads; one more is refused at once."""
    _known: _Addresses | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._turns = threading.BoundedSemaphore(self.asked_at_once)

    def make_address(self, question: AuthorizationRequest) -> str:
        with self._asking():
            addresses = self._find_addresses()
        anew = {"prompt": "login", "max_age": "0"} if question.forces_login else {}
        with self._make_client(question, addresses, secret=None) as client:
            address, _ = client.create_authorization_url(
                addresses.authorization,
                state=question.state,
                code_verifier=question.verifier,
                nonce=question.nonce,
                **anew,
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
        """:raises IdentityProviderError: if so many wait for it already that one more would keep others waiting."""
        if not self._turns.acquire(blocking=False):
            raise IdentityProviderError(
                f"{self.rules.name} keeps too many sign-ins waiting.", hint="Try again in a moment."
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
            known, now = self._known, self.clock.monotonic()
            if known is None or now - known.known_at >= _KNOWN_SECONDS:
                known = self._known = self._read_addresses(now)
            return known

    def _read_addresses(self, now: float) -> _Addresses:
        document = self._read_document(self.rules.issuer.rstrip("/") + _DISCOVERY, "discovery document")
        if document.get("issuer") != self.rules.issuer:
            raise IdentityProviderError(
                f"The identity provider calls itself {_plain(document.get('issuer'))}, not {self.rules.issuer}.",
                hint="Set oidc.issuer exactly as the provider's discovery document has it.",
            )
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return _Addresses(
            authorization=self._safe(document, "authorization_endpoint"),
            token=self._safe(document, "token_endpoint"),
            keys=self._safe(document, "jwks_uri"),
            takes_basic="client_secret_basic" in methods,
            known_at=now,
        )

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
        """What a library tells may hold a secret, so that only its kind is told."""
        return IdentityProviderError(
            f"{self.rules.name} can't be asked ({type(error).__name__}).",
            hint="Try again later. Until then a local administrator can sign in with a password.",
        )


def _plain(text: object) -> str:
    """Short and printable: it comes from elsewhere."""
    return "".join(character for character in str(text)[:200] if character.isprintable())


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
