"""Listening, with or without TLS.

A server's certificate and key: read at the start, so that what is wrong is told then, and again once renewed.

Listening: the socket is taken before anything is started, and answers only once everything is.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import uvicorn

from rootkeeper.errors import InputError
from rootkeeper.organization.progress import StopSignal
from rootkeeper.references import is_loopback

if TYPE_CHECKING:
    from rootkeeper.composition.serving import ServerRuntime


_HINT = (
    "Give PEM files: --tls-cert with the certificate and its chain, --tls-key with the key, if that is another file."
)


class TlsFiles:
    """What a server shows that it is who it is."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        """:param key: ``None`` if the certificate's file holds it too.

        :raises InputError: if they can't be read, don't belong together, or the key needs a password.
        """
        self._certificate = certificate
        self._key = key
        self._read_as = self._look()
        self.context = self._load(_make_context())

    def renew(self) -> bool:
        """Take the files up if they were replaced; connections that are open keep what they have.

        :returns: whether they were.
        :raises InputError: if they can't be used; what was read before stays, until they change again.
        """
        seen = self._look()
        if seen == self._read_as:
            return False
        self._read_as = seen
        self._load(_make_context())  # a failure half-way would leave a context without a key
        self._load(self.context)
        return True

    def _load(self, context: ssl.SSLContext) -> ssl.SSLContext:
        try:
            context.load_cert_chain(self._certificate, self._key, _refuse_password)
        except ssl.SSLError as error:
            raise InputError(f"{self._names} can't be used for TLS: {_explain(error)}.", hint=_HINT) from error
        except OSError as error:
            raise InputError(f"{self._names} can't be read: {error.strerror}.", hint=_HINT) from error
        return context

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        found = []
        for path in (self._certificate, self._key):
            with suppress(OSError):
                if path is not None:
                    status = path.stat()
                    found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(found)

    @property
    def _names(self) -> str:
        return str(self._certificate) if self._key is None else f"{self._certificate} with {self._key}"


def find_tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """What the options name; ``None`` if they name nothing.

    :raises InputError: if they can't be used.
    """
    if certificate is None:
        if key is not None:
            raise InputError("--tls-key needs --tls-cert.", hint=_HINT)
        return None
    return TlsFiles(certificate, key)


def _make_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _refuse_password() -> NoReturn:
    """Nobody is there to type one."""
    raise InputError(
        "The key for TLS is encrypted.", hint="Give a key without a password, in a file that only the server can read."
    )


def _explain(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key isn't the certificate's"
    return "no certificate or no key is in it"


ANSWER_SECONDS = 4
"""How long requests in flight may go on after the server was asked to end."""


_BACKLOG = 128


_TICKS_BETWEEN_LOOKS = 100
"""Ten seconds, within which a renewed certificate is taken up."""


LOGGER_NAME = "rootkeeper.server"


def bind(host: str, port: int, *, beyond_loopback: bool) -> socket.socket:
    """Take the address; nobody is listened to yet.

    :raises InputError: if it can be reached from other machines and that isn't allowed, or it can't be had.
    """
    address = _resolve(host, port)
    if not beyond_loopback and not is_loopback(address[1][0]):
        raise InputError(
            f"{host} can be reached from other machines, and no TLS was asked for.",
            hint="Give --tls-cert and --tls-key, or listen on 127.0.0.1 and let a proxy with TLS stand before it, or "
            "take --insecure-listen.",
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


def require_proxies(addresses: Sequence[str]) -> tuple[str, ...]:
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


class HttpServer(uvicorn.Server):
    """Serves one application until it is asked to stop; the runtime begins to end beside the requests in flight."""

    def __init__(
        self,
        application: Any,
        runtime: ServerRuntime,
        stops: StopSignal,
        announce_ready: Callable[[], None],
        proxies: Sequence[str] = (),
        tls: TlsFiles | None = None,
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
            ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
            timeout_graceful_shutdown=ANSWER_SECONDS,
            backlog=_BACKLOG,
        )
        super().__init__(config)
        self._runtime = runtime
        self._stops = stops
        self._announce_ready = announce_ready
        self._tls = tls

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: the command counts signals itself."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce_ready()

    async def on_tick(self, counter: int) -> bool:
        if self._tls is not None and counter % _TICKS_BETWEEN_LOOKS == 0:
            _renew(self._tls)
        return self._stops.asked_once() or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._runtime.begin_stop()
        await super().shutdown(sockets)


def _renew(tls: TlsFiles) -> None:
    log = logging.getLogger(LOGGER_NAME)
    try:
        if tls.renew():
            log.info("The certificate for TLS was renewed.", extra={"event": "tls.renewed", "ids": {}})
    except InputError as error:
        log.error("%s The one of before is kept.", error.message, extra={"event": "tls.kept", "ids": {}})
