"""Which host names a server on a loopback address answers to.

A page in a browser can have a name of its own point to 127.0.0.1 and then read whatever listens there (DNS rebinding).
The name that it asked for still stands in the Host header, so that anything but a loopback name is refused.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from rootkeeper.api.problems import make_problem
from rootkeeper.domain.loopback import is_loopback


class HostCheck:
    """Refuses requests to foreign names, where the server listens on a loopback address."""

    def __init__(self, app: ASGIApp, listening_host: str) -> None:
        self._app = app
        self._checks = is_loopback(listening_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._checks:
            request = Request(scope)
            if not is_loopback(name_in(request.headers.get("host", ""))):
                problem = make_problem(
                    request,
                    HTTPStatus.MISDIRECTED_REQUEST,
                    detail="This server answers only to loopback names.",
                    hint="Use http://127.0.0.1 and its port; a proxy before it sends that as the Host.",
                )
                await problem(scope, receive, send)
                return
        await self._app(scope, receive, send)


def name_in(host_header: str) -> str:
    """The name without its port and the brackets of IPv6."""
    if host_header.startswith("["):
        return host_header[1:].partition("]")[0]
    return host_header.partition(":")[0]
