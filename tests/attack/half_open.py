"""Connections that send the beginning of a request and nothing more, and come again whenever the server ends them.

Others send several requests, and read the answers slowly.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

UNFINISHED_HEADER = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Unfinished: "
UNFINISHED_BODY = (
    b"POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)
LARGE_ANSWERS = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 4
"""Each is larger than what the system keeps for a client that doesn't read."""

_LOOK_SECONDS = 0.05
_AT_ONCE = 50
"""How many are opened between two looks."""


class HalfOpenConnections:
    """Holds so many connections to one server, from one address after the other."""

    def __init__(self, url: str, count: int, addresses: Sequence[str], beginning: bytes, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._port = urlsplit(url).port
        self._count = count
        self._addresses = addresses
        self._beginning = beginning
        self._stopping = threading.Event()
        self.opened = 0
        """How many were opened in all."""

    def run(self) -> None:
        held: set[socket.socket] = set()
        with selectors.DefaultSelector() as selector:
            while not self._stopping.is_set():
                for _ in range(min(_AT_ONCE, self._count - len(held))):
                    with suppress(OSError):
                        connection = self._open()
                        held.add(connection)
                        selector.register(connection, selectors.EVENT_READ)
                for key, _ in selector.select(_LOOK_SECONDS):
                    connection = key.fileobj  # type: ignore[assignment]  # only sockets are registered
                    with suppress(BlockingIOError, ConnectionError):
                        if connection.recv(1000):
                            continue
                    selector.unregister(connection)
                    connection.close()
                    held.discard(connection)
                self._stopping.wait(self._pause_seconds)
        for connection in held:
            connection.close()

    def _open(self) -> socket.socket:
        source = self._addresses[self.opened % len(self._addresses)]
        connection = socket.socket()
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.bind((source, 0))
            connection.settimeout(0.2)
            connection.connect(("127.0.0.1", self._port))
            connection.setblocking(False)
            connection.send(self._beginning)
        except OSError:
            connection.close()
            raise
        self.opened += 1
        return connection

    def stop(self) -> None:
        self._stopping.set()


@contextmanager
def half_open_connections(
    url: str, count: int, addresses: Sequence[str], beginning: bytes, pause_seconds: float = 0.0
) -> Iterator[HalfOpenConnections]:
    """Attack while this is entered.

    :param beginning: what each connection sends.
    :param pause_seconds: between two readings of 1,000 bytes.
    """
    attack = HalfOpenConnections(url, count, addresses, beginning, pause_seconds)
    thread = threading.Thread(target=attack.run, daemon=True)
    thread.start()
    try:
        yield attack
    finally:
        attack.stop()
        thread.join(30)
