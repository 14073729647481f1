"""A server on this machine that answers the addresses of Rootkeeper's API as a test says, and remembers requests."""

from __future__ import annotations

import json
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; ``cut`` closes the connection instead."""

    body: Any = None
    """Sent as JSON; bytes are sent as they are."""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False


def problem(status: int, code: str | None, detail: str, hint: str | None = None) -> Answer:
    """A problem document as the API writes it."""
    document = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail, "hint": hint}
    return Answer(document | ({"code": code} if code else {}), status)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    """After ``/api/v1/``, with its query."""
    headers: dict[str, str]
    """By names in lower case."""
    body: Any


@dataclass
class FakeRootkeeperServer:
    """Answers an address with its answers in order, the last one for ever; any other with 404."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def start(cls, certificate: Path | None = None) -> Iterator[FakeRootkeeperServer]:
        """With a certificate it speaks TLS."""
        fake = cls()

        class Handler(_Handler):
            owner = fake

        with _Server(("127.0.0.1", 0), Handler) as server:
            if certificate is not None:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(certificate)
                server.socket = context.wrap_socket(server.socket, server_side=True)
            fake.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield fake
            finally:
                server.shutdown()
                thread.join()

    @property
    def lines(self) -> list[str]:
        """What was asked, such as ``GET me``."""
        return [f"{request.method} {request.path}" for request in self.asked]

    def answer(self, line: str, *answers: Answer | dict[str, Any]) -> None:
        """:param line: such as ``GET me``; a query in a request is looked for first, then left out."""
        self._answers[line] = [one if isinstance(one, Answer) else Answer(one) for one in answers]

    def take(self, request: Asked) -> Answer:
        with self._guard:
            self.asked.append(request)
            line = f"{request.method} {request.path}"
            answers = self._answers.get(line) or self._answers.get(line.partition("?")[0])
            if not answers:
                return Answer({"detail": "Not Found"}, 404)
            return answers.pop(0) if len(answers) > 1 else answers[0]


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that refuses the certificate breaks off."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 5
    owner: FakeRootkeeperServer

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.removeprefix("/api/v1/")
        answer = self.owner.take(Asked(method, path, headers, json.loads(content) if content else None))
        if answer.cut:
            self.close_connection = True
            return
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        with suppress(OSError):
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""
