"""Connections to one endpoint that stay open, and one request with its answer on them, at little CPU.

httptools parses what comes: Python's http.client takes longer for the headers of an answer than botocore for its body.
The last thing before the bytes leave is the caller's gate, after a connection is had: neither the wait for one nor a
handshake can let a lease run out unseen between the two.
"""

from __future__ import annotations

import select
import socket
import ssl
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError
from botocore.session import Session
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from rootkeeper.aws.call_templates import SignedCall
from rootkeeper.aws.tls_contexts import create_tls_context, needs_botocore

_CHUNK_BYTES = 65_536
_FIRST_FINAL_STATUS = 200
_DEFAULT_PORTS = {"http": 80, "https": 443}
NO_ANSWER = (botocore_errors.ConnectionError, botocore_errors.HTTPClientError, ResponseParserError)
"""What :meth:`ShortWay.send` raises if no answer came that can be read."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came over the wire."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


class _Incoming:
    """An answer on its way; what httptools calls. An interim one, such as 100, is forgotten."""

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.has_headers = False
        self.is_complete = False
        self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_complete:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.has_headers = True

    def on_body(self, body: bytes) -> None:
        if not self.is_complete:
            self.parts.append(body)

    def on_message_begin(self) -> None:
        """Behind an answer nothing may come: whose would it be?"""
        if self.is_complete:
            self.keeps_alive = False

    def on_message_complete(self) -> None:
        if self.is_complete:
            return
        self.status = self.parser.get_status_code()
        if self.status < _FIRST_FINAL_STATUS:
            self.headers.clear()
            self.has_headers = False
            return
        self.keeps_alive = self.parser.should_keep_alive()
        self.is_complete = True

    def feed(self, data: bytes) -> None:
        """:raises HttpParserError: if it isn't HTTP."""
        try:
            self.parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keeps_alive = False
            if not self.is_complete:
                raise HttpParserError("it isn't HTTP, or goes on in another protocol") from error

    def end(self) -> None:
        """The server has closed the connection.

        :raises ConnectionError: if something is missing.
        """
        says_length = "content-length" in self.headers or "transfer-encoding" in self.headers
        if not self.has_headers or says_length:
            raise ConnectionError("the connection was cut before the end of the answer")
        self.status = self.parser.get_status_code()
        self.is_complete = True


@dataclass(slots=True)
class _Connection:
    """One that is open, for one thread at a time."""

    socket: socket.socket
    _readable: select.poll = field(default_factory=select.poll)

    def __post_init__(self) -> None:
        self._readable.register(self.socket, select.POLLIN)

    def is_quiet(self) -> bool:
        """Whether the server has neither closed it nor sent what nobody asked for."""
        return not self._readable.poll(0)

    def exchange(self, request: bytes) -> tuple[RawAnswer, bool]:
        """The answer, and whether the connection can be used again.

        :raises OSError: if the connection is cut, or it takes too long.
        :raises HttpParserError: if what comes isn't HTTP.
        """
        self.socket.sendall(request)
        incoming = _Incoming()
        while not incoming.is_complete:
            data = self.socket.recv(_CHUNK_BYTES)
            if data:
                incoming.feed(data)
            else:
                incoming.end()
        body = incoming.parts[0] if len(incoming.parts) == 1 else b"".join(incoming.parts)
        return RawAnswer(incoming.status, incoming.headers, body), incoming.keeps_alive

    def close(self) -> None:
        self.socket.close()


def _pass() -> None:
    """The gate of a call that needs none."""


@dataclass(frozen=True)
class ShortWay:
    """Connections to one endpoint, kept open for the next call; safe in many threads."""

    url: str
    session: Session
    """Whose settings of TLS hold."""
    connect_timeout_seconds: float
    read_timeout_seconds: float
    _idle: deque[_Connection] = field(default_factory=deque)

    def __post_init__(self) -> None:
        weakref.finalize(self, _close_all, self._idle)

    @cached_property
    def is_open(self) -> bool:
        """Whether no proxy stands before the endpoint: what goes through one is left to botocore."""
        return not needs_botocore(self.url)

    def leads_to(self, url: str) -> bool:
        """Whether a call for ``url`` can go this way. Where botocore's endpoint rules name another host than its client
        does, as for some dual-stack and FIPS endpoints, the call is left to botocore.
        """
        return url in (self.url, f"{self.url}/")

    def exchange(self, call: SignedCall, leave: Callable[[], None] = _pass) -> RawAnswer | None:
        """Send once; ``None`` if no answer came that can be read."""
        try:
            return self.send(call, leave)
        except NO_ANSWER:
            return None

    def send(self, call: SignedCall, leave: Callable[[], None]) -> RawAnswer:
        """Send once.

        :param leave: called once a connection is had, just before the request goes; what it raises keeps it back.
        :raises botocore.exceptions.ConnectionError: as botocore does, if nothing was sent.
        :raises botocore.exceptions.HTTPClientError: as botocore does, if no answer comes.
        :raises ResponseParserError: if what comes isn't HTTP.
        """
        request = _render(self._head, call)
        connection = self._find_idle() or self._connect()
        is_kept = False
        try:
            leave()
            answer, is_kept = connection.exchange(request)
        except (OSError, HttpParserError) as error:
            raise _as_botocore_has_it(error, self.url) from error
        finally:
            if is_kept:
                self._idle.append(connection)
            else:
                connection.close()
        return answer

    @cached_property
    def _head(self) -> str:
        """What all requests begin with."""
        parts = urlsplit(self.url)
        host = (parts.hostname or "").lower()
        host = f"[{host}]" if ":" in host else host
        port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
        return f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {host}{port}\r\nAccept-Encoding: identity"

    def _find_idle(self) -> _Connection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_quiet():
                return connection
            connection.close()

    def _connect(self) -> _Connection:
        try:
            return _Connection(self._open_socket())
        except ssl.SSLError as error:
            raise botocore_errors.SSLError(endpoint_url=self.url, error=error) from error
        except TimeoutError as error:
            raise botocore_errors.ConnectTimeoutError(endpoint_url=self.url, error=error) from error
        except OSError as error:
            raise botocore_errors.EndpointConnectionError(endpoint_url=self.url, error=error) from error

    def _open_socket(self) -> socket.socket:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
        found = socket.create_connection((host, port), self.connect_timeout_seconds)
        try:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if parts.scheme == "https":
                found = self._tls.wrap_socket(found, server_hostname=host)
            found.settimeout(self.read_timeout_seconds)
        except BaseException:
            found.close()
            raise
        return found

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return create_tls_context(self.session)


def _render(head: str, call: SignedCall) -> bytes:
    """:raises ValueError: if a header holds a line break, or what no header may hold."""
    lines = [f"{name}: {value}" for name, value in call.headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header holds a line break")
    text = "\r\n".join((head, f"Content-Length: {len(call.body)}", *lines, "", ""))
    return text.encode("latin-1") + call.body


def _as_botocore_has_it(error: Exception, url: str) -> Exception:
    """An error after the request may have left."""
    match error:
        case ssl.SSLError():
            return botocore_errors.SSLError(endpoint_url=url, error=error)
        case TimeoutError():
            return botocore_errors.ReadTimeoutError(endpoint_url=url, error=error)
        case HttpParserError():
            return ResponseParserError("the answer isn't HTTP")
        case _:
            return botocore_errors.ConnectionClosedError(endpoint_url=url, error=error)


def _close_all(idle: deque[_Connection]) -> None:
    while idle:
        idle.pop().close()
