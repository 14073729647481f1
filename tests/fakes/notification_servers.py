"""Servers on this machine that take notifications as the real services do: by HTTPS, and by mail."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.fakes.local_servers import TlsServer, serving
from tests.fakes.tls_server import Authority


@dataclass(frozen=True)
class Received:
    """One request."""

    host: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    seconds_per_byte: float = 0.0


@dataclass
class Receiver:
    """Takes requests, with TLS where it has certificates."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Answer] = lambda _: Answer()
    connections: int = 0

    @classmethod
    @contextmanager
    def start(cls, certificates: Sequence[Path] = ()) -> Iterator[Receiver]:
        """The first certificate answers where no name fits a later one's file."""
        found = cls()
        with TlsServer(("127.0.0.1", 0), _make_handler(found)) as server:
            if certificates:
                server.socket = _make_context(certificates).wrap_socket(server.socket, server_side=True)
            found.port = server.server_port
            with serving(server):
                yield found


def _make_handler(found: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            found.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received = Received(self.headers.get("Host", ""), self.path, dict(self.headers), body)
            found.received.append(received)
            answer = found.answer(received)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            for byte in answer.body if answer.seconds_per_byte else ():
                self.wfile.write(bytes([byte]))
                time.sleep(answer.seconds_per_byte)
            if not answer.seconds_per_byte:
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    return Handler


def _make_context(certificates: Sequence[Path]) -> ssl.SSLContext:
    contexts = {}
    for path in certificates:
        contexts[path.stem] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        contexts[path.stem].load_cert_chain(path)

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name in contexts:
            connection.context = contexts[name]

    first = contexts[certificates[0].stem]
    first.sni_callback = choose
    return first


@contextmanager
def start_proxy(leads_to: int) -> Iterator[str]:
    """A proxy for HTTPS that leads to one port of this machine, whichever host is asked for; its URL."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            with socket.create_connection(("127.0.0.1", leads_to)) as upstream:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pump, args=(upstream, self.connection), daemon=True)
                back.start()
                _pump(self.connection, upstream)
                back.join(5)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """The peer broke off."""

    with Server(("127.0.0.1", 0), Handler) as server, serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@dataclass
class MailServer:
    """Takes mail by SMTP, with STARTTLS where it has a certificate."""

    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    certificate: Path | None = None

    @classmethod
    @contextmanager
    def start(cls, certificate: Path | None = None) -> Iterator[MailServer]:
        found = cls(certificate=certificate)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """The peer broke off."""

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                _MailConversation(found, self.request).hold()

        with Server(("127.0.0.1", 0), Handler) as server, serving(server):
            found.port = server.server_address[1]
            yield found


class _MailConversation:
    """Source: RFC 5321, and RFC 3207 for STARTTLS; what a client needs of them."""

    def __init__(self, server: MailServer, connection: socket.socket) -> None:
        self.server = server
        self.connection: Any = connection
        self.lines = connection.makefile("rb")

    def hold(self) -> None:
        try:
            self.converse()
        finally:
            self.lines.close()
            self.connection.close()

    def converse(self) -> None:
        self.say("220 mail.example.com")
        while line := self.lines.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                self.say("221 bye")
                return
            self.answer(verb, line.decode().strip())

    def answer(self, verb: bytes, line: str) -> None:
        if verb == b"EHLO":
            self.say(
                *(("250-mail.example.com", "250 STARTTLS") if self.server.certificate else ("250 mail.example.com",))
            )
        elif verb == b"STAR" and self.server.certificate:
            self.say("220 go ahead")
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.server.certificate)
            self.lines.close()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.lines = self.connection.makefile("rb")
        elif verb == b"DATA":
            self.say("354 go on")
            self.take_mail()
        else:
            if verb == b"RCPT":
                self.server.recipients.append(line.partition(":")[2].strip(" <>"))
            self.say("250 fine")

    def take_mail(self) -> None:
        taken = []
        while (line := self.lines.readline()) not in (b".\r\n", b""):
            taken.append(line)
        self.server.mails.append(b"".join(taken))
        self.server.was_encrypted.append(isinstance(self.connection, ssl.SSLSocket))
        self.say("250 taken")

    def say(self, *lines: str) -> None:
        self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())


def issue_all(authority: Authority, *names: str) -> list[Path]:
    """Certificates for these names, each in a file of its name."""
    return [authority.issue(name) for name in names]
