"""A short way for AssumeRoot and the reading calls of root sessions, at half the CPU of botocore's own.

A deletion makes some thirteen of them for each account. Endpoint, headers and body come from botocore; signature,
parser and exceptions are botocore's; only what carries the request is shorter. The short way tries once and takes
nothing but a plain answer: data, a refusal, or that there is no such thing. After anything else the call goes
botocore's way, with its retries, as if nothing had been tried. Nothing that changes something goes the short way.
"""

from __future__ import annotations

import http.client
import ssl
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest
from botocore.client import BaseClient
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from rootkeeper.aws.answers import Answer
from rootkeeper.aws.call_templates import PLACEHOLDER, CallTemplate, RequestCapturedError, SignedCall, make_template

_READING = ("Get", "List")
_PLAIN_ERRORS = frozenset({"AccessDenied", "NoSuchEntity"})
_VARIABLES: Mapping[str, tuple[str, str]] = {
    "AssumeRoot": ("TargetPrincipal", PLACEHOLDER),
    "GetAccessKeyLastUsed": ("AccessKeyId", "AKIAIOSFODNN7EXAMPLE"),
}
"""The one parameter that differs from call to call, and an example that botocore takes."""
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


class Gates(Protocol):
    """What a call passes on its way out, as botocore's handlers have it."""

    def pass_before_signing(self, operation: str) -> None:
        """Such as waiting for a token, so that the signature isn't older than the wait."""
        ...

    def pass_before_sending(self) -> None:
        """Such as the check of an intent; what it raises keeps the call back."""
        ...

    def note_refusal(self, operation: str, code: str) -> None:
        """AWS has answered with this error."""
        ...


class OpenGates:
    """Nothing stands in the way."""

    def pass_before_signing(self, operation: str) -> None:
        """Nothing."""

    def pass_before_sending(self) -> None:
        """Nothing."""

    def note_refusal(self, operation: str, code: str) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class QuickReads:
    """The calls of one client that change nothing, from templates."""

    client: BaseClient
    way: ShortWay
    find_credentials: Callable[[], ReadOnlyCredentials]
    gates: Gates = field(default_factory=OpenGates)
    only: str | None = None
    """The one operation that goes this way; ``None``: all that read, by their names."""
    _templates: dict[str, CallTemplate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client.meta.events.register_first("before-send", _capture)

    def find_answer(self, operation: str, parameters: Mapping[str, object]) -> Answer | None:
        """What AWS answers; ``None`` for botocore to make the call.

        :raises botocore.exceptions.ClientError: if AWS refuses, or says that there is no such thing.
        :raises NoRootSessionError: outside a root session, where one is needed; nothing was sent.
        :raises LockLostError: if the intent that the call needs is no longer valid; nothing was sent.
        """
        name, example = _VARIABLES.get(operation, ("", PLACEHOLDER))
        value = str(parameters.get(name, PLACEHOLDER))
        fixed = {key: given for key, given in parameters.items() if key != name}
        is_ours = operation == self.only if self.only else operation.startswith(_READING) and not fixed
        if not is_ours or not value.isalnum() or not self.way.is_open:
            return None
        self.gates.pass_before_signing(operation)
        credentials = self.find_credentials()
        template = self._templates.get(f"{operation} {fixed}") or self._take_template(operation, fixed, name, example)
        call = template.sign(value, credentials)
        self.gates.pass_before_sending()
        return self._exchange(template, call)

    def _exchange(self, template: CallTemplate, call: SignedCall) -> Answer | None:
        answer = self.way.exchange(call)
        if answer is None:
            return None
        try:
            return template.parse(answer.status, answer.headers, answer.body)
        except ResponseParserError:
            return None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _PLAIN_ERRORS:
                raise
            self.gates.note_refusal(template.operation, code)
            return None

    def _take_template(self, operation: str, fixed: Mapping[str, object], name: str, example: str) -> CallTemplate:
        """Have botocore build the call, once; nothing is sent."""
        parameters = {**fixed, name: example} if name else fixed
        token = _IS_CAPTURING.set(True)
        try:
            getattr(self.client, xform_name(operation))(**parameters)
        except RequestCapturedError as captured:
            made = make_template(self.client, operation, captured.request)
            template = replace(made, body=made.body.replace(example.encode(), PLACEHOLDER.encode()))
            self._templates[f"{operation} {fixed}"] = template
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
