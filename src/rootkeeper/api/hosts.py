"""Which host names a server answers to.

A page in a browser can have a name of its own point to 127.0.0.1 and then read whatever listens there (DNS rebinding).
The name that it asked for still stands in the Host header. So a server on a loopback address answers to loopback names
and to its public one, and no other. One that other machines reach answers to any until its public name is set, and then
to that, to loopback names and to the address that it was reached by, as load balancers ask for its health.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from rootkeeper.api.problems import make_problem
from rootkeeper.domain.loopback import is_loopback


class HostCheck:
    """Refuses requests that name another host."""

    def __init__(self, app: ASGIApp, listening_host: str, public_host: str | None = None) -> None:
        self._app = app
        self._is_local = is_loopback(listening_host)
        self._public_host = public_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._answers_to(
            parse_host_name(Headers(scope=scope).get("host", "")), scope
        ):
            problem = make_problem(
                Request(scope),
                HTTPStatus.MISDIRECTED_REQUEST,
                detail="This server doesn't answer to that name.",
                hint="Use http://127.0.0.1 and its port, or the address that server.public_url names; a proxy before "
                "it sends one of them as the Host.",
            )
            await problem(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _answers_to(self, name: str, scope: Scope) -> bool:
        if not self._is_local and self._public_host is None:
            return True
        reached = (scope.get("server") or ("",))[0]
        return is_loopback(name) or name.lower() == self._public_host or (not self._is_local and name == reached)


def parse_host_name(host_header: str) -> str:
    """The name without its port and the brackets of IPv6."""
    if host_header.startswith("["):
        return host_header[1:].partition("]")[0]
    return host_header.partition(":")[0]
