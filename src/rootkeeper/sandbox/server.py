"""Starts the sandbox as a process of its own: socket, uvicorn, the ready line, signals and the watch on the parent."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rootkeeper.sandbox.application import ABORT_EXTENSION, Application
from rootkeeper.sandbox.clock import Clock
from rootkeeper.sandbox.instance import SandboxInstance, start_instance
from rootkeeper.sandbox.loopback import is_loopback
from rootkeeper.sandbox.origin import Origin
from rootkeeper.sandbox.services import SERVICES
from rootkeeper.sandbox.state import World
from rootkeeper.sandbox.state.eligibility import PROPAGATION_DELAYS, PropagationDelays
from rootkeeper.sandbox.state_file import StateFileError, open_world
from rootkeeper.sandbox.throttling import make_throttle

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4599
MAX_HEAD_BYTES = 64 * 1024
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_COLLECTED_AFTER = 20_000
"""New objects between two runs of the garbage collector. Few of a request's objects hang on one another in a circle."""
_KEEP_ALIVE_SECONDS = 600
"""Longer than clients pool connections: a connection closed under a call looks like a fault that nobody ordered."""
_INSECURE_WARNING = (
    "WARNING: the sandbox listens on {host}. Its keys are public: whoever reaches it can do everything in it.\n"
)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How to start."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    """0 takes any free port."""
    origin: Origin = field(default_factory=Origin)
    state: Path | None = None
    """The file that the state is kept in; without one it ends with the process."""
    throttle: str = "none"
    consistency: str = "immediate"
    latency_ms: float = 0.0
    allows_insecure_listen: bool = False
    exits_with_parent: bool = False


class StartError(Exception):
    """The sandbox can't start as it was asked to."""


def serve(options: SandboxOptions, *, parent_id: int | None = None) -> None:
    """Serve until a signal comes, or, if asked for, until the parent process is gone.

    ``parent_id`` is the parent as it was when the process began, in case it is gone already.

    :raises StartError: if the host isn't allowed, the address is taken, the scenario can't be built, or the state file
        can't be used.
    """
    if not is_loopback(options.host) and not options.allows_insecure_listen:
        raise StartError(f"refusing to listen on {options.host}: the sandbox's keys are public (--insecure-listen).")
    with _bind(options.host, options.port) as listener:
        instance = _start(options)
        if not is_loopback(options.host):
            sys.stderr.write(_INSECURE_WARNING.format(host=options.host))
        _freeze_garbage_collector()
        watched = (parent_id or os.getppid()) if options.exits_with_parent else None
        _Server(_configure(Application(instance)), listener, watched).run(sockets=[listener])


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


def _freeze_garbage_collector() -> None:
    """Keep the garbage collector from going through 50,000 accounts again and again: they stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)


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
        raise StartError(f"can't listen on {host}:{port}: {error.strerror or error}.") from error
    return listener


def _configure(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
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


class _CuttableProtocol(HttpToolsProtocol):
    """Lets the application cut the connection that a request came by, and bounds the head of requests."""

    _head_bytes = 0
    """Received of a head that isn't complete."""
    _is_in_head = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._is_in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self.scope["extensions"] = {ABORT_EXTENSION: {"abort": self.transport.abort}}

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
