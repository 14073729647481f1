"""A proxy between the product and the sandbox whose answers to chosen calls drip: a byte every two seconds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

DRIP_SECONDS = 2.0
_END_OF_HEADERS = b"\r\n\r\n"


@dataclass
class DrippingProxy:
    """Passes every request on, and every answer back."""

    url: str
    target: tuple[str, int]
    dripping: bytes = b""
    """A part of the requests whose answers drip; empty: none."""
    left: int = 0
    """How many answers drip."""
    dripped: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def drip(self, part: bytes, times: int) -> None:
        """Let the next answers to requests with ``part`` drip."""
        with self._guard:
            self.dripping, self.left = part, times

    def must_drip(self, request: bytes) -> bool:
        with self._guard:
            if not self.left or self.dripping not in request:
                return False
            self.left -= 1
            self.dripped += 1
            return True


@contextmanager
def start_dripping_proxy(target_url: str) -> Iterator[DrippingProxy]:
    parts = urlsplit(target_url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        proxy = DrippingProxy(url, (parts.hostname or "", parts.port or 0))
        threading.Thread(target=_accept, args=(listener, proxy), daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.ended.set()
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, proxy: DrippingProxy) -> None:
    with suppress(OSError):  # of the listener, at the end of the test
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, proxy), daemon=True).start()


def _serve(client: socket.socket, proxy: DrippingProxy) -> None:
    with client, suppress(OSError):  # either side has left
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while request := _read_message(client):
            with socket.create_connection(proxy.target) as server:
                server.sendall(request)
                answer = _read_message(server)
            if not proxy.must_drip(request):
                client.sendall(answer)
                continue
            for byte in answer:
                client.sendall(bytes([byte]))
                if proxy.ended.wait(DRIP_SECONDS):
                    return


def _read_message(connection: socket.socket) -> bytes:
    """A request or an answer, whose length its headers say; empty at the end of the connection."""
    read = b""
    while _END_OF_HEADERS not in read:
        if not (more := connection.recv(65_536)):
            return b""
        read += more
    headers = read.partition(_END_OF_HEADERS)[0].lower()
    _, _, rest = headers.partition(b"\r\ncontent-length:")
    whole = len(headers) + len(_END_OF_HEADERS) + int(rest.partition(b"\r\n")[0] or 0)
    while len(read) < whole:
        if not (more := connection.recv(65_536)):
            return b""
        read += more
    return read
