"""Sends an answer so that a client in Go has all of it at once: head and body in one write, compressed if it is long.

smithy-go, below the AWS SDK for Go and Terraform, closes a request's body as soon as it has the answer's head. If Go's
transport hasn't looked for that body's end by then, it takes the closed body for a failed write, and closes the
connection. A body that comes after the head is lost; the SDK sends the request again, and a creation is refused because
the first request succeeded. Go reads up to 4,096 bytes at once, and bytes already read stay readable after the close.

Source: ``persistConn.writeLoop`` and ``transferWriter.writeBody`` of Go's ``net/http``; ``ClientHandler.Handle`` and
``safeWriteToReadCloser`` of smithy-go.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import Iterator
from typing import Any

from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse

ONE_READ_BYTES = 4096
"""The most that Go's transport reads at once. Source: ``Transport.ReadBufferSize`` of ``net/http``."""
_HEAD_BYTES = 1024
"""More than the head of an answer to an API call has."""
_FAST = 1
"""The level of compression: XML and JSON become much smaller at any."""


def compress_long_answer(request: HttpRequest, response: HttpResponse) -> None:
    """Compress a body longer than a single read, if the client takes that and its request had a body to be closed."""
    if not request.body or len(response.body) <= ONE_READ_BYTES - _HEAD_BYTES:
        return
    accepted = request.headers.get("accept-encoding", "").split(",")
    if "gzip" in (encoding.strip() for encoding in accepted):
        response.body = gzip.compress(response.body, _FAST, mtime=0)
        response.headers["content-encoding"] = "gzip"


class JoiningTransport(asyncio.Transport):
    """A connection's transport that can join several writes."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._held: list[bytes] | None = None

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """Send everything that is written in this context at its end, or before the connection is closed."""
        self._held = []
        try:
            yield
        finally:
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(bytes(data))

    def close(self) -> None:
        self._release()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)
