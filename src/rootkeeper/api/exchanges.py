"""What is done around every request: its id, the headers of its answer, one line in the log, and the last handler.

The log names the route, who asked and what came of it; never a header, a query or a body.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rootkeeper.api.hosts import parse_host_name
from rootkeeper.api.problems import make_problem
from rootkeeper.api.request_ids import HEADER, assign_request_id
from rootkeeper.api.route_names import route_name_of
from rootkeeper.domain.loopback import is_loopback

LOGGER_NAME = "rootkeeper.api"
CountRequest: TypeAlias = Callable[[str, str, int | None, float], None]
"""Told its method, the name of its route, the status of its answer, if one began, and the seconds until its end."""

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer that doesn't say otherwise itself."""
TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
"""Of every answer by TLS to a name of its own. Source: RFC 6797. Loopback names are everybody's on this machine, and a
browser would hold what listens there on other ports to it too.
"""


class RequestMiddleware:
    """The outermost part of the API."""

    def __init__(self, app: ASGIApp, count: CountRequest) -> None:
        """:param count: told of each request once it is answered."""
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._serve(scope, receive, _ResponseSender(scope, assign_request_id(scope), send))

    async def _serve(self, scope: Scope, receive: Receive, answer: _ResponseSender) -> None:
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - the API's last handler
            _log_bug(scope, answer, error)
            if answer.status is None:
                problem = make_problem(
                    Request(scope),
                    HTTPStatus.INTERNAL_SERVER_ERROR,
                    detail="The server made a mistake.",
                    hint="Its log says more under this request's id.",
                )
                await problem(scope, receive, answer.send)
        finally:
            seconds = time.perf_counter() - began
            _log(scope, answer, seconds)
            self._count(scope["method"], route_name_of(scope), answer.status, seconds)


class _ResponseSender:
    """Sends an answer with our headers, and remembers its status."""

    def __init__(self, scope: Scope, request_id: str, send: Send) -> None:
        self.scope = scope
        self.request_id = request_id
        self.status: int | None = None
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], *self._list_missing(message)]}
        await self._send(message)

    def _list_missing(self, message: Message) -> list[tuple[bytes, bytes]]:
        given = {name.lower() for name, _ in message["headers"]}
        wanted = {**SECURITY_HEADERS, **(TLS_ONLY if _is_by_tls(self.scope) else {}), HEADER: self.request_id}
        return [
            (name.lower().encode(), value.encode())
            for name, value in wanted.items()
            if name.lower().encode() not in given
        ]


def _is_by_tls(scope: Scope) -> bool:
    return scope.get("scheme") == "https" and not is_loopback(parse_host_name(Headers(scope=scope).get("host", "")))


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


def _log_bug(scope: Scope, answer: _ResponseSender, error: Exception) -> None:
    logging.getLogger(LOGGER_NAME).error(
        "An unexpected %s answering a request",
        type(error).__name__,
        exc_info=error,
        extra={"event": "api:bug", "ids": {"request_id": answer.request_id, "method": scope["method"]}},
    )
