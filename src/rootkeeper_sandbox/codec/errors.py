"""Refusals that no service words itself, and how each protocol words them.

The steps name the cause; the codec finds the code, because it depends on the protocol: ``MissingAuthenticationToken``
or ``MissingAuthenticationTokenException``.

Source: Amazon S3 API Reference, "Error responses", list of error codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rootkeeper_sandbox.exchange import ServiceError


class Refusal(StrEnum):
    """The causes that no service words by itself."""

    ACCESS_DENIED = "access_denied"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - a cause, not a secret
    INCOMPLETE_SIGNATURE = "incomplete_signature"
    INVALID_PARAMETER = "invalid_parameter"
    MALFORMED_BODY = "malformed_body"
    MISSING_AUTHENTICATION = "missing_authentication"
    MISSING_OPERATION = "missing_operation"
    NOT_SERVED = "not_served"
    REQUEST_TIMEOUT = "request_timeout"
    SKEWED_CLOCK = "skewed_clock"
    TOO_LARGE = "too_large"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_OPERATION = "unknown_operation"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - a cause, not a secret


@dataclass(frozen=True, slots=True)
class Violation:
    """A parameter that breaks a constraint of the service's model."""

    path: str
    """Where it is, such as ``tags.1.key``."""
    shown_value: str | None
    """The value as the message shows it; ``None`` for a sensitive value."""
    constraint: str
    """The words after ``Member must`` in the message."""
    reason: str
    """The reason in Organizations' vocabulary, such as ``MAX_VALUE_EXCEEDED``."""

    def __str__(self) -> str:
        value = "Value" if self.shown_value is None else f"Value {self.shown_value}"
        return f"{value} at '{self.path}' failed to satisfy constraint: Member must {self.constraint}"


@dataclass
class RefusalError(Exception):
    """A refusal before or beside the service, to be worded by the protocol."""

    refusal: Refusal
    message: str
    violations: tuple[Violation, ...] = ()

    def __str__(self) -> str:
        return f"{self.refusal}: {self.message}"


Wording = Mapping[Refusal, tuple[str, int]]
"""For each refusal the protocol's error code and HTTP status."""

_WORDINGS = """
    access_denied AccessDenied 403 AccessDeniedException 400 403 AccessDenied 403
    expired_token ExpiredToken 403 ExpiredTokenException 400 403 ExpiredToken 400
    incomplete_signature IncompleteSignature 400 IncompleteSignatureException 400 403 AuthorizationHeaderMalformed 400
    invalid_parameter ValidationError 400 ValidationException 400 400 InvalidArgument 400
    malformed_body MalformedInput 400 SerializationException 400 400 MalformedXML 400
    missing_authentication MissingAuthenticationToken 403 MissingAuthenticationTokenException 400 403 AccessDenied 403
    missing_operation MissingAction 400 UnknownOperationException 400 404 MethodNotAllowed 405
    not_served InvalidAction 400 UnknownOperationException 400 404 NotImplemented 501
    request_timeout RequestTimeout 408 RequestTimeoutException 408 408 RequestTimeout 400
    skewed_clock SignatureDoesNotMatch 403 InvalidSignatureException 400 403 RequestTimeTooSkewed 403
    too_large RequestEntityTooLarge 413 RequestEntityTooLargeException 413 413 EntityTooLarge 400
    unknown_key InvalidClientTokenId 403 UnrecognizedClientException 400 403 InvalidAccessKeyId 403
    unknown_operation InvalidAction 400 UnknownOperationException 400 404 MethodNotAllowed 405
    wrong_signature SignatureDoesNotMatch 403 InvalidSignatureException 400 403 SignatureDoesNotMatch 403
    wrong_token InvalidClientTokenId 403 UnrecognizedClientException 400 403 InvalidToken 400
"""
"""For each cause: code and status of Query; code of JSON, its status there and in rest-json; code and status of S3."""

_ROWS = [(Refusal(cause), words) for cause, *words in map(str.split, _WORDINGS.strip().splitlines())]
QUERY_WORDING: Wording = {cause: (words[0], int(words[1])) for cause, words in _ROWS}
JSON_WORDING: Wording = {cause: (words[2], int(words[3])) for cause, words in _ROWS}
REST_JSON_WORDING: Wording = {cause: (words[2], int(words[4])) for cause, words in _ROWS}
S3_WORDING: Wording = {cause: (words[5], int(words[6])) for cause, words in _ROWS}


def make_refusal_error(wording: Wording, refused: RefusalError) -> ServiceError:
    """Put a refusal into a protocol's code and status."""
    code, status = wording[refused.refusal]
    return ServiceError(code, refused.message, status)


def make_organizations_error(refused: RefusalError) -> ServiceError:
    """Put broken constraints into Organizations' own error, which names a reason instead of the parameter.

    Source: Organizations InvalidInputException, API version 2016-11-28.
    """
    first = refused.violations[0]
    details: dict[str, Any] = {"Reason": first.reason}
    return ServiceError("InvalidInputException", _ORGANIZATIONS_MESSAGES[first.reason], 400, details)


_ORGANIZATIONS_MESSAGES = {
    "INPUT_REQUIRED": "You must include a value for all required parameters.",
    "INVALID_ENUM": "You specified an invalid value.",
    "INVALID_PATTERN": "You provided a value that does not match the required pattern.",
    "MAX_LENGTH_EXCEEDED": "You provided a string parameter that is longer than allowed.",
    "MAX_VALUE_EXCEEDED": "You provided a numeric parameter that has a larger value than allowed.",
    "MIN_LENGTH_EXCEEDED": "You provided a string parameter that is shorter than allowed.",
    "MIN_VALUE_EXCEEDED": "You provided a numeric parameter that has a smaller value than allowed.",
}

_TEXTS: Mapping[Refusal, str] = {
    Refusal.EXPIRED_TOKEN: "The provided token has expired.",
    Refusal.MISSING_AUTHENTICATION: "Access Denied",
    Refusal.SKEWED_CLOCK: "The difference between the request time and the current time is too large.",
    Refusal.UNKNOWN_KEY: "The AWS Access Key Id you provided does not exist in our records.",
    Refusal.WRONG_SIGNATURE: (
        "The request signature we calculated does not match the signature you provided. Check your key and signing"
        " method."
    ),
    Refusal.WRONG_TOKEN: "The provided token is malformed or otherwise invalid.",
}

_LOCATION_CONSTRAINT = "locationConstraint"


def make_s3_error(refused: RefusalError) -> ServiceError:
    """Put a refusal into S3's code, status and text."""
    if any(violation.path.endswith(_LOCATION_CONSTRAINT) for violation in refused.violations):
        return ServiceError("InvalidLocationConstraint", "The specified location-constraint is not valid")
    error = make_refusal_error(S3_WORDING, refused)
    return ServiceError(error.code, _TEXTS.get(refused.refusal, error.message), error.status)
