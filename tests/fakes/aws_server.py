"""A server on this machine that answers each AWS operation as a test says, well or badly, and remembers requests."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.fakes.local_servers import QuietHandler, serving_requests

REQUEST_ID = "4442587f-fb7d-11e3-b4d0-examplerequest"
_LONGEST_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. ``cut`` closes the connection instead; either comes after ``delay_seconds``, or once ``waits_for`` is
    set.
    """

    status: int = 200
    body: str | bytes = ""
    request_id: str = REQUEST_ID
    cut: bool = False
    delay_seconds: float = 0
    waits_for: threading.Event | None = None
    headers: tuple[tuple[str, str], ...] = ()
    missing_bytes: int = 0
    """The connection closes this many bytes before the promised end of the body."""


CUT = Reply(cut=True)


def answer_xml(operation: str, members: str = "") -> Reply:
    """An answer of the query protocol, of IAM or STS."""
    result = f"<{operation}Result>{members}</{operation}Result>" if members else ""
    metadata = f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
    return Reply(body=f"<{operation}Response>{result}{metadata}</{operation}Response>")


def error_xml(code: str, status: int = 400, message: str = "no") -> Reply:
    """An error of the query protocol."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return Reply(status, f"<ErrorResponse>{error}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>")


def error_json(code: str, status: int = 400, message: str = "no") -> Reply:
    """An error of the JSON protocol, of Organizations."""
    return Reply(status, f'{{"__type": "{code}", "Message": "{message}"}}')


def error_s3(code: str, status: int = 400, members: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """An error of S3, whose XML has no wrapper."""
    return Reply(status, f"<Error><Code>{code}</Code><Message>no</Message>{members}</Error>", headers=headers)


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    operation: str
    parameters: str
    """The body."""
    headers: dict[str, str]
    """By names in lower case."""
    path: str = "/"
    """With its query."""

    @property
    def access_key_id(self) -> str:
        """Whose credentials signed it."""
        return self.headers["authorization"].partition("Credential=")[2].partition("/")[0]


@dataclass
class FakeAwsServer:
    """Answers an operation with its replies in order, the last one for ever; without any, with HTTP 501."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    _replies: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[FakeAwsServer]:
        fake = cls()

        class Handler(_Handler):
            owner = fake

        with serving_requests(Handler) as fake.url:
            yield fake

    @property
    def operations(self) -> list[str]:
        return [request.operation for request in self.received]

    def answer(self, operation: str, *replies: Reply) -> None:
        self._replies[operation] = list(replies)

    def answer_json(self, operation: str, *bodies: str) -> None:
        """Answers of the JSON protocol, of Organizations."""
        self.answer(operation, *(Reply(body=body) for body in bodies))

    def forget(self) -> None:
        """Requests and replies so far."""
        with self._changed:
            self.received.clear()
            self._replies.clear()

    def wait_for(self, count: int) -> None:
        """Until so many requests have come: a client that gives up early may do so before this server reads."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, _LONGEST_WAIT_SECONDS)

    def take(self, request: Received) -> Reply:
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()
            replies = self._replies[request.operation]
            if not replies:
                return Reply(501, "<NotScripted/>", request_id="")
            return replies.pop(0) if len(replies) > 1 else replies[0]


def name_rest_operation(path: str) -> str:
    """The operation of a path of Account Management, which has no other sign of it: ``/getPrimaryEmail``."""
    name = path.partition("?")[0].strip("/")
    return name[:1].upper() + name[1:]


def name_s3_operation(method: str, path: str) -> str:
    """The operation of a request to S3, as far as bucket policies and the reading of objects go."""
    if path.partition("?")[2].startswith("policy"):
        return {"GET": "GetBucketPolicy", "PUT": "PutBucketPolicy", "DELETE": "DeleteBucketPolicy"}[method]
    if method == "GET" and path.partition("?")[0].strip("/").count("/"):
        return "GetObject"
    return "ListBuckets"


class _Handler(QuietHandler):
    owner: FakeAwsServer

    def answer(self) -> None:
        body = self.read_body().decode()
        reply = self.owner.take(Received(self._name_operation(body), body, self.lower_headers(), self.path))
        time.sleep(reply.delay_seconds)
        if reply.waits_for is not None:
            reply.waits_for.wait(_LONGEST_WAIT_SECONDS)
        self.close_connection = True
        if not reply.cut:
            self._send(reply)

    def _name_operation(self, body: str) -> str:
        if self.command != "POST":
            return name_s3_operation(self.command, self.path)
        target = self.lower_headers().get("x-amz-target", "").rpartition(".")[2]
        return target or parse_qs(body).get("Action", [""])[0] or name_rest_operation(self.path)

    def _send(self, reply: Reply) -> None:
        content = reply.body if isinstance(reply.body, bytes) else reply.body.encode()
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(content) + reply.missing_bytes))
        self.send_header("Connection", "close")
        if reply.request_id:
            self.send_header("x-amzn-RequestId", reply.request_id)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
