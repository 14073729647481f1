"""An identity provider on loopback that lies on request: what it signs, for whom and until when can be chosen.

It checks PKCE and the client as RFC 7636 and RFC 6749 demand, and redeems a code once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from rootkeeper.access.rules import ProviderRules
from rootkeeper.settings.reading import make_provider_rules
from rootkeeper.settings.sections import OidcSettings
from tests.fakes.local_servers import QuietHandler, serving_requests

CLIENT_ID, CLIENT_SECRET = "rootkeeper-client", "s3cret of the client"


@dataclass
class OidcServer:
    """Its address, its key, and what it says of the next person."""

    issuer: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k-1"}))
    claims: dict[str, Any] = field(default_factory=dict)
    """Over those that a right ID token has; ``None`` leaves one out."""
    discovery: dict[str, Any] = field(default_factory=dict)
    """Over those of a right discovery document."""
    sign: Any = None
    """Makes the ID token out of its claims, in place of the right way."""
    asked: list[str] = field(default_factory=list)
    """Paths, in order."""
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """What was asked with the browser, by code."""

    def let_in(self, address: str) -> dict[str, str]:
        """What a person's browser does there, who signs in: the parameters that it comes back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def describe(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.discovery,
        }

    def redeem(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        asked = self.codes.pop(form.get("code", ""), None)
        if authorization != _basic(CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if asked.get("code_challenge_method") != "S256" or _challenge(form["code_verifier"]) != asked["code_challenge"]:
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        return 200, {"token_type": "Bearer", "access_token": "a", "expires_in": 60, "id_token": self._sign(asked)}

    def _sign(self, asked: Mapping[str, str]) -> str:
        now = int(time.time())
        right = {
            "iss": self.issuer,
            "sub": "1001",
            "aud": asked["client_id"],
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 60,
            "auth_time": now,
            "amr": ["pwd", "mfa"],
            "preferred_username": "ana",
            "groups": ["admins"],
        }
        claims = {name: value for name, value in {**right, **self.claims}.items() if value is not None}
        if self.sign is not None:
            return str(self.sign(claims))
        return jwt.encode({"alg": "ES256", "kid": "k-1"}, claims, self.key, algorithms=["ES256"])


def _basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def make_rules(issuer: str) -> ProviderRules:
    """Rules that fit it; the client's secret is in the variable ``OIDC_SECRET``."""
    rules = make_provider_rules(
        OidcSettings(
            issuer=issuer,
            client_id=CLIENT_ID,
            client_secret="env:OIDC_SECRET",
            name="Example",
            name_claims=("preferred_username",),
            groups=("admins=administrator", "staff=viewer"),
        )
    )
    assert rules is not None
    return rules


@contextmanager
def start_oidc_server() -> Iterator[OidcServer]:
    """Answer until the end of the block."""
    reported = OidcServer()

    class Handler(QuietHandler):
        def answer(self) -> None:
            reported.asked.append(self.path)
            if self.command == "POST":
                form = {name: values[0] for name, values in parse_qs(self.read_body().decode()).items()}
                self._send(*reported.redeem(form, self.headers.get("Authorization", "")))
            elif self.path == "/.well-known/openid-configuration":
                self._send(200, reported.describe())
            elif self.path == "/keys":
                self._send(200, KeySet([reported.key]).as_dict(private=False))
            elif self.path.startswith("/authorize?"):
                self._send_back(parse_qs(urlsplit(self.path).query)["redirect_uri"][0])
            else:
                self._send(404, {})

        def _send_back(self, redirect_uri: str) -> None:
            """A browser that comes here is let in at once."""
            self.send_response(302)
            self.send_header("Location", f"{redirect_uri}?{urlencode(reported.let_in(self.path))}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, status: int, document: Mapping[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving_requests(Handler) as reported.issuer:
        yield reported
