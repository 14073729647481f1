"""The HTTP server: an ASGI application on uvicorn, with bounds in size and time that no client can exceed.

It knows nothing of AWS: it hands whole requests to the control interface, the pages or the pipeline.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rootkeeper_sandbox.clock import Clock
from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.codec.registry import UnservedCodec
from rootkeeper_sandbox.control import PREFIX, answer_control
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError, is_loopback
from rootkeeper_sandbox.instance import SandboxInstance, start_instance
from rootkeeper_sandbox.people.pages import answer_person, is_for_people
from rootkeeper_sandbox.pipeline import answer
from rootkeeper_sandbox.routing import read_signing_name
from rootkeeper_sandbox.scenarios.build import Origin
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.state.organization import PROPAGATION_DELAYS, PropagationDelays
from rootkeeper_sandbox.state.world import World
from rootkeeper_sandbox.state_file import StateFileError, open_world
from rootkeeper_sandbox.throttling import make_throttle
from rootkeeper_sandbox.whole_answers import JoiningTransport, compress_long_answer

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
MAX_BODY_BYTES = 1 << 20
BODY_TIMEOUT_SECONDS = 30.0
LINGER_SECONDS = 2.0
ABORT_EXTENSION = "rootkeeper.abort"
"""The scope extension by which the server lets a connection be cut."""
JOIN_EXTENSION = "rootkeeper.join"
"""The scope extension by which the server lets an answer's head and body be sent in a single write."""
_NO_REQUEST_ID = "00000000-0000-0000-0000-000000000000"
_logger = logging.getLogger(__name__)


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class Application:
    """The sandbox as an ASGI application."""

    def __init__(self, instance: SandboxInstance, *, body_timeout_seconds: float = BODY_TIMEOUT_SECONDS) -> None:
        self.instance = instance
        self.body_timeout_seconds = body_timeout_seconds

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = _read_head(scope)
        try:
            # A body announced as too large isn't read at all. The server has checked that the length is a number.
            announced = request.headers.get("content-length", "0")
            if len(announced) > len(str(MAX_BODY_BYTES)) or int(announced) > MAX_BODY_BYTES:
                raise _too_large()
            request.body = await _read_body(receive, self.body_timeout_seconds)
        except ClientGoneError:
            return
        except RefusalError as refused:
            codec = UnservedCodec(read_signing_name(request) or "this service", request)
            refusal = codec.render_error(codec.make_error(refused), _NO_REQUEST_ID)
            await self._send_and_close(scope, send, receive, refusal)
            return
        if request.raw_path.startswith(PREFIX):
            await self._send(scope, send, await self._keep(request, answer_control(self.instance, request)))
            return
        try:
            if is_for_people(request):
                page = await answer_person(self.instance, request)
                response, cuts_connection = await self._keep(request, page), False
            else:
                response, cuts_connection = await answer(self.instance, request)
                compress_long_answer(request, response)
        except Exception:
            _logger.exception("a bug in the sandbox: %s %s", request.method, request.raw_path)
            error = ServiceError("InternalFailure", "The sandbox has a bug; its log says more.", 500)
            response = UnservedCodec("this service", request).render_error(error, _NO_REQUEST_ID)
            cuts_connection = False
        if cuts_connection:
            scope["extensions"][ABORT_EXTENSION]["abort"]()
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await self._send(scope, send, response)

    async def _keep(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Hold the response until the change is kept; any method but GET and HEAD can change something."""
        try:
            waiting = self.instance.keep(is_mutating=request.method not in ("GET", "HEAD"))
            if waiting is not None:
                await waiting
        except StateFileError as error:
            return HttpResponse(500, "application/json", json.dumps({"error": str(error)}).encode("ascii"))
        return response

    async def _send_and_close(
        self, scope: Mapping[str, Any], send: Send, receive: Receive, response: HttpResponse
    ) -> None:
        """Answer before the request is over, and drop the rest of it.

        A connection that is closed with something unread is reset, and a client that sends first and reads then would
        never see the answer; so bytes that come within a short time are taken and dropped.
        """
        response.headers["connection"] = "close"
        await self._send(scope, send, response, ends=False)
        with contextlib.suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await _receive_part(receive)).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b""})

    async def _send(self, scope: Mapping[str, Any], send: Send, response: HttpResponse, *, ends: bool = True) -> None:
        extension = scope.get("extensions", {}).get(JOIN_EXTENSION)
        with extension["joined"]() if extension else contextlib.nullcontext():
            await self._send_head(send, response)
            await send({"type": "http.response.body", "body": response.body, "more_body": not ends})

    async def _send_head(self, send: Send, response: HttpResponse) -> None:
        now = self.instance.clock.now()
        named = {
            "date": _format_date(int(now.timestamp())),
            "content-type": response.content_type,
            "content-length": str(len(response.body)),
            **response.headers,
        }
        headers = [(name.encode("ascii"), value.encode("utf-8", "surrogateescape")) for name, value in named.items()]
        await send({"type": "http.response.start", "status": int(response.status), "headers": headers})


def _read_head(scope: Mapping[str, Any]) -> HttpRequest:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = str(raw_name, "latin-1"), str(raw_value, "utf-8", "surrogateescape")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    client = scope.get("client")
    host, port = scope.get("server") or ("127.0.0.1", None)
    shown = f"[{host}]" if ":" in host else host
    return HttpRequest(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("ascii", "replace"),
        query_string=scope["query_string"].decode("utf-8", "surrogateescape"),
        headers=headers,
        body=b"",
        source_ip=client[0] if client else "",
        server=f"{shown}:{port}" if port else shown,
    )


async def _read_body(receive: Receive, timeout_seconds: float) -> bytes:
    first = await _receive_part(receive)
    if not first.get("more_body"):
        body: bytes = first["body"]
        return body
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _read_further(first, receive)
    except TimeoutError:
        raise RefusalError(Refusal.REQUEST_TIMEOUT, "The request body did not arrive in time.") from None


async def _read_further(message: Mapping[str, Any], receive: Receive) -> bytes:
    """Read to the body's end, or until it is more than is allowed, which only a chunked body can come to be."""
    chunks: list[bytes] = [message["body"]]
    size = len(message["body"])
    while message.get("more_body"):
        if size > MAX_BODY_BYTES:
            raise _too_large()
        message = await _receive_part(receive)
        chunks.append(message["body"])
        size += len(message["body"])
    if size > MAX_BODY_BYTES:
        raise _too_large()
    return b"".join(chunks)


async def _receive_part(receive: Receive) -> Mapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message


def _too_large() -> RefusalError:
    return RefusalError(Refusal.TOO_LARGE, f"The request body is larger than {MAX_BODY_BYTES} bytes.")


@lru_cache(maxsize=4)
def _format_date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)


DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4599
MAX_HEAD_BYTES = 64 * 1024
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_COLLECTED_AFTER = 20_000
"""New objects between two runs of the garbage collector. Few of a request's objects refer to each other in a circle."""
_KEEP_ALIVE_SECONDS = 600
"""Longer than clients pool connections: a connection closed under a call looks like an ordered fault."""

_INSECURE_WARNING = (
    "WARNING: the sandbox listens on {host}. Its keys are public: anyone who can reach it can do anything in it.\n"
)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How to start."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    """0 takes any free port."""
    origin: Origin = field(default_factory=Origin)
    state: Path | None = None
    """The file that the state is kept in; without a file it ends with the process."""
    throttle: str = "none"
    consistency: str = "immediate"
    latency_ms: float = 0.0
    allows_insecure_listen: bool = False
    parent_id: int | None = None
    """When this process ends, the sandbox ends, too."""


class StartError(Exception):
    """The sandbox can't start as it was asked to."""


def serve(options: SandboxOptions) -> None:
    """Serve until a signal comes, or, if asked for, until the parent process is gone.

    :raises StartError: if the host isn't allowed, the address is taken, the scenario can't be built, or the state file
        can't be used.
    """
    if not is_loopback(options.host) and not options.allows_insecure_listen:
        raise StartError(f"refusing to listen on {options.host}: the sandbox's keys are public (--insecure-listen).")
    with _bind(options.host, options.port) as listener:
        instance = _start(options)
        if not is_loopback(options.host):
            sys.stderr.write(_INSECURE_WARNING.format(host=options.host))
        # Keep the garbage collector from going through 50,000 accounts again and again: they stay.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECTED_AFTER)
        configuration = uvicorn.Config(
            Application(instance),
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            http=_CuttableProtocol,
            ws="none",
            lifespan="off",
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
        )
        _Server(configuration, listener, options.parent_id).run(sockets=[listener])


def _start(options: SandboxOptions) -> SandboxInstance:
    clock, propagation_delays = Clock(), PROPAGATION_DELAYS[options.consistency]
    try:
        origin, world, keeper = open_world(options.origin, options.state, clock)
        world.organization.eligibility.propagation_delays = propagation_delays
        instance = start_instance(partial(_build, origin, clock, propagation_delays), SERVICES, clock, world=world)
    except (ValueError, StateFileError) as error:
        raise StartError(str(error)) from error
    instance.latency_seconds = options.latency_ms / 1000
    instance.throttle = make_throttle(options.throttle)
    instance.keeper = keeper
    return instance


def _build(origin: Origin, clock: Clock, propagation_delays: PropagationDelays) -> World:
    world = origin.build(clock.now)
    world.organization.eligibility.propagation_delays = propagation_delays
    return world


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        hint = " Choose another port with --port; 0 takes any free one." if error.errno == errno.EADDRINUSE else ""
        raise StartError(f"can't listen on {host}:{port}: {error.strerror or error}.{hint}") from error
    return listener


class _CuttableProtocol(HttpToolsProtocol):
    """Lets the application cut the connection that a request came by, sends answers whole, and bounds the head of
    requests.
    """

    _head_bytes = 0
    """Received of a head that isn't complete."""
    _is_in_head = True
    _joining: JoiningTransport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        self._joining = JoiningTransport(transport)
        super().connection_made(self._joining)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._is_in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self.scope["extensions"] = {
            ABORT_EXTENSION: {"abort": self.transport.abort},
            JOIN_EXTENSION: {"joined": self._joining.joined},
        }

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()


class _Server(uvicorn.Server):
    """uvicorn, with a ready line, signals that end it with status 0, and a watch on the parent."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, parent_id: int | None) -> None:
        super().__init__(config)
        self._listener = listener
        self._parent_id = parent_id

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self._listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"READY http://{shown}:{port}\n")
        sys.stdout.flush()

    async def on_tick(self, counter: int) -> bool:
        is_orphan = self._parent_id is not None and os.getppid() != self._parent_id
        return await super().on_tick(counter) or is_orphan

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self, *_arguments: Any) -> None:
        self.should_exit = True
