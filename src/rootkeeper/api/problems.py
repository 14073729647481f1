"""What an error looks like to a client: a problem document. Source: RFC 9457.

``code`` is that of our own errors and never changes; ``hint`` says what to do next. What nobody foresaw is told without
any detail, under the request's id, which the log has too.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rootkeeper import errors
from rootkeeper.api.request_ids import id_of
from rootkeeper.errors import RootkeeperError

MEDIA_TYPE = "application/problem+json"
_MOST_MISTAKES = 20

STATUSES: Mapping[type[RootkeeperError], HTTPStatus] = {
    errors.AccountBusyError: HTTPStatus.CONFLICT,
    errors.ApprovalRefusedError: HTTPStatus.CONFLICT,
    errors.AwsError: HTTPStatus.BAD_GATEWAY,
    errors.AwsThrottledError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ClockWrongError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DatabaseError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.IdentityProviderError: HTTPStatus.BAD_GATEWAY,
    errors.InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.JobConflictError: HTTPStatus.CONFLICT,
    errors.LedgerOutdatedError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LedgerUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LockLostError: HTTPStatus.CONFLICT,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.NotificationError: HTTPStatus.BAD_GATEWAY,
    errors.NotSignedInError: HTTPStatus.UNAUTHORIZED,
    errors.OneTimePasswordError: HTTPStatus.CONFLICT,
    errors.PermissionDeniedError: HTTPStatus.FORBIDDEN,
    errors.PolicyChangedError: HTTPStatus.CONFLICT,
    errors.PolicyNotSavedError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RunStoppedError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ServerRunningError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ServerUnreachableError: HTTPStatus.BAD_GATEWAY,
    errors.TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UnprovenChangeError: HTTPStatus.BAD_GATEWAY,
    errors.WindowConflictError: HTTPStatus.CONFLICT,
}
"""The HTTP status of each kind of error; the nearest kind above it counts."""


def status_of(error: RootkeeperError) -> HTTPStatus:
    """The status by the error's own kind, or the nearest one above it."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


async def answer_error(request: Request, error: RootkeeperError) -> JSONResponse:
    """A deliberate error, in its own words."""
    status = status_of(error)
    headers: dict[str, str] = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _challenge(request)
    if isinstance(error, errors.TooManyAttemptsError) and error.wait_seconds is not None:
        headers["Retry-After"] = str(error.wait_seconds)
    return make_problem(request, status, code=error.code, detail=error.message, hint=error.hint, headers=headers)


async def answer_invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
    """What doesn't fit a route's parameters or body; what was given isn't repeated, since it may be a secret."""
    mistakes = [
        {"where": ".".join(str(part) for part in mistake["loc"]), "what": mistake["msg"]}
        for mistake in error.errors()[:_MOST_MISTAKES]
    ]
    detail = "; ".join(f"{one['where']}: {one['what']}" for one in mistakes)
    return make_problem(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        code=errors.InputError.code,
        detail=f"The request can't be understood: {detail}",
        hint="See the command's --help, or the API's OpenAPI document.",
        extra={"mistakes": mistakes},
    )


async def answer_refusal(request: Request, error: HTTPException) -> JSONResponse:
    """What the framework refuses itself: an unknown address or method, a body that is too large or too slow."""
    return make_problem(request, HTTPStatus(error.status_code), detail=error.detail, headers=error.headers)


ANSWERS: Mapping[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    RootkeeperError: answer_error,
    RequestValidationError: answer_invalid_request,
    HTTPException: answer_refusal,
}
"""What answers each kind of error; the framework hands each of them its own kind alone."""


def make_problem(
    request: Request,
    status: HTTPStatus,
    *,
    code: str | None = None,
    detail: str | None = None,
    hint: str | None = None,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """A problem document."""
    content = {
        "type": "about:blank" if code is None else f"urn:rootkeeper:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "hint": hint,
        "request_id": id_of(request.scope),
        **(extra or {}),
    }
    reported = {name: value for name, value in content.items() if value is not None}
    return JSONResponse(reported, int(status), headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _challenge(request: Request) -> str:
    """Source: RFC 6750, section 3: ``error`` only where a token was given."""
    given = "authorization" in request.headers
    return 'Bearer realm="rootkeeper"' + (', error="invalid_token"' if given else "")
