"""What a thread that sends may connect to: nothing inside unless allowed, nothing without TLS unless allowed, and
nothing after its time.

Python tells an audit hook (PEP 578) of each connection before it is made, with the very address that the name was
resolved to. So whichever library sends, a name that resolves to another address the second time gains nothing, and no
library has to be changed or trusted to ask. The hook stays for the process's life and looks only where a guard is set.
The guard is a context variable: it holds in its own thread. Services whose library starts threads aren't used.
"""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from http.client import HTTPSConnection as PlainHTTPSConnection
from typing import Any

from urllib3.connection import HTTPSConnection

from rootkeeper.domain.notification_targets import AllowedHosts, is_inside

_SILENCED = (
    "apprise",
    "requests",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
)
"""Loggers of libraries that send: what they tell holds URLs, and URLs hold tokens."""
_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")
_NEVER = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.system",
        "socket.bind",
        "socket.sendmsg",
        "socket.sendto",
        "subprocess.Popen",
    }
)
"""Nothing that sends by TLS needs them."""
_WATCHED = _NEVER | {"http.client.connect", "socket.connect", "socket.getaddrinfo"}


class ConnectionRefusedByRuleError(OSError):
    """Raised inside of a library, which takes it for a connection that failed."""


class ConnectionGuard:
    """What one sending may connect to, and what became of it."""

    def __init__(self, allowed: AllowedHosts) -> None:
        self.refusal: str | None = None
        """Why a connection was refused; names no host, since a host may be a secret part of a target's URL."""
        self.status: int | None = None
        """The HTTP status that the library told of, if any."""
        self.is_over = False
        """Whether its time is up."""
        self._allowed = allowed
        self._asked = ""
        self._latest: socket.socket | None = None
        """What was connected last; once it is wrapped for TLS it is an empty shell."""
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """:raises ConnectionRefusedByRuleError: if it mustn't be."""
        if event in _NEVER:
            self._refuse("its service needs more than connections by TLS")
        elif event == "socket.getaddrinfo":
            self._asked = _text(arguments[0])
        elif event == "socket.connect":
            self._check_address(*arguments[:2])
        else:
            self._check_encryption(*arguments[:3])

    def abort(self) -> None:
        """End the connections that are open, and let no further one be made; from another thread."""
        with self._lock:
            self.is_over = True
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            for one in self._sockets:
                one.close()
            self._sockets.clear()

    def _check_address(self, connecting: socket.socket, address: object) -> None:
        if self.is_over:
            self._refuse("its time is up")
        if not isinstance(address, tuple):
            self._refuse("it points to a socket of this machine")
            return
        host, port = _text(address[0]), int(address[1])
        names = (self._asked or host, host)
        if is_inside(host) and not any(self._allowed.permits_inside(name, port) for name in names):
            self._refuse("it points inside: to a private, loopback or link-local address that isn't allowed")
        self._remember(connecting)

    def _check_encryption(self, connection: object, host: object, port: object) -> None:
        is_encrypted = isinstance(connection, (HTTPSConnection, PlainHTTPSConnection))
        if not is_encrypted and not self._allowed.permits_plain(_text(host), int(str(port))):
            if self._latest is not None:
                self._latest.close()
            self._refuse("it would be sent to without TLS")

    def _remember(self, connecting: socket.socket) -> None:
        """A duplicate ends the same connection, whatever the library wraps around its own one."""
        self._latest = connecting
        with self._lock, suppress(OSError, NotImplementedError):
            self._sockets.append(socket.socket.dup(connecting))

    def _refuse(self, reason: str) -> None:
        self.refusal = self.refusal or reason
        raise ConnectionRefusedByRuleError(reason)


_current: ContextVar[ConnectionGuard | None] = ContextVar("rootkeeper_guard", default=None)
_installing = threading.Lock()
_installed = threading.Event()


@contextmanager
def guarded(allowed: AllowedHosts, seconds: float) -> Iterator[ConnectionGuard]:
    """Guard what this thread connects to, and end its connections after ``seconds``."""
    _install_once()
    guard = ConnectionGuard(allowed)
    timer = threading.Timer(seconds, guard.abort)
    timer.daemon = True
    token = _current.set(guard)
    timer.start()
    try:
        yield guard
    finally:
        timer.cancel()
        _current.reset(token)
        guard.close()


def _install_once() -> None:
    with _installing:
        if not _installed.is_set():
            for name in _SILENCED:
                logging.getLogger(name).addFilter(_listen)
            sys.addaudithook(_watch)
            _installed.set()


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _WATCHED:
        guard = _current.get()
        if guard is not None:
            guard.watch(event, arguments)


def _listen(record: logging.LogRecord) -> bool:
    """Drop what a sending library logs, but for the status that it got."""
    guard = _current.get()
    if guard is None:
        return True
    found = _STATUS.search(record.getMessage())
    if found:
        guard.status = int(found[1])
    return False


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
