"""A proxy between one process of the program and the sandbox: sees every request, holds, changes or cuts answers.

The program isn't prepared for it in any way: it sees an endpoint like any other.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from rootkeeper.changes.catalogue import CATALOGUE
from tests.functional.crash.killing_proxy import name_by_path, name_s3_operation

MUTATING_OPERATIONS = {
    operation: action.value for action, row in CATALOGUE.items() if row.changes_aws for operation in row.operation_names
}
"""Every changing call of the product, with the ledger's name for it."""


class CutError(Exception):
    """Raised by a hook: the connection is cut instead of an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the program."""

    number: int
    """From 1, in the order in which they came."""
    operation: str
    service: str
    account_id: str | None
    """The target of AssumeRoot, or the account of the root session that signed; ``None`` for the caller's own calls."""
    task_policy: str | None
    access_key_id: str
    parameters: dict[str, str]
    """Of the query protocol."""
    at: float
    """Monotonic."""
    speaks_json: bool

    @property
    def is_mutating(self) -> bool:
        return self.operation in MUTATING_OPERATIONS

    @property
    def is_privileged(self) -> bool:
        return self.is_mutating or self.operation == "AssumeRoot"

    def refuse(self, code: str = "AccessDenied", status: int = 403) -> Answer:
        """An error in the protocol's own form."""
        if self.speaks_json:
            name = "AccessDeniedException" if code == "AccessDenied" else code
            return Answer(status, [], f'{{"__type": "{name}", "Message": "refused on purpose"}}'.encode())
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>refused on purpose</Message></Error>"
        return Answer(status, [], f"<ErrorResponse>{error}<RequestId>example</RequestId></ErrorResponse>".encode())


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class HandedOut:
    """Credentials of a root session, as the sandbox gave them."""

    account_id: str
    task_policy: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)


def let_pass(request: Request) -> Answer | None:
    """The hook of a proxy that only looks."""
    return None


def keep_answer(request: Request, answer: Answer) -> Answer:
    """The hook of a proxy that changes nothing."""
    return answer


def hide_policy(_: Request, answer: Answer) -> Answer:
    """As AWS words a refusal where it names the kind of policy alone."""
    return Answer(answer.status, [], re.sub(rb"(explicit deny in a [a-z ]+ policy): \S+/p-\w+", rb"\1", answer.body))


class InterposedProxy:
    """Forwards to the sandbox; ``before`` may answer itself, ``after`` may change the answer, both may wait or cut."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 0)
        self.before: Callable[[Request], Answer | None] = let_pass
        self.after: Callable[[Request, Answer], Answer] = keep_answer
        self.requests: list[Request] = []
        self.handed_out: list[HandedOut] = []
        self.failures: list[Exception] = []
        """Of the hooks; they fail the test at its end."""
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def operations(self) -> list[str]:
        return [request.operation for request in self.requests]

    @property
    def privileged(self) -> list[Request]:
        return [request for request in self.requests if request.is_privileged]

    @property
    def mutating(self) -> list[Request]:
        return [request for request in self.requests if request.is_mutating]

    def forget(self) -> None:
        """Requests and hooks; the credentials handed out are kept."""
        with self._lock:
            self.requests.clear()
        self.before, self.after = let_pass, keep_answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert not self.failures, self.failures

    def note(self, method: str, path: str, headers: Any, body: bytes) -> Request:
        """Number a request and keep it."""
        target = str(headers.get("X-Amz-Target", ""))
        of_s3 = name_s3_operation(method, path)
        has_form = not target and of_s3 is None
        parameters = {name: values[0] for name, values in parse_qs(body.decode()).items()} if has_form else {}
        access_key_id, service = _read_authorization(str(headers.get("Authorization", "")))
        task_policy = parameters.get("TaskPolicyArn.arn")
        with self._lock:
            request = Request(
                number=len(self.requests) + 1,
                operation=of_s3 or target.rpartition(".")[2] or parameters.get("Action") or name_by_path(path),
                service=service,
                account_id=parameters.get("TargetPrincipal") or self._find_account(access_key_id),
                task_policy=task_policy.rpartition("/")[2] if task_policy else None,
                access_key_id=access_key_id,
                parameters=parameters,
                at=time.monotonic(),
                speaks_json=bool(target),
            )
            self.requests.append(request)
        return request

    def note_answer(self, request: Request, answer: Answer) -> None:
        """Remember credentials that are handed out."""
        if request.operation != "AssumeRoot" or answer.status != http.client.OK:
            return
        text = answer.body.decode()
        found = (_find_element(text, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        with self._lock:
            self.handed_out.append(HandedOut(request.account_id or "", request.task_policy or "", *found))

    def _find_account(self, access_key_id: str) -> str | None:
        return next((one.account_id for one in self.handed_out if one.access_key_id == access_key_id), None)


def _read_authorization(header: str) -> tuple[str, str]:
    """Access key id and service of the credential scope."""
    scope = header.partition("Credential=")[2].partition(",")[0].split("/")
    return scope[0], scope[3] if len(scope) > 3 else ""


def _find_element(text: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]+)</{name}>", text)
    assert found, f"no {name} in the answer"
    return found[1]


class _Handler(BaseHTTPRequestHandler):
    proxy: InterposedProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(*self.proxy.upstream, timeout=60)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def do_DELETE(self) -> None:
        self._pass_on()

    def do_GET(self) -> None:
        self._pass_on()

    def do_HEAD(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_PUT(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = self.proxy.note(self.command, self.path, self.headers, body)
        try:
            answer = self.proxy.before(request)
            if answer is None:
                answer = self.proxy.after(request, self._forward(request, body))
        except CutError:
            self.close_connection = True
            return
        except Exception as failure:  # noqa: BLE001 - a hook's mistake must fail its test, not vanish in a thread
            self.proxy.failures.append(failure)
            self.close_connection = True
            return
        self._relay(answer)

    def _forward(self, request: Request, body: bytes) -> Answer:
        self._upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            self._upstream.putheader(name, value)
        self._upstream.endheaders(body)
        response = self._upstream.getresponse()
        answer = Answer(response.status, response.getheaders(), response.read())
        self.proxy.note_answer(request, answer)
        return answer

    def _relay(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
