"""How S3 words what every service refuses: its own codes, statuses and, for some causes, its own texts.

Source: Amazon S3 API Reference, "Error responses", list of error codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError, Wording, make_refusal_error
from rootkeeper.sandbox.exchange import ServiceError

S3_WORDING: Wording = {
    Refusal.ACCESS_DENIED: ("AccessDenied", 403),
    Refusal.EXPIRED_TOKEN: ("ExpiredToken", 400),
    Refusal.INCOMPLETE_SIGNATURE: ("AuthorizationHeaderMalformed", 400),
    Refusal.INVALID_PARAMETER: ("InvalidArgument", 400),
    Refusal.MALFORMED_BODY: ("MalformedXML", 400),
    Refusal.MISSING_AUTHENTICATION: ("AccessDenied", 403),
    Refusal.MISSING_OPERATION: ("MethodNotAllowed", 405),
    Refusal.REQUEST_TIMEOUT: ("RequestTimeout", 400),
    Refusal.SKEWED_CLOCK: ("RequestTimeTooSkewed", 403),
    Refusal.TOO_LARGE: ("EntityTooLarge", 400),
    Refusal.UNKNOWN_KEY: ("InvalidAccessKeyId", 403),
    Refusal.UNKNOWN_OPERATION: ("MethodNotAllowed", 405),
    Refusal.WRONG_SIGNATURE: ("SignatureDoesNotMatch", 403),
    Refusal.WRONG_TOKEN: ("InvalidToken", 400),
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
