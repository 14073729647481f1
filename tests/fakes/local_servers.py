"""HTTP servers on this machine, for as long as a test needs them: what all of them share."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections, answers every method in one piece, and logs nothing."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 30

    def do_DELETE(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def answer(self) -> None:
        """Answer one request; ``command`` is its method."""
        raise NotImplementedError

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def lower_headers(self) -> dict[str, str]:
        """By names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


class TlsServer(ThreadingHTTPServer):
    """Says nothing where a connection breaks."""

    def handle_error(self, *_: object) -> None:
        """A client that refuses the certificate, or whose time is up, breaks off."""


@contextmanager
def serving_requests(handler: type[BaseHTTPRequestHandler], certificate: Path | None = None) -> Iterator[str]:
    """Where it answers; with a certificate it speaks TLS."""
    kind = ThreadingHTTPServer if certificate is None else TlsServer
    with kind(("127.0.0.1", 0), handler) as server:
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        with serving(server):
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Let a server that was made answer until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
