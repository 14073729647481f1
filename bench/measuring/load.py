"""Sends prepared HTTP requests over a few connections as fast as they are answered, from a process of its own.

Nothing is built or signed while the time runs: what is sent are bytes made beforehand, and of an answer only status
and length are read, so that the server and not its client is what is measured.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_TIMEOUT_SECONDS = 300


@dataclass(slots=True)
class Outcome:
    """What came back, and how long it took."""

    wall_seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)
    """In the order of the requests."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, and how."""

    url: str
    requests: Sequence[bytes]
    """Whole requests, head and body."""
    connections: int = 16
    core: int | None = None
    """The processor core to stay on, so that client and server don't share one."""


def send_load(load: Load) -> Outcome:
    """Send every request once, from another process, and wait for all answers."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_send_here, load).result()


def _send_here(load: Load) -> Outcome:
    if load.core is not None:
        os.sched_setaffinity(0, {load.core})
    return uvloop.run(_send(load))


async def _send(load: Load) -> Outcome:
    outcome = Outcome(bodies=[b""] * len(load.requests))
    remaining = iter(enumerate(load.requests))
    loop = asyncio.get_running_loop()
    address = urlsplit(load.url)
    connections = [_Connection(remaining, outcome, loop.create_future()) for _ in range(load.connections)]
    started = time.perf_counter()
    for connection in connections:
        await loop.create_connection(connection.itself, address.hostname or "", address.port or 0)
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        await asyncio.gather(*(connection.done for connection in connections))
    outcome.wall_seconds = time.perf_counter() - started
    return outcome


class _Connection(asyncio.Protocol):
    """Sends the next request once the one before is answered."""

    def __init__(self, remaining: Iterator[tuple[int, bytes]], outcome: Outcome, done: asyncio.Future[None]) -> None:
        self.done = done
        self._remaining = remaining
        self._outcome = outcome
        self._received = b""
        self._number = 0

    def itself(self) -> _Connection:
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send_next()

    def _send_next(self) -> None:
        found = next(self._remaining, None)
        if found is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._number, request = found
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(_HEAD_END)
        if head_end < 0:
            return
        length = _LENGTH.search(self._received, 0, head_end + 2)
        body_start = head_end + len(_HEAD_END)
        if length is None or len(self._received) < body_start + int(length[1]):
            return
        self._outcome.statuses[int(self._received[9:12])] += 1
        self._outcome.bodies[self._number] = self._received[body_start:]
        self._received = b""
        self._send_next()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("The server closed a connection under a request."))
