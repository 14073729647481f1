"""Programs beside the reader of a guide, run in the machine's own network: a proxy and a chat's webhook.

``python -m tests.functional.guide_services proxy 443 8700`` or ``… webhook 9000``.
"""

from __future__ import annotations

import socket
import socketserver
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Webhook(BaseHTTPRequestHandler):
    """Accepts every message."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Proxy(socketserver.ThreadingTCPServer):
    """Passes connections on, TLS and all."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, leads_to: int) -> None:
        self.leads_to = leads_to
        super().__init__(("127.0.0.1", port), Passing)


class Passing(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.leads_to)) as beyond:
            back = Thread(target=pump, args=(beyond, self.request), daemon=True)
            back.start()
            pump(self.request, beyond)
            back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65_536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def main(kind: str, port: str, *more: str) -> None:
    server = (
        Proxy(int(port), int(more[0])) if kind == "proxy" else ThreadingHTTPServer(("127.0.0.1", int(port)), Webhook)
    )
    with server:
        print("listens", flush=True)  # noqa: T201 - a program's own output
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
