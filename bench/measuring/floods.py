"""Floods that anyone can send: connections with unfinished requests, and sign-ins with wrong passwords."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BEGINNING = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Unfinished: "
ATTACKERS = tuple(f"127.0.1.{number}" for number in range(1, 101))
"""Addresses of this machine that stand for other ones."""
BURST = 50
BURST_EVERY_SECONDS = 10.0
_PAUSE_SECONDS = 0.5
_REFUSED = "no answer"
UNAUTHORIZED = "401"
"""The status of a sign-in whose password was checked and is wrong."""


@dataclass(slots=True)
class Floods:
    """What was sent, and what came of it."""

    url: str
    ends: float
    """In monotonic seconds of the event loop."""
    half_open: int = 0
    """Connections with unfinished requests, opened in all."""
    sign_ins: Counter[str] = field(default_factory=Counter)
    """Sign-ins by the status of their answer."""
    _sources: Iterator[str] = field(default_factory=lambda: itertools.cycle(ATTACKERS))

    async def hold_half_open(self) -> None:
        """Hold one connection with an unfinished request, and open it again when the server ends it."""
        while (left := self._seconds_left()) > 0:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(left):
                    await self._hold_one()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _hold_one(self) -> None:
        reader, writer = await self._connect()
        self.half_open += 1
        try:
            writer.write(BEGINNING)
            await reader.read()
        finally:
            writer.close()

    async def sign_in_in_bursts(self) -> None:
        """Try wrong passwords of many users from many addresses at once, again and again."""
        while self._seconds_left() > 0:
            async with asyncio.TaskGroup() as group:
                for number in range(BURST):
                    group.create_task(self._sign_in(f"user-{number}"))
            await asyncio.sleep(BURST_EVERY_SECONDS)

    async def _sign_in(self, name: str) -> None:
        body = json.dumps({"name": name, "password": "wrong, as all of them are"}).encode()
        head = (
            f"POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode()
        answer = b""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(60):
                reader, writer = await self._connect()
                try:
                    writer.write(head + body)
                    answer = await reader.readline()
                finally:
                    writer.close()
        self.sign_ins[answer.split(b" ")[1].decode() if answer.count(b" ") else _REFUSED] += 1

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        port = urlsplit(self.url).port
        return await asyncio.open_connection("127.0.0.1", port, local_addr=(next(self._sources), 0))

    def _seconds_left(self) -> float:
        return self.ends - asyncio.get_running_loop().time()
