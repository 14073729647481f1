"""Tells who signed a request, or refuses it as AWS does.

The signature's date is judged by the machine's clock, as clients sign by it; whether a session has expired is judged
by the sandbox's clock.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from rootkeeper.sandbox.clock import Clock
from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.exchange import Credential
from rootkeeper.sandbox.http_messages import HttpRequest
from rootkeeper.sandbox.payloads import ChunkSeed, read_payload
from rootkeeper.sandbox.signatures import TERMINATOR, Authorization, Signer, parse_authorization

MAX_SKEW = timedelta(minutes=15)
"""Source: IAM User Guide, "Troubleshoot Signature Version 4 signing": 15 minutes each way."""

_S3 = "s3"
"""The one service whose signature covers the body by a header."""
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
        """Find the credential that a request was signed with; ``signing_name`` is what its service signs as.

        :raises RefusalError: if the signature proves nobody.
        :raises ServiceError: if an S3 request's body isn't what was signed.
        """
        signed_at = _read_signing_date(request)
        _check_scope(authorization, signing_name, signed_at)
        credential = _find_valid_credential(request, authorization, find_credential)
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
        now = self.clock.machine_time()
        moment = _parse_signing_date(signed_at)
        if moment < now - MAX_SKEW:
            limit = _format(now - MAX_SKEW)
            message = f"Signature expired: {signed_at} is now earlier than {limit} ({_format(now)} - 15 min.)"
            raise RefusalError(Refusal.SKEWED_CLOCK, message)
        if moment > now + MAX_SKEW:
            limit = _format(now + MAX_SKEW)
            message = f"Signature not yet current: {signed_at} is still later than {limit} ({_format(now)} + 15 min.)"
            raise RefusalError(Refusal.SKEWED_CLOCK, message)


def read_authorization(request: HttpRequest) -> Authorization:
    """Read the Authorization header.

    :raises RefusalError: if it is missing or malformed.
    """
    header = request.headers.get("authorization")
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
    """Parse a date, once for all requests of one second."""
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


def _find_valid_credential(
    request: HttpRequest, authorization: Authorization, find_credential: Callable[[str], Credential | None]
) -> Credential:
    credential = find_credential(authorization.access_key_id)
    if credential is None or not credential.is_active:
        raise RefusalError(Refusal.UNKNOWN_KEY, _WRONG_KEY)
    shown = request.headers.get("x-amz-security-token", "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(shown, (credential.session_token or "").encode()):
        raise RefusalError(Refusal.WRONG_TOKEN, _WRONG_KEY)
    return credential
