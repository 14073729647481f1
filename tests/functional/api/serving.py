"""The API over a server in memory, on a real port, and a client that shows everything."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from rootkeeper.access.rules import ServerRole
from rootkeeper.server.application import make_application
from rootkeeper.server.served_files import CONSOLE_FOLDER, HELP_FOLDER
from tests.api_conformance import ensure_conforms
from tests.fakes.api_services import FakeServices

SECONDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    content: bytes
    set_cookies: tuple[str, ...] = ()
    """Each cookie that the answer sets, whole."""

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str | None:
        """Of a problem document."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return self.json.get("code")  # type: ignore[no-any-return]  # JSON


@dataclass
class ApiServer:
    """A running API."""

    services: FakeServices
    port: int
    tokens: dict[ServerRole, str] = field(default_factory=dict)

    def token(self, role: ServerRole) -> str:
        """Of a user with that role."""
        if role not in self.tokens:
            self.tokens[role] = self.services.add_token(role)
        return self.tokens[role]

    def get(self, path: str, role: ServerRole | None = ServerRole.VIEWER, **headers: str) -> Answer:
        return self.ask("GET", path, None, role, headers)

    def post(
        self, path: str, body: object = None, role: ServerRole | None = ServerRole.OPERATOR, **headers: str
    ) -> Answer:
        return self.ask("POST", path, {} if body is None else body, role, headers)

    def ask(self, method: str, path: str, body: object, role: ServerRole | None, headers: Mapping[str, str]) -> Answer:
        """A path below ``/api/v1``, unless it begins with ``//``, which means the server's root."""
        address = path[1:] if path.startswith("//") else f"/api/v1{path}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if role is not None:
            sent.setdefault("Authorization", f"Bearer {self.token(role)}")
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        return self.send(method, address, content, sent)

    def send(self, method: str, address: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        return send_to(self.port, method, address, content, headers)


def send_to(port: int, method: str, address: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
    """One request to a server on this machine; what it answers is held to the OpenAPI document."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request(method, address, content, dict(headers))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        set_cookies = tuple(response.headers.get_all("set-cookie", ()))
        answer = Answer(response.status, found, response.read(), set_cookies)
    finally:
        connection.close()
    plain = gzip.decompress(answer.content) if found.get("content-encoding") == "gzip" else answer.content
    ensure_conforms(method, address, answer.status, found.get("content-type", ""), plain)
    return answer


def get_as_written(server: ApiServer, address: str) -> bytes:
    """Return the answer's bytes for an address that a client would change: it is written to the socket."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        connection.sendall(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@contextmanager
def start_api(
    services: FakeServices,
    listening_host: str = "127.0.0.1",
    console_folder: Path = CONSOLE_FOLDER,
    help_folder: Path = HELP_FOLDER,
    **options: Any,
) -> Iterator[ApiServer]:
    """Serve until the end of the block.

    :param options: further ones of uvicorn.
    """
    application = make_application(services.as_server, listening_host, console_folder, help_folder)
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off", **options
    )
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield ApiServer(services, listener.getsockname()[1])
    finally:
        services.is_stopping = True
        server.should_exit = True
        thread.join(SECONDS)
        listener.close()
