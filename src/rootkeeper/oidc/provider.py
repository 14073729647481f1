"""The identity provider that the settings name: where it is, and who has signed in there.

Only addresses that the issuer's own discovery document names are asked, by TLS unless the issuer is on this machine,
and no redirect is followed. Keys are read anew at each sign-in, so that new ones count at once.
Source: OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from rootkeeper.domain.identity_providers import ProviderIdentity, ProviderRules
from rootkeeper.errors import IdentityProviderError, NotSignedInError
from rootkeeper.oidc.client_secret import read_client_secret
from rootkeeper.oidc.id_tokens import read_id_token
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.identity_providers import AuthorizationRequest
from rootkeeper.settings.provider_rules import require_safe_address

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
