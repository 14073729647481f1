"""Signature Version 4 of a call that is sent many times with other bodies and credentials.

What is signed is botocore's canonical request, taken once, which spares CPU; what differs from call to call is put
into it. The signature itself is botocore's each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

_TOKEN = "token-of-the-form"  # noqa: S105 - a place to be filled
_BODY = b"body-of-the-form"
_FORM_KEY, _FORM_SECRET = "key-of-the-form", "secret-of-the-form"


@dataclass(frozen=True, slots=True)
class _CanonicalRequest:
    """A canonical request, but for the moment, the session token and the hash of the body."""

    moment: str
    """Stands for the moment of signing."""
    text: str
    signed_headers: str

    def fill(self, moment: str, token: str | None, body: bytes) -> str:
        text = self.text.replace(self.moment, moment).replace(_BODY_HASH, sha256(body).hexdigest())
        return text if token is None else text.replace(_TOKEN, token)


_BODY_HASH = sha256(_BODY).hexdigest()


@dataclass(frozen=True, slots=True)
class _SigningContext:
    """All that botocore's signature wants to know of a request."""

    context: dict[str, Any]


@dataclass(frozen=True)
class CachedRequestSigner:
    """Signs POST requests to one URL with the same headers."""

    url: str
    headers: Mapping[str, str]
    signing_name: str
    region: str

    def sign(self, body: bytes, credentials: ReadOnlyCredentials, at: datetime) -> dict[str, str]:
        """All headers of the signed request; ``at`` is in UTC."""
        moment = at.strftime(SIGV4_TIMESTAMP)
        token = credentials.token or None
        form = self._without_token if token is None else self._with_token
        auth = SigV4Auth(credentials, self.signing_name, self.region)
        signing: Any = _SigningContext({"timestamp": moment})
        signature = auth.signature(auth.string_to_sign(signing, form.fill(moment, token, body)), signing)
        headers = {**self.headers, "X-Amz-Date": moment}
        if token is not None:
            headers["X-Amz-Security-Token"] = token
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={auth.scope(signing)}, SignedHeaders={form.signed_headers},"
            f" Signature={signature}"
        )
        return headers

    @cached_property
    def _with_token(self) -> _CanonicalRequest:
        return self._take_form(_TOKEN)

    @cached_property
    def _without_token(self) -> _CanonicalRequest:
        return self._take_form(None)

    def _take_form(self, token: str | None) -> _CanonicalRequest:
        auth = SigV4Auth(ReadOnlyCredentials(_FORM_KEY, _FORM_SECRET, token), self.signing_name, self.region)
        request = AWSRequest("POST", self.url, headers=self.headers, data=_BODY)
        auth.add_auth(request)
        del request.headers["Authorization"]
        headers = auth.headers_to_sign(request)
        return _CanonicalRequest(
            request.context["timestamp"], auth.canonical_request(request), auth.signed_headers(headers)
        )
