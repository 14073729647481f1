"""A total deadline for each call to AWS, however slowly its answer comes.

The timeouts of a socket begin again with each byte, so an answer of one byte in two seconds would last for minutes.
Here a read from the socket waits at most for the time that is left of the whole call, retries included. The time of a
call begins when its first request is sent: waits for a token don't count. A throttled call begins again, because AWS
has answered; ``GIVE_UP_SECONDS`` bounds that.

A call that was cut off isn't sent again. If it may have acted, its result is unclear.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.client import BaseClient
from botocore.exceptions import HTTPClientError

from rootkeeper.aws.errors import ERRORS, CallDeadlineError
from rootkeeper.errors import AwsThrottledError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse

_CONTEXT_KEY = "rootkeeper_deadline"
_SHORTEST_SECONDS = 0.001
"""A timeout of 0 would mean not to wait at all."""


class CallDeadline:
    """The end of a call, in this machine's monotonic time: sockets know no other clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends_at: float | None = None

    def find_left(self) -> float:
        """Return the seconds that are left; the first use begins the time."""
        now = time.monotonic()
        if self._ends_at is None:
            self._ends_at = now + self.seconds
        return self._ends_at - now

    def shorten(self, timeout: float | None) -> float:
        """Return the timeout of a socket, or the time that is left if that is less.

        :raises TimeoutError: if none is left.
        """
        left = self.find_left()
        if left <= 0:
            raise TimeoutError(f"the call took longer than {self.seconds:g} s")
        return max(_SHORTEST_SECONDS, left if timeout is None else min(timeout, left))

    def begin_again(self) -> None:
        self._ends_at = None


_CURRENT: ContextVar[CallDeadline | None] = ContextVar("call_deadline", default=None)
"""Of the request that this thread sends."""


class _BoundedReader(io.RawIOBase):
    """Reads from a socket until the call's deadline."""

    def __init__(self, raw: io.RawIOBase, connected: socket.socket, deadline: CallDeadline) -> None:
        self._raw = raw
        self._socket = connected
        self._timeout = connected.gettimeout()
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._deadline.shorten(self._timeout))
        found: int | None = self._raw.readinto(buffer)
        return found

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _BoundedHttpResponse(HTTPResponse):
    """Reads the status line, the headers and the body until the call's deadline."""

    def __init__(self, connected: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(connected, *arguments, **named)
        deadline = _CURRENT.get()
        if deadline is not None:
            self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), connected, deadline))


class _BoundedConnection(AWSHTTPConnection):
    response_class = _BoundedHttpResponse  # type: ignore[assignment]  # as http.client has it

    def connect(self) -> None:
        _shorten_connecting(self)
        super().connect()


class _BoundedTlsConnection(AWSHTTPSConnection):
    response_class = _BoundedHttpResponse  # type: ignore[assignment]  # as http.client has it

    def connect(self) -> None:
        _shorten_connecting(self)
        super().connect()


def _shorten_connecting(connection: Any) -> None:
    if (deadline := _CURRENT.get()) is not None:
        connection.timeout = deadline.shorten(connection.timeout)


class _BoundedPool(AWSHTTPConnectionPool):
    ConnectionCls = _BoundedConnection


class _BoundedTlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _BoundedTlsConnection


def _send(send: Callable[[AWSPreparedRequest], AWSResponse], request: AWSPreparedRequest) -> AWSResponse:
    """Send as botocore does, but not after the deadline of the call."""
    deadline = _CURRENT.get()
    if deadline is None:
        return send(request)
    if deadline.find_left() <= 0:
        raise CallDeadlineError(seconds=deadline.seconds)
    try:
        return send(request)
    except HTTPClientError as error:
        if deadline.find_left() <= 0:
            raise CallDeadlineError(seconds=deadline.seconds) from error
        raise


def bound_calls(client: BaseClient, seconds: float) -> None:
    """End each call of ``client`` after so many seconds."""

    def begin(context: dict[str, Any], **_: object) -> None:
        context[_CONTEXT_KEY] = CallDeadline(seconds)

    def enter(request: AWSRequest, **_: object) -> None:
        _CURRENT.set(request.context[_CONTEXT_KEY])

    def notice(context: dict[str, Any], parsed_response: Mapping[str, Any] | None, **_: object) -> None:
        if parsed_response and ERRORS.get(parsed_response.get("Error", {}).get("Code")) is AwsThrottledError:
            context[_CONTEXT_KEY].begin_again()

    session: Any = client._endpoint.http_session  # type: ignore[attr-defined]  # noqa: SLF001 - botocore has no other way
    session._pool_classes_by_scheme.update(http=_BoundedPool, https=_BoundedTlsPool)  # noqa: SLF001 - as above
    session.send = partial(_send, session.send)
    client.meta.events.register_first("before-call", begin)
    # The last handler: a signature may need credentials, for which another call is made.
    client.meta.events.register_last("request-created", enter)
    client.meta.events.register("response-received", notice)
