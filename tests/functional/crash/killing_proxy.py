"""A proxy between the program and the sandbox that ends the program by SIGKILL at a chosen call.

The program isn't prepared for it in any way: it sees an endpoint like any other. ``Before`` a call means that the
request has left the program and never reaches the sandbox; ``after`` means that the sandbox has acted and the answer
never reaches the program.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class KillPoint:
    """Where a run ends: at its ``number``-th call or commit, counted from 1."""

    what: str
    """``call``, ``commit`` or ``moment``."""
    when: str
    """``before`` or ``after``."""
    number: int

    def __str__(self) -> str:
        return f"{self.when} {self.what} {self.number}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sandbox answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(slots=True)
class Hold:
    """A call that is held up until a test lets it go on."""

    operation: str
    begun: threading.Event = field(default_factory=threading.Event)
    """Whether it has come."""
    let: threading.Event = field(default_factory=threading.Event)

    def __call__(self, _number: int, operation: str) -> None:
        if operation == self.operation and not self.begun.is_set():
            self.begun.set()
            self.let.wait()


def let_pass(_number: int, _operation: str) -> None:
    """The hook of a proxy that holds nothing up."""


class KillingProxy:
    """Forwards every request to the sandbox; one run of the program at a time."""

    def __init__(self, upstream: str, counted: frozenset[str] | None = None) -> None:
        """:param counted: the operations that count; all by default."""
        parts = urlsplit(upstream)
        self._counted = counted
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._point: KillPoint | None = None
        self.before: Callable[[int, str], None] = let_pass
        """Receives each call that is about to reach the sandbox, with its number; may wait."""
        self.operations: list[str] = []
        """The calls of the current run, in the order in which they came."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def begin_run(self) -> None:
        """Forget the last run."""
        with self._lock:
            self._pid, self._point, self.operations = None, None, []

    def arm(self, pid: int, point: KillPoint) -> None:
        """End process ``pid`` at ``point``."""
        with self._lock:
            self._pid, self._point = pid, point

    @contextlib.contextmanager
    def holding(self, operation: str) -> Iterator[Hold]:
        """Hold up the next such call, that has left the program and not reached the sandbox, until the end."""
        self.before = hold = Hold(operation)
        try:
            yield hold
        finally:
            self.before = let_pass
            hold.let.set()

    def count(self, operation: str) -> int:
        """The number of this call; 0 if it doesn't count."""
        with self._lock:
            if self._counted is not None and operation not in self._counted:
                return 0
            self.operations.append(operation)
            return len(self.operations)

    def kill_if_due(self, when: str, number: int) -> bool:
        with self._lock:
            point, pid = self._point, self._pid
        if pid is None or point is None or (point.what, point.when, point.number) != ("call", when, number):
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    def forward(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
        with contextlib.closing(http.client.HTTPConnection(self._host, self._port, timeout=30)) as connection:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            """Head and body leave together: apart, the second waits for the other side's delayed acknowledgement."""
            disable_nagle_algorithm = True

            def do_DELETE(self) -> None:
                self._pass_on()

            def do_GET(self) -> None:
                self._pass_on()

            do_HEAD = do_GET  # noqa: N815 - the name is http.server's

            def do_POST(self) -> None:
                self._pass_on()

            def do_PUT(self) -> None:
                self._pass_on()

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                operation = name_s3_operation(self.command, self.path) or _operation(self.headers, body, self.path)
                number = proxy.count(operation)
                if proxy.kill_if_due("before", number):
                    self.close_connection = True
                    return
                proxy.before(number, operation)
                answer = proxy.forward(self.command, self.path, self.headers.items(), body)
                if proxy.kill_if_due("after", number):
                    self.close_connection = True
                    return
                self._relay(answer)

            def _relay(self, answer: Answer) -> None:
                self.send_response_only(answer.status)
                for name, value in answer.headers:
                    if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


_POLICY_OPERATIONS = {"DELETE": "DeleteBucketPolicy", "GET": "GetBucketPolicy", "PUT": "PutBucketPolicy"}


_OBJECT_OPERATIONS = {"GET": "ListBuckets", "HEAD": "HeadObject", "PUT": "PutObject"}
_FINDING_OPERATIONS = {"/findings": "GetFindings", "/findings/import": "BatchImportFindings"}


def name_s3_operation(method: str, path: str) -> str | None:
    """The operation of a request to S3, as far as the product calls it; ``None`` for services that POST alone."""
    if "policy" in path.partition("?")[2].split("&"):
        return _POLICY_OPERATIONS[method]
    return _OBJECT_OPERATIONS.get(method)


def name_by_path(path: str) -> str:
    """``/startPrimaryEmailUpdate`` is StartPrimaryEmailUpdate; Security Hub's paths name no operations."""
    return _FINDING_OPERATIONS.get(path) or path[1:2].upper() + path[2:]


def _operation(headers: Any, body: bytes, path: str) -> str:
    target = headers.get("X-Amz-Target")
    if target:
        return str(target).rpartition(".")[2]
    named = parse_qs(body.decode()).get("Action")
    return named[0] if named else name_by_path(path)
