"""The process of a server or worker: its log, its start and end, TLS, and the socket that it listens on.

It obeys a signal from its first moment. It takes the socket before it starts anything, and answers once everything is
started.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import os
import resource
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import uvicorn

from rootkeeper.cli.failures import blank_secrets, describe_traceback
from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import ExitStatus
from rootkeeper.cli.terminal import StopRequests
from rootkeeper.errors import DatabaseError, InputError, SettingsError
from rootkeeper.organization.progress import StopSignal
from rootkeeper.organization.threads import WorkerThreads
from rootkeeper.references import is_loopback
from rootkeeper.server.connections import ConnectionLimits, ConnectionTable, choose_limits
from rootkeeper.server.http_protocol import Acceptor
from rootkeeper.untrusted_text import json_text

if TYPE_CHECKING:
    from rootkeeper.cli.terminal import Terminal
    from rootkeeper.composition.serving import ServerRuntime
    from rootkeeper.settings.sections import ServerSettings

_LOUD_ONLY = ("alembic", "apprise", "botocore", "dbos", "httpx", "sqlalchemy", "urllib3", "uvicorn")
"""Libraries of which only warnings are logged."""


class JsonLines(logging.Formatter):
    """A JSON object per line: ``time``, ``level``, ``event``, ``message``, and ids. It contains no secret."""

    def __init__(self, organization: str | None = None) -> None:
        """:param organization: the name that each line has, if a server has several."""
        super().__init__()
        self._organization = {} if organization is None else {"organization": organization}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", record.name),
            **self._organization,
            "message": blank_secrets(record.getMessage()),
            **getattr(record, "ids", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = describe_traceback(record.exc_info[1])
        return json_text(line)


def log_to_stderr(organization: str | None = None) -> None:
    """Configure logging of the whole process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(organization))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _LOUD_ONLY:
        logging.getLogger(name).setLevel(logging.WARNING)


_LOOK_SECONDS = 0.05
_PARENT_LOOK_SECONDS = 0.5


def watch_parent(parent_id: int) -> None:
    """Send SIGTERM to this process when ``parent_id`` isn't its parent any more, also if it no longer is at the call.

    A killed demo can't end its server, and the server of a demo has no use without the demo's sandbox.
    """

    def watch() -> None:
        while os.getppid() == parent_id:
            time.sleep(_PARENT_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="rootkeeper-parent", daemon=True).start()


def run_process(runtime: ServerRuntime, work: Callable[[StopRequests], None]) -> int:
    """Start the runtime, do ``work`` until it returns, and end in an orderly way.

    :param work: returns soon after it was asked to stop.
    :raises RootkeeperError: if it can't be started.
    """
    organization = runtime.settings.organization
    log_to_stderr(None if organization is None else organization.name)
    with StopRequests() as stops:
        try:
            if _starts(runtime, stops):
                work(stops)
        finally:
            is_orderly = runtime.stop()
    return _leave(is_orderly=is_orderly)


def announce_ready(terminal: Terminal, runtime: ServerRuntime, what: str) -> None:
    """Log that the process works; for a new server, first show how to become its administrator.

    A person at a terminal sees the link. Without a terminal, stdout may be a journal, so the link goes to a file.
    A server that can't write its database, such as on a full disk, works without a link: it has windows to close.
    """
    try:
        link = None if runtime.url is None else runtime.offer_first_administration()
    except DatabaseError as error:
        runtime.warn(f"No link for the first administrator was made. {error.message}")
    else:
        if link is not None:
            _offer(terminal, runtime, link)
    terminal.remark(f"Rootkeeper {what}: {runtime.describe()}.")


def _offer(terminal: Terminal, runtime: ServerRuntime, link: str) -> None:
    if terminal.shows_output:
        terminal.remark(
            "There is no administrator yet. Open this link within 24 hours to become administrator; it works once:"
        )
        terminal.write(f"{link}\n")
        return
    kept = runtime.first_administrator_file
    try:
        kept.write(link)
    except SettingsError as error:
        terminal.remark(f"There is no administrator yet. {error.message} {render_hint(error.hint)}")
        return
    terminal.remark(
        f"There is no administrator yet. {kept.path} contains a link that works once, within 24 hours. Open it to "
        "become administrator."
    )


def _starts(runtime: ServerRuntime, stops: StopRequests) -> bool:
    """Start in a thread, because AWS can take long; ``False`` if a stop was requested meanwhile."""
    starting: WorkerThreads[None] = WorkerThreads(1, "rootkeeper-start")
    starting.begin(runtime.start)
    starting.close()
    while not stops.asked_once():
        if starting.take_done(_LOOK_SECONDS):
            return True
    return False


def _leave(*, is_orderly: bool) -> int:
    """End the process at once if a thread would keep it; unfinished work is resumed later."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    if is_orderly and not others:
        return ExitStatus.GOOD
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(ExitStatus.GOOD)


_HINT = (
    "Use PEM files: --tls-cert with the certificate and its chain, and --tls-key with the key if it is another file."
)


class TlsFiles:
    """A server's certificate and key: read at the start, to report errors then, and again when they are renewed."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        """:param key: ``None`` if the certificate's file contains it.
        :raises InputError: if they can't be read, don't belong together, or the key needs a password.
        """
        self._certificate = certificate
        self._key = key
        self._read_as = self._look()
        self.context = self._load(_make_context())

    def renew(self) -> bool:
        """Read the files again if they were replaced; open connections keep their certificate.

        :returns: whether they were replaced.
        :raises InputError: if they can't be used; the previous certificate stays until the files change again.
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
            is_mismatch = error.reason == "KEY_VALUES_MISMATCH"
            why = "the key isn't the certificate's" if is_mismatch else "the file has no certificate or no key"
            raise InputError(f"{self._names} can't be used for TLS: {why}.", hint=_HINT) from error
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
    """Read the files that the options name; ``None`` if they name none.

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
    """Refuse an encrypted key: no one is there to type its password."""
    raise InputError(
        "The TLS key is encrypted.", hint="Use a key without a password, in a file that only the server can read."
    )


ANSWER_SECONDS = 4
"""How long requests in flight can take after the server was asked to stop."""

_TICKS_BETWEEN_LOOKS = 100
"""Ten seconds: how often a renewed certificate is looked for."""
_TICKS_BETWEEN_SWEEPS = 10
"""One second: how often slow clients are looked for."""


def render_url(host: str, port: int, *, is_tls: bool = False) -> str:
    """Render the server's address; by name, because browsers create no passkeys for a bare address.

    With TLS the address stays, because the names of the certificate aren't known here.
    """
    if host == "127.0.0.1" and not is_tls and not _is_taken_by_ipv6(port):
        host = "localhost"
    scheme = "https" if is_tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _is_taken_by_ipv6(port: int) -> bool:
    """Whether ``localhost`` could lead to another program: browsers also try ``::1``.

    Source: RFC 6761, section 6.3.
    """
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def take_listener(handle: int) -> tuple[socket.socket, str]:
    """Take the socket that the front of several organizations has handed over, and read its secret from stdin.

    :raises InputError: if stdin has none.
    """
    secret = sys.stdin.readline().strip()
    if not secret:
        raise InputError("No secret came from a front.", hint="Leave out --listener: only a server itself uses it.")
    return socket.socket(fileno=handle), secret


def bind(host: str, port: int, *, beyond_loopback: bool) -> socket.socket:
    """Take the address; no connection is accepted yet.

    :raises InputError: if other machines can reach it and that isn't allowed, or it can't be taken.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InputError(f"{host!r} is not an address to listen on.", hint="Use --host 127.0.0.1.") from error
    family, _, _, _, place = found[0]
    if not beyond_loopback and not is_loopback(str(place[0])):
        raise InputError(
            f"Other machines can reach {host}, but TLS isn't configured.",
            hint="Add --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy with TLS, or add "
            "--insecure-listen.",
        )
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(place)
    except OSError as error:
        taken.close()
        raise InputError(
            f"The server can't listen on {host}, port {port}: {error.strerror}.",
            hint="Choose another port with --port.",
        ) from error
    return taken


_WIDEST_NETWORK = {4: 16, 6: 48}
"""The shortest prefix of a network of proxies, by the version of IP: an Amazon VPC has no wider network of IPv4.

Source: Amazon VPC User Guide, "VPC CIDR blocks".
"""


def require_proxies(addresses: Sequence[str]) -> tuple[str, ...]:
    """Check the addresses and networks of trusted proxies.

    :raises InputError: if a text is neither, because a name could resolve to any machine; or if a network is wider
        than a site's, because each machine in it can claim to be any client.
    """
    for address in addresses:
        try:
            network = ipaddress.ip_network(address)
        except ValueError as error:
            raise InputError(
                f"{address!r} is not the address of a proxy.",
                hint="Use its IP address, such as 127.0.0.1, or its network, such as 10.0.1.0/24.",
            ) from error
        if network.prefixlen < (widest := _WIDEST_NETWORK[network.version]):
            raise InputError(
                f"The network {address} is too wide for proxies.",
                hint=f"Name networks with a prefix of {widest} or more bits: those of the proxies alone.",
            )
    return tuple(addresses)


def find_limits(settings: ServerSettings, proxies: Sequence[str], warn: Callable[[str], None]) -> ConnectionLimits:
    """Find how many connections the server accepts: as the settings say, or less if the process can't open as much."""
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = choose_limits(
        settings.connections,
        settings.connections_per_address,
        proxies,
        None if open_files == resource.RLIM_INFINITY else open_files,
    )
    if limits.most < settings.connections:
        warn(
            f"The server accepts {limits.most} connections instead of {settings.connections}, because it can have "
            f"{open_files} files open and half of them are reserved for closing windows. Raise the limit, such as by "
            f"LimitNOFILE={2 * settings.connections} in its unit."
        )
    return limits


class HttpServer(uvicorn.Server):
    """Serves an application until a stop is requested; the runtime begins to stop while requests finish."""

    def __init__(
        self,
        application: Any,
        runtime: ServerRuntime,
        stops: StopSignal,
        announce_ready: Callable[[], None],
        limits: ConnectionLimits,
        tls: TlsFiles | None = None,
    ) -> None:
        """:param limits: of connections; the ``X-Forwarded-For`` of its proxies is trusted."""
        config = uvicorn.Config(
            application,
            access_log=False,
            forwarded_allow_ips=[str(network) for network in limits.proxies],
            lifespan="off",
            log_config=None,
            proxy_headers=bool(limits.proxies),
            server_header=False,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
            timeout_graceful_shutdown=ANSWER_SECONDS,
            backlog=128,
        )
        super().__init__(config)
        self._runtime = runtime
        self._stops = stops
        self._announce_ready = announce_ready
        self._tls = tls
        self._acceptor = Acceptor(config, self.server_state, ConnectionTable(limits, runtime.note_connection_limit))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the command counts signals itself."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the acceptor accept, not uvicorn, which does so without a limit."""
        await super().startup([])
        for listener in sockets or []:
            self._acceptor.start(listener)
        self._announce_ready()

    async def on_tick(self, counter: int) -> bool:
        if self._tls is not None and counter % _TICKS_BETWEEN_LOOKS == 0:
            try:
                if self._tls.renew():
                    self._runtime.log.info("tls.renewed", "The TLS certificate was renewed.")
            except InputError as error:
                self._runtime.log.error("tls.kept", f"{error.message} The previous certificate stays in use.")
        if counter % _TICKS_BETWEEN_SWEEPS == 0:
            self._acceptor.end_late()
        return self._stops.asked_once() or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._runtime.begin_stop()
        self._acceptor.stop()
        await super().shutdown(sockets)
