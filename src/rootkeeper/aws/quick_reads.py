"""A short way for the reading calls of root sessions, at half the CPU of botocore's own.

A deletion makes some ten of them for each account. Endpoint, headers and body come from botocore, signature, parser and
exceptions are botocore's; only what carries the request is shorter. The short way tries once and takes nothing but a
plain answer: data, a refusal, or that there is no such thing. After anything else the call goes botocore's way, with
its retries, as if nothing had been tried. Nothing that changes something goes the short way.
"""

from __future__ import annotations

import http.client
import ssl
import weakref
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from rootkeeper.aws.answers import Answer
from rootkeeper.aws.call_templates import PLACEHOLDER, CallTemplate, RequestCapturedError, SignedCall, make_template
from rootkeeper.aws.session_credentials import entered_credentials

_READING = ("Get", "List")
_PLAIN_ERRORS = frozenset({"AccessDenied", "NoSuchEntity"})
_IS_CAPTURING: ContextVar[bool] = ContextVar("is_capturing", default=False)


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came over the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class ShortWay:
    """Connections to one endpoint, kept open for the next call; safe in many threads."""

    url: str
    session: Session
    """Whose settings of TLS hold."""
    connect_timeout_seconds: float
    read_timeout_seconds: float
    _idle: deque[http.client.HTTPConnection] = field(default_factory=deque)

    def __post_init__(self) -> None:
        weakref.finalize(self, _close_all, self._idle)

    @cached_property
    def is_open(self) -> bool:
        """Whether no proxy stands before the endpoint: what goes through one is left to botocore."""
        from rootkeeper.aws.transport import needs_botocore  # aiohttp's import, which not every command needs

        return not needs_botocore(self.url)

    def exchange(self, call: SignedCall) -> RawAnswer | None:
        """Send once; ``None`` if no answer came."""
        connection: http.client.HTTPConnection | None = None
        try:
            connection = self._find_idle() or self._create_connection()
            if not connection.sock:
                connection.connect()
                connection.sock.settimeout(self.read_timeout_seconds)
            connection.request("POST", urlsplit(call.url).path or "/", call.body, call.headers)
            found = connection.getresponse()
            answer = RawAnswer(found.status, found.headers, found.read())
        except (OSError, http.client.HTTPException):
            if connection is not None:
                connection.close()
            return None
        self._idle.append(connection)  # one that the server has closed is connected anew
        return answer

    def _find_idle(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _create_connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host, timeout = parts.hostname or "", self.connect_timeout_seconds
        if parts.scheme == "https":
            return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        from rootkeeper.aws.transport import create_tls_context  # aiohttp's import, which not every command needs

        return create_tls_context(self.session)


class QuickReads:
    """The calls of one client in root sessions that read and need no parameters."""

    def __init__(self, client: BaseClient, way: ShortWay) -> None:
        self._client = client
        self._way = way
        self._templates: dict[str, CallTemplate] = {}
        client.meta.events.register_first("before-send", _capture)

    def find_answer(self, operation: str) -> Answer | None:
        """What AWS answers to the root session that was entered; ``None`` for botocore to make the call.

        :raises botocore.exceptions.ClientError: if AWS refuses, or says that there is no such thing.
        :raises NoRootSessionError: outside a root session; nothing was sent.
        """
        credentials = entered_credentials()
        if not operation.startswith(_READING) or not self._way.is_open:
            return None
        template = self._templates.get(operation) or self._take_template(operation)
        answer = self._way.exchange(template.sign(PLACEHOLDER, credentials))
        if answer is None:
            return None
        try:
            return template.parse(answer.status, answer.headers, answer.body)
        except ResponseParserError:
            return None
        except ClientError as error:
            if error.response["Error"]["Code"] in _PLAIN_ERRORS:
                raise
            return None

    def _take_template(self, operation: str) -> CallTemplate:
        """Have botocore build the call, once; nothing is sent."""
        token = _IS_CAPTURING.set(True)
        try:
            getattr(self._client, xform_name(operation))()
        except RequestCapturedError as captured:
            template = self._templates[operation] = make_template(self._client, operation, captured.request)
            return template
        finally:
            _IS_CAPTURING.reset(token)
        raise RuntimeError("botocore sent what was only to be built")


def _capture(request: AWSPreparedRequest, **_: object) -> None:
    if _IS_CAPTURING.get():
        raise RequestCapturedError(request)


def _close_all(idle: deque[http.client.HTTPConnection]) -> None:
    while idle:
        idle.pop().close()
