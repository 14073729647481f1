"""Signature Version 4: what an Authorization header says, and what the signature of a request must be.

Written from the specification and apart from botocore's signer, so that one can be tested against the other.

Source: "AWS Signature Version 4 for API requests", IAM User Guide.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.http_messages import HttpRequest
from rootkeeper.sandbox.payloads import CONTENT_HASH, UNSIGNED

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
MAX_CACHED_KEYS = 50_000
_S3 = "s3"
"""Signs its paths and bodies in a way of its own."""
_UNRESERVED = "-_.~"
_USUAL_HEADER = re.compile(
    f"{ALGORITHM} Credential=([^/,=\\s]+)/([^/,=\\s]+)/([^/,=\\s]+)/([^/,=\\s]+)/([^/,=\\s]+),"
    r" SignedHeaders=([^,=\s]+), Signature=([0-9a-f]{64})"
)
"""As all SDKs write it. Whatever differs is taken apart, so that what is wrong with it can be named."""
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


class CredentialScope(NamedTuple):
    """What a signature is good for."""

    date: str
    """``YYYYMMDD``."""
    region: str
    signing_name: str
    terminator: str

    def __str__(self) -> str:
        return "/".join(self)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A parsed Authorization header."""

    access_key_id: str
    scope: CredentialScope
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(header: str) -> Authorization:
    """Parse an Authorization header of Signature Version 4.

    :raises RefusalError: naming everything that is missing from it.
    """
    usual = _USUAL_HEADER.fullmatch(header)
    if usual:
        access_key_id, *scope, names, signature = usual.groups()
        return Authorization(access_key_id, CredentialScope(*scope), tuple(names.lower().split(";")), signature)
    return _take_apart(header)


def _take_apart(header: str) -> Authorization:
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise RefusalError(Refusal.INCOMPLETE_SIGNATURE, f"Unsupported AWS 'algorithm': '{algorithm[:40]}'.")
    parts = dict(_split_part(part) for part in rest.split(","))
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if missing:
        complaints = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise RefusalError(Refusal.INCOMPLETE_SIGNATURE, complaints)
    access_key_id, scope = _parse_credential(parts["Credential"])
    return Authorization(access_key_id, scope, tuple(parts["SignedHeaders"].lower().split(";")), parts["Signature"])


def _split_part(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value


def _parse_credential(text: str) -> tuple[str, CredentialScope]:
    elements = text.split("/")
    if len(elements) != 5:
        message = (
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{text[:200]}'"
        )
        raise RefusalError(Refusal.INCOMPLETE_SIGNATURE, message)
    access_key_id, date, region, signing_name, terminator = elements
    return access_key_id, CredentialScope(date, region, signing_name, terminator)


class Signer:
    """Computes signatures, and keeps the keys derived for each secret and scope."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, CredentialScope], bytes] = {}

    def sign(self, request: HttpRequest, authorization: Authorization, secret_access_key: str, signed_at: str) -> str:
        """Compute the signature that the request must carry; ``signed_at`` is its date, ``YYYYMMDDTHHMMSSZ``."""
        canonical = canonical_request(request, authorization)
        digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
        text = f"{ALGORITHM}\n{signed_at}\n{'/'.join(authorization.scope)}\n{digest}"
        key = self.signing_key(secret_access_key, authorization.scope)
        return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()

    def signing_key(self, secret_access_key: str, scope: CredentialScope) -> bytes:
        """Give the key for a secret and scope, derived once."""
        key = self._keys.get((secret_access_key, scope))
        if key is None:
            if len(self._keys) >= MAX_CACHED_KEYS:
                self._keys.clear()
            key = derive_signing_key(secret_access_key, scope)
            self._keys[secret_access_key, scope] = key
        return key


def derive_signing_key(secret_access_key: str, scope: CredentialScope) -> bytes:
    """Derive the key for one date, Region and service."""
    key = ("AWS4" + secret_access_key).encode()
    for element in (scope.date, scope.region, scope.signing_name, scope.terminator):
        key = hmac.digest(key, element.encode("utf-8", "surrogateescape"), "sha256")
    return key


def canonical_request(request: HttpRequest, authorization: Authorization) -> str:
    """Write the text that is hashed and signed."""
    headers = request.headers
    names = authorization.signed_headers
    is_s3 = authorization.scope.signing_name == _S3
    lines = "".join(f"{name}:{_collapse(headers.get(name, ''))}\n" for name in names)
    return "\n".join(
        (
            request.method,
            canonical_s3_path(request.raw_path) if is_s3 else canonical_path(request.raw_path),
            canonical_query(request.query_string),
            lines,
            ";".join(names),
            headers.get(CONTENT_HASH, UNSIGNED) if is_s3 else hash_body(request.body),
        )
    )


def hash_body(body: bytes) -> str:
    """Hash a request's body."""
    return hashlib.sha256(body).hexdigest() if body else _EMPTY_HASH


def _collapse(value: str) -> str:
    return " ".join(value.split()) if "  " in value or "\t" in value else value.strip()


def canonical_path(raw_path: str) -> str:
    """Encode a path, which arrives encoded, once more, as all services but S3 want it."""
    return raw_path if raw_path in ("", "/") else quote(raw_path, safe="/" + _UNRESERVED)


def canonical_s3_path(raw_path: str) -> str:
    """Encode a path once: S3's keys aren't normalized, nor encoded a second time."""
    return "/".join(quote(unquote_to_bytes(segment), safe=_UNRESERVED) for segment in raw_path.split("/"))


def canonical_query(query_string: str) -> str:
    """Encode and sort a query string."""
    if not query_string:
        return ""
    pairs = (pair.partition("=") for pair in query_string.split("&") if pair)
    encoded = sorted((_encode(name), _encode(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(unquote(text), safe=_UNRESERVED)
