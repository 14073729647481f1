"""Signature Version 4: finds who signed a request, or refuses it as AWS does.

It is written from the specification and shares nothing with botocore's signer, so that each tests the other. The date
of a signature is compared with the machine's clock, because clients sign by it; a session expires by the sandbox's
clock.

Source: "AWS Signature Version 4 for API requests", IAM User Guide.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from rootkeeper_sandbox.clock import Clock
from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.codec.rest import parse_query
from rootkeeper_sandbox.exchange import CONTENT_HASH, UNSIGNED, ChunkSeed, Credential, HttpRequest, read_payload

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
"""As all SDKs write it. Any other header is parsed part by part, so that the refusal can name the wrong part."""

_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


class CredentialScope(NamedTuple):
    """The date, Region and service that a signature is valid for."""

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
    """Parse an Authorization header of Signature Version 4."""
    usual = _USUAL_HEADER.fullmatch(header)
    if usual:
        access_key_id, *scope, names, signature = usual.groups()
        return Authorization(access_key_id, CredentialScope(*scope), tuple(names.lower().split(";")), signature)
    return _take_apart(header)


def _take_apart(header: str) -> Authorization:
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise RefusalError(Refusal.INCOMPLETE_SIGNATURE, f"Unsupported AWS 'algorithm': '{algorithm[:40]}'.")
    parts = {name: value for name, _, value in (part.strip().partition("=") for part in rest.split(","))}
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if missing:
        complaints = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise RefusalError(Refusal.INCOMPLETE_SIGNATURE, complaints)
    elements = parts["Credential"].split("/")
    if len(elements) != 5:
        message = (
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{parts['Credential'][:200]}'"
        )
        raise RefusalError(Refusal.INCOMPLETE_SIGNATURE, message)
    access_key_id, *scope = elements
    names = tuple(parts["SignedHeaders"].lower().split(";"))
    return Authorization(access_key_id, CredentialScope(*scope), names, parts["Signature"])


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
    """Derive the key for a date, Region and service."""
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


MAX_SKEW = timedelta(minutes=15)
"""Source: IAM User Guide, "Troubleshoot Signature Version 4 signing": 15 minutes each way."""
_PRESIGNED = frozenset({"AWSAccessKeyId", "X-Amz-Algorithm", "X-Amz-Signature"})
"""Parameters of the query string by which a request is signed in it."""
_MISSING = "Request is missing Authentication Token"
_WRONG_KEY = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"

_WRONG_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Verifies signatures against the keys that the sandbox knows."""

    clock: Clock
    signer: Signer

    def authenticate(
        self,
        request: HttpRequest,
        authorization: Authorization,
        signing_name: str | None,
        find_credential: Callable[[str], Credential | None],
    ) -> Credential:
        """Find the credential that a request was signed with; ``signing_name`` is its service's name in signatures.

        :raises RefusalError: if the signature proves no caller.
        :raises ServiceError: if an S3 request's body isn't the signed body.
        """
        signed_at = _read_signing_date(request)
        _check_scope(authorization, signing_name, signed_at)
        credential = find_credential(authorization.access_key_id)
        if credential is None or not credential.is_active:
            raise RefusalError(Refusal.UNKNOWN_KEY, _WRONG_KEY)
        shown = request.headers.get("x-amz-security-token", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(shown, (credential.session_token or "").encode()):
            raise RefusalError(Refusal.WRONG_TOKEN, _WRONG_KEY)
        self._check_skew(signed_at)
        expected = self.signer.sign(request, authorization, credential.secret_access_key, signed_at)
        if not hmac.compare_digest(expected.encode(), authorization.signature.encode("utf-8", "surrogateescape")):
            raise RefusalError(Refusal.WRONG_SIGNATURE, _WRONG_SIGNATURE)
        if credential.expires_at is not None and credential.expires_at <= self.clock.now():
            raise RefusalError(Refusal.EXPIRED_TOKEN, _EXPIRED)
        if signing_name == _S3:
            read_payload(request, lambda: self._chunk_seed(authorization, credential, signed_at))
        return credential

    def _chunk_seed(self, authorization: Authorization, credential: Credential, signed_at: str) -> ChunkSeed:
        key = self.signer.signing_key(credential.secret_access_key, authorization.scope)
        return ChunkSeed(authorization.signature, signed_at, str(authorization.scope), key)

    def _check_skew(self, signed_at: str) -> None:
        """The sandbox's own clock, which a test may have moved, counts as well: clients know it from Date headers."""
        moment = _parse_signing_date(signed_at)
        now = min(self.clock.machine_time(), self.clock.now(), key=lambda time: abs(time - moment))
        if moment < now - MAX_SKEW:
            limit = _format(now - MAX_SKEW)
            message = f"Signature expired: {signed_at} is now earlier than {limit} ({_format(now)} - 15 min.)"
            raise RefusalError(Refusal.SKEWED_CLOCK, message)
        if moment > now + MAX_SKEW:
            limit = _format(now + MAX_SKEW)
            message = f"Signature not yet current: {signed_at} is still later than {limit} ({_format(now)} + 15 min.)"
            raise RefusalError(Refusal.SKEWED_CLOCK, message)


def read_authorization(request: HttpRequest) -> Authorization:
    header = request.headers.get("authorization")
    if not header and not _PRESIGNED.isdisjoint(parse_query(request.query_string)):
        raise RefusalError(Refusal.NOT_SERVED, "The sandbox does not serve presigned URLs.")
    if not header:
        raise RefusalError(Refusal.MISSING_AUTHENTICATION, _MISSING)
    return parse_authorization(header)


def _read_signing_date(request: HttpRequest) -> str:
    """Read the date that a request was signed with, as ``YYYYMMDDTHHMMSSZ``."""
    amazon_date = request.headers.get("x-amz-date")
    if amazon_date:
        return amazon_date
    date = request.headers.get("date")
    if not date:
        message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise RefusalError(Refusal.INCOMPLETE_SIGNATURE, message)
    try:
        return _format(parsedate_to_datetime(date))
    except (ValueError, OverflowError):
        raise _malformed_date(date) from None


@lru_cache(maxsize=256)
def _parse_signing_date(text: str) -> datetime:
    """Parse a date, once for all requests of the same second."""
    if len(text) != 16 or text[8] != "T" or text[15] != "Z" or not (text[:8] + text[9:15]).isdecimal():
        raise _malformed_date(text)
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    try:
        return datetime(year, month, day, int(text[9:11]), int(text[11:13]), int(text[13:15]), tzinfo=UTC)
    except ValueError:
        raise _malformed_date(text) from None


def _malformed_date(text: str) -> RefusalError:
    message = f"Date must be in ISO-8601 'basic format'. Got '{text[:40]}'. See http://en.wikipedia.org/wiki/ISO_8601"
    return RefusalError(Refusal.INCOMPLETE_SIGNATURE, message)


def _format(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _check_scope(authorization: Authorization, signing_name: str | None, signed_at: str) -> None:
    scope = authorization.scope
    problem = None
    if scope.terminator != TERMINATOR:
        problem = f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{scope.terminator[:40]}'."
    elif signing_name is not None and scope.signing_name != signing_name:
        problem = f"Credential should be scoped to correct service: '{signing_name}'."
    elif scope.date != signed_at[:8]:
        problem = (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.date[:40]}' != '{signed_at[:8]}', from '{signed_at[:40]}'."
        )
    elif "host" not in authorization.signed_headers:
        problem = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    if problem:
        raise RefusalError(Refusal.WRONG_SIGNATURE, problem)
