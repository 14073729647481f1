"""Accepts connections for uvicorn, and limits the header of each request before memory is spent on it.

A request that names two hosts is refused: a proxy may have decided by the other one.

uvicorn accepts connections without a limit, waits for a header without a limit, and keeps all that it receives of it.
So connections are accepted here, each is known from its first moment, also during a TLS handshake, and the protocol
notes when a request begins and ends. uvicorn's handling of requests is unchanged.

Source: RFC 6585, section 5 (431 Request Header Fields Too Large); RFC 9112, section 3.2 (Request Target).
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from contextlib import suppress
from functools import partial
from http import HTTPStatus

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from rootkeeper.server.connections import Connection, ConnectionTable
from rootkeeper.worker.health import ConnectionLimit

LARGEST_HEADER_BYTES = 32 * 1024
MOST_HEADERS = 100
MOST_PIPELINED = 16
"""How many further requests may wait on a connection on which a request is being answered; browsers send none."""

_TOO_LARGE = f"A request's header may have {LARGEST_HEADER_BYTES} bytes and {MOST_HEADERS} fields at most."
_TWO_HOSTS = "A request may name one host: one Host header, and the same host in an absolute address."
_AUTHORITY_END = re.compile(rb"[/?#]")
_ACCEPTED_AT_ONCE = 16
"""How many connections are accepted before those that made room for them are gone."""
_PAUSE_SECONDS = 1.0
"""After no file descriptor was left."""


class RefusedRequestError(Exception):
    """Ends the parsing; the parser makes an error of its own from it, which uvicorn answers."""


class LimitedProtocol(HttpToolsProtocol):
    """A connection, with a limit for headers."""

    def __init__(self, config: Config, state: ServerState, table: ConnectionTable, connection: Connection) -> None:
        super().__init__(config, state, app_state={})
        self._table = table
        self._connection = connection
        self._unparsed_bytes = 0
        """Received since something of a request was complete: of a header, or of the end of a body in chunks."""
        self._is_too_large = False
        self._names_two_hosts = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._connection.end = transport.abort
        self._connection.count_unread = transport.get_write_buffer_size
        self._connection.claim = partial(self._table.claim, self._connection)
        if self._connection not in self._table:  # it has made room for another one since it was accepted
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._table.remove(self._connection)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        while data and not self.transport.is_closing():
            room = LARGEST_HEADER_BYTES - self._unparsed_bytes
            if room <= 0:
                self._is_too_large = True
                self.send_400_response(_TOO_LARGE)
                return
            part, data = data[:room], data[room:]
            self._unparsed_bytes += len(part)
            super().data_received(part)

    def send_400_response(self, msg: str) -> None:
        """Answer an unreadable request; with 431 if its size is the reason."""
        if not self._is_too_large:
            super().send_400_response(_TWO_HOSTS if self._names_two_hosts else msg)
            return
        self._table.report(ConnectionLimit.HEADER_SIZE, self._connection.address)
        self.transport.write(
            STATUS_LINE[HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE]
            + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
            + f"content-length: {len(_TOO_LARGE)}\r\n\r\n{_TOO_LARGE}".encode("ascii")
        )
        self.transport.close()

    # Called by the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._is_too_large = True
            raise RefusedRequestError

    def on_headers_complete(self) -> None:
        if self._has_two_hosts():
            self._names_two_hosts = True
            raise RefusedRequestError
        self._unparsed_bytes = 0
        self._connection.waiting_since, self._connection.body_since = None, self.loop.time()
        self.scope["state"]["connection"] = self._connection
        super().on_headers_complete()
        if len(self.pipeline) > MOST_PIPELINED:
            raise RefusedRequestError

    def _has_two_hosts(self) -> bool:
        """Whether there are two Host headers, or an absolute address that isn't of the Host."""
        hosts = [value.strip().lower() for name, value in self.headers if name == b"host"]
        if len(hosts) > 1:
            return True
        if self.url.startswith((b"/", b"*")):
            return False
        authority = _AUTHORITY_END.split(self.url.partition(b"://")[2], maxsplit=1)[0]
        return [authority.lower()] != hosts

    def on_body(self, body: bytes) -> None:
        self._unparsed_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unparsed_bytes = 0
        self._connection.body_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # otherwise the next request is being answered already
            self._connection.waiting_since = self.loop.time()


class Acceptor:
    """Accepts the connections of a listening socket."""

    def __init__(self, config: Config, state: ServerState, table: ConnectionTable) -> None:
        self._config = config
        self._state = state
        self._table = table
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None

    def start(self, listener: socket.socket) -> None:
        """Begin to accept, in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        listener.setblocking(False)
        listener.listen(self._config.backlog)
        self._loop.add_reader(listener.fileno(), self._accept)

    def stop(self) -> None:
        """Accept nothing more; the socket can be closed."""
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener = None

    def end_late(self) -> None:
        """End connections of slow clients."""
        self._table.end_late(self._loop.time())

    def _accept(self) -> None:
        listener = self._listener
        if listener is None:
            return
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                logging.getLogger("uvicorn.error").warning("No connection can be accepted: %s", error.strerror)
                self._table.report(ConnectionLimit.OPEN_FILES, "")
                self._loop.remove_reader(listener.fileno())
                self._loop.call_later(_PAUSE_SECONDS, self._resume)
                return
            self._take(accepted, str(address[0]))

    def _resume(self) -> None:
        if self._listener is not None:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _take(self, accepted: socket.socket, address: str) -> None:
        accepted.setblocking(False)
        connection = Connection(address, lambda: _shut_down(accepted), self._loop.time())
        if not self._table.admit(connection):
            accepted.close()
            return
        task = self._loop.create_task(self._connect(accepted, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, accepted: socket.socket, connection: Connection) -> None:
        """Hand the connection to its protocol, after the handshake of TLS."""
        tls = self._config.ssl
        try:
            await self._loop.connect_accepted_socket(
                lambda: LimitedProtocol(self._config, self._state, self._table, connection),
                accepted,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else self._table.limits.header_seconds,
            )
        except OSError:  # the client left, or speaks no TLS
            self._table.remove(connection)


def _shut_down(accepted: socket.socket) -> None:
    """End a connection that has no transport yet; the event loop still has its file descriptor, and closes it."""
    with suppress(OSError):
        accepted.shutdown(socket.SHUT_RDWR)
