"""Listening: the socket is taken before anything is started, and answers only once everything is."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import uvicorn

from rootkeeper.domain.loopback import is_loopback
from rootkeeper.errors import InputError
from rootkeeper.ports.stopping import StopSignal

if TYPE_CHECKING:
    from rootkeeper.bootstrap.serving import ServerRuntime

ANSWER_SECONDS = 4
"""How long requests in flight may go on after the server was asked to end."""
_BACKLOG = 128


def bind(host: str, port: int, *, beyond_loopback: bool) -> socket.socket:
    """Take the address; nobody is listened to yet.

    :raises InputError: if it can be reached from other machines and that isn't allowed, or it can't be had.
    """
    address = _resolve(host, port)
    if not beyond_loopback and not is_loopback(address[1][0]):
        raise InputError(
            f"{host} can be reached from other machines, and this server speaks no TLS.",
            hint="Listen on 127.0.0.1 and let a proxy with TLS stand before it, or take --insecure-listen.",
        )
    family, place = address
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(place)
    except OSError as error:
        taken.close()
        raise InputError(
            f"{host}, port {port} can't be listened on: {error.strerror}.", hint="Choose another one with --port."
        ) from error
    return taken


def _resolve(host: str, port: int) -> tuple[int, Any]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InputError(f"{host!r} is not an address to listen on.", hint="Use --host 127.0.0.1.") from error
    return found[0][0], found[0][4]


def ensure_proxies(addresses: Sequence[str]) -> tuple[str, ...]:
    """The proxies that are named.

    :raises InputError: if one isn't the address of a machine: whom everybody could be, nobody is to believe.
    """
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError as error:
            raise InputError(
                f"{address!r} is not the address of a proxy.", hint="Give its IP address, such as 127.0.0.1."
            ) from error
    return tuple(addresses)


def url_of(listener: socket.socket) -> str:
    """Where it is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class HttpServer(uvicorn.Server):
    """Serves one application until it is asked to stop; the runtime begins to end beside the requests in flight."""

    def __init__(
        self,
        application: Any,
        runtime: ServerRuntime,
        stops: StopSignal,
        tell_ready: Callable[[], None],
        proxies: Sequence[str] = (),
    ) -> None:
        """:param proxies: whose word is taken for who asks (``X-Forwarded-For``); by default nobody's."""
        config = uvicorn.Config(
            application,
            access_log=False,
            forwarded_allow_ips=list(proxies),
            lifespan="off",
            log_config=None,
            proxy_headers=bool(proxies),
            server_header=False,
            timeout_graceful_shutdown=ANSWER_SECONDS,
            backlog=_BACKLOG,
        )
        super().__init__(config)
        self._runtime = runtime
        self._stops = stops
        self._tell_ready = tell_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: the command counts signals itself."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell_ready()

    async def on_tick(self, counter: int) -> bool:
        return self._stops.asked_once() or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._runtime.begin_stop()
        await super().shutdown(sockets)
