"""Layers of every request: request id, log, problem documents, host check, and tags of answers.

The request's id is in the answer's headers, in problem documents and in the log, so that they can be matched. A problem
document has the ``code`` of our own error, which never changes, and a ``hint``; an unexpected error shows no detail.
The log has the route, the caller and the status, never a header, a query or a body.

A web page can make a name of its own point to 127.0.0.1 and then read from services there (DNS rebinding), but
that name is in the Host header. So a server on a loopback address answers only to loopback names and its public name. A
server that other machines reach answers to any name until its public name is set; then to that, to loopback names and
to its own address, which load balancers use.

A tag is a hash of the answer's content, so that all servers on the same database give the same tag.

Source: RFC 9457; RFC 9110, sections 8.8.3, 12.5.3 and 13.1.2.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rootkeeper import errors
from rootkeeper.errors import Hint, RootkeeperError
from rootkeeper.references import is_loopback

PREFIX = "/api/v1"
HEADER = "X-Request-Id"
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
    errors.OrganizationMismatchError: HTTPStatus.BAD_GATEWAY,
    errors.PermissionDeniedError: HTTPStatus.FORBIDDEN,
    errors.PolicyChangedError: HTTPStatus.CONFLICT,
    errors.PolicyNotSavedError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RunStoppedError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ServerBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ServerRunningError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ServerUnreachableError: HTTPStatus.BAD_GATEWAY,
    errors.TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UnprovenChangeError: HTTPStatus.BAD_GATEWAY,
    errors.WindowConflictError: HTTPStatus.CONFLICT,
}
"""The HTTP status of each kind of error; the nearest kind above it counts."""


def status_of(error: RootkeeperError) -> HTTPStatus:
    """Return the status of the error's class, or of the nearest base class."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


async def answer_error(request: Request, error: RootkeeperError) -> JSONResponse:
    """Answer a deliberate error."""
    status = status_of(error)
    headers: dict[str, str] = {}
    if status is HTTPStatus.UNAUTHORIZED:
        # ``error`` only if a token was given. Source: RFC 6750, section 3.
        error_part = ', error="invalid_token"' if "authorization" in request.headers else ""
        headers["WWW-Authenticate"] = f'Bearer realm="rootkeeper"{error_part}'
    if isinstance(error, errors.TooManyAttemptsError | errors.ServerBusyError) and error.wait_seconds is not None:
        headers["Retry-After"] = str(error.wait_seconds)
    return make_problem(request, status, code=error.code, detail=error.message, hint=error.hint, headers=headers)


async def answer_invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer wrong parameters or a wrong body, without repeating the values, which may be secret."""
    mistakes = [
        {"where": ".".join(str(part) for part in mistake["loc"]), "what": mistake["msg"].removeprefix("Value error, ")}
        for mistake in error.errors()[:_MOST_MISTAKES]
    ]
    detail = "; ".join(f"{mistake['where']}: {mistake['what']}" for mistake in mistakes)
    return make_problem(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        code=errors.InputError.code,
        detail=f"The request is invalid: {detail}",
        hint=Hint("See the OpenAPI document of this server, /api/openapi.json.", "request.invalid"),
        extra={"mistakes": mistakes},
    )


async def answer_refusal(request: Request, error: HTTPException) -> JSONResponse:
    """Answer requests refused by the framework: an unknown address or method, a body that is too large or slow."""
    return make_problem(request, HTTPStatus(error.status_code), detail=error.detail, headers=error.headers)


ANSWERS: Mapping[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    RootkeeperError: answer_error,
    RequestValidationError: answer_invalid_request,
    HTTPException: answer_refusal,
}
"""The handler of each kind of error."""


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
    content = {
        "type": "about:blank" if code is None else f"urn:rootkeeper:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "hint": hint,
        **({"hint_code": hint.code, "hint_facts": dict(hint.facts)} if isinstance(hint, Hint) else {}),
        "request_id": request.scope.get("state", {}).get("request_id"),
        **(extra or {}),
    }
    reported = {name: value for name, value in content.items() if value is not None}
    return JSONResponse(reported, int(status), headers=dict(headers or {}), media_type="application/problem+json")


class HostCheck:
    """Refuses requests that name another host."""

    def __init__(self, app: ASGIApp, listening_host: str, public_host: str | None = None) -> None:
        self._app = app
        self._is_local = is_loopback(listening_host)
        self._public_host = public_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_answered(scope):
            problem = make_problem(
                Request(scope),
                HTTPStatus.MISDIRECTED_REQUEST,
                detail="This server doesn't answer to that name.",
                hint="Use http://127.0.0.1 and its port, or the public address in the server's settings. A proxy in "
                "front of the server must send one of them as the Host.",
            )
            await problem(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_answered(self, scope: Scope) -> bool:
        if not self._is_local and self._public_host is None:
            return True
        name = parse_host_name(Headers(scope=scope).get("host", ""))
        reached = (scope.get("server") or ("",))[0]
        return is_loopback(name) or name.lower() == self._public_host or (not self._is_local and name == reached)


def parse_host_name(host_header: str) -> str:
    """Return the name without its port and the brackets of IPv6."""
    if host_header.startswith("["):
        return host_header[1:].partition("]")[0]
    return host_header.partition(":")[0]


CONSOLE_ROUTE = "console"
"""The name of all files of the console, in log and metrics."""

HELP_ROUTE = "help"
"""The name of all files of the help, in log and metrics."""

NO_ROUTE = "none"
"""The name of all addresses without a route."""


def set_route_name(scope: MutableMapping[str, Any], name: str) -> None:
    """Name a request that no route of the API answers."""
    scope.setdefault("state", {})["route_name"] = name


def route_name_of(scope: MutableMapping[str, Any]) -> str:
    """Return the path of the route, with the names of its parameters and without their values."""
    named: str | None = scope.get("state", {}).get("route_name")
    return named or getattr(scope.get("route"), "path", None) or NO_ROUTE


LOGGER_NAME = "rootkeeper.api"

CountRequest: TypeAlias = Callable[[str, str, int | None, float], None]
"""Gets the method, the name of the route, the status if an answer began, and the seconds until the end."""

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer that doesn't set them itself."""

TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
"""Of every answer with TLS, except to loopback names: those belong to all servers on this machine, and a browser would
apply the header to all their ports. Source: RFC 6797.
"""


class RequestMiddleware:
    """The outermost part of the API: request id, headers, log, and the last handler of errors."""

    def __init__(self, app: ASGIApp, count: CountRequest) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A client's own id isn't used, because it would be untrusted text in the log.
        request_id = f"r-{secrets.token_hex(8)}"
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _ResponseSender(scope, request_id, send)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            logging.getLogger(LOGGER_NAME).error(
                "An unexpected %s answering a request",
                type(error).__name__,
                exc_info=error,
                extra={"event": "api:bug", "ids": {"request_id": request_id, "method": scope["method"]}},
            )
            if answer.status is None:
                problem = make_problem(
                    Request(scope),
                    HTTPStatus.INTERNAL_SERVER_ERROR,
                    detail="An unexpected error occurred in the server.",
                    hint="The server's log has the details under this request id.",
                )
                await problem(scope, receive, answer.send)
        finally:
            seconds = time.perf_counter() - began
            _log(scope, answer, seconds)
            self._count(scope["method"], route_name_of(scope), answer.status, seconds)


class _ResponseSender:
    """Sends an answer with the common headers, and remembers its status."""

    def __init__(self, scope: Scope, request_id: str, send: Send) -> None:
        self.scope = scope
        self.request_id = request_id
        self.status: int | None = None
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            host = parse_host_name(Headers(scope=self.scope).get("host", ""))
            by_tls = TLS_ONLY if self.scope.get("scheme") == "https" and not is_loopback(host) else {}
            given = {name.lower() for name, _ in message["headers"]}
            common = {**SECURITY_HEADERS, **by_tls, HEADER: self.request_id}
            encoded = ((name.lower().encode(), value.encode()) for name, value in common.items())
            missing = [(name, value) for name, value in encoded if name not in given]
            message = {**message, "headers": [*message["headers"], *missing]}
        await self._send(message)


def _log(scope: Scope, answer: _ResponseSender, seconds: float) -> None:
    identity = scope.get("state", {}).get("identity")
    route = route_name_of(scope)
    ids = {
        "request_id": answer.request_id,
        "method": scope["method"],
        "route": route,
        "status": str(answer.status or "none"),
        "actor": getattr(identity, "name", None),
        "milliseconds": str(round(seconds * 1000)),
    }
    known = {name: value for name, value in ids.items() if value is not None}
    text = f"{scope['method']} {route} answered {answer.status or 'nothing'}"
    logging.getLogger(LOGGER_NAME).info("%s", text, extra={"event": "api:request", "ids": known})


_NEVER = frozenset({"q=0", "q=0.0", "q=0.00", "q=0.000"})


def takes_gzip(accepted: str) -> bool:
    """Whether an ``Accept-Encoding`` header allows gzip."""
    for coding in accepted.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in _NEVER
    return False


_JSON = "application/json"


def tag_answer(request: Request, response: Response) -> Response:
    """Add a tag to a JSON document, or answer 304 if the client has it already; other answers stay unchanged."""
    body = getattr(response, "body", None)
    is_document = response.media_type == _JSON or response.headers.get("content-type") == _JSON
    is_read = request.method == "GET" and response.status_code == HTTPStatus.OK
    if not is_read or not is_document or not body or "etag" in response.headers:
        return response
    tag = make_tag(body)
    if is_known(request.headers.get("if-none-match"), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return response


def make_tag(content: bytes) -> str:
    """Make a weak tag, because the same content may come compressed."""
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has it already."""
    given = [text.strip().removeprefix("W/") for text in (if_none_match or "").split(",")]
    return "*" in given or tag.removeprefix("W/") in given
