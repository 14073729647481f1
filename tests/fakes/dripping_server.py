"""A server whose answers drip: a byte at a time, without an end, so that no timeout of a single read is reached."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, islice, repeat

PAUSE_SECONDS = 0.05
_LONGEST_SECONDS = 10.0
"""Then the server ends all answers, so that a client without a deadline fails a test and doesn't hang it."""

_DRIPS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x-amz-drip: "),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"<"),
}


@dataclass
class DrippingServer:
    """What the server knows of its clients."""

    url: str
    requests: int = 0
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def dripping(part: str) -> Iterator[DrippingServer]:
    """A server that drips the ``headers`` or the ``body`` of each answer, until its client leaves or the test ends."""
    begin, slow = _DRIPS[part]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = DrippingServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        serving = threading.Thread(target=_serve, args=(listener, server, begin, slow), daemon=True)
        serving.start()
        try:
            yield server
        finally:
            server.ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


def _serve(listener: socket.socket, server: DrippingServer, begin: bytes, slow: bytes) -> None:
    with suppress(OSError):  # of the listener, at the end of the test
        while True:
            client, _ = listener.accept()
            server.requests += 1
            threading.Thread(target=_drip, args=(client, server, begin, slow), daemon=True).start()


def _drip(client: socket.socket, server: DrippingServer, begin: bytes, slow: bytes) -> None:
    with client, suppress(OSError):  # the client has left
        client.settimeout(_LONGEST_SECONDS)
        client.recv(65_536)
        client.sendall(begin)
        for byte in islice(chain(slow, repeat(ord("x"))), int(_LONGEST_SECONDS / PAUSE_SECONDS)):
            if server.ended.wait(PAUSE_SECONDS):
                return
            client.sendall(bytes([byte]))
        server.ended.set()
