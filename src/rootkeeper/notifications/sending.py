"""Sends to mail, chat and webhooks, through a guard.

Reading a target's URL where its reference says, each time that something is sent: it is kept nowhere else.

Why a target didn't take something, without anything of its URL.

What a thread that sends may connect to: nothing inside unless allowed, nothing without TLS unless allowed, and
nothing after its time.

Python tells an audit hook (PEP 578) of each connection before it is made, with the very address that the name was
resolved to. So whichever library sends, a name that resolves to another address the second time gains nothing, and no
library has to be changed or trusted to ask. The hook stays for the process's life and looks only where a guard is set.
The guard is a context variable: it holds in its own thread. Services whose library starts threads aren't used.

Our own webhook: a JSON document by HTTPS, signed so that a receiver can tell who sent it and that it is fresh.

``webhook+https://SECRET@host/path``. The signature is HMAC-SHA256 over ``TIMESTAMP.BODY`` with the secret, in
hexadecimal after ``v1=``; a receiver computes it again, compares in constant time, and drops what is older than some
minutes. A notification that comes twice has the same id.

Mail, chat and the many services that apprise knows, held to our rules whatever the target's URL asks for.

Only services that send by HTTPS, and mail, are used: their libraries connect in the thread that sends, where the guard
sees it. apprise loads its services on first use, so it is imported here and only when something is sent.

Sends a notification to a target: the one place where a target's URL is held, for as long as the sending takes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import socket
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPSConnection as PlainHTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError

from rootkeeper.clock import Clock
from rootkeeper.errors import NotificationError, SettingsError
from rootkeeper.notifications.rules import (
    SCHEMA_VERSION,
    AllowedHosts,
    Notification,
    NotificationTarget,
    Severity,
    is_inside,
    notification_to_record,
    render_body,
    render_title,
)
from rootkeeper.references import read_reference

if TYPE_CHECKING:
    from apprise import AppriseAsset


def read_url(target: NotificationTarget, environment: Mapping[str, str]) -> str:
    """The target's URL.

    :raises NotificationError: if there is none, or others may read its file.
    """
    try:
        return read_reference(target.reference, environment)
    except SettingsError as error:
        raise NotificationError(
            f"The notification target {target.name} can't be used: {error.message}.",
            hint=error.hint or "Put the target's URL there, and nothing else.",
        ) from error


class DeliveryFailedError(Exception):
    """Half a sentence that goes on from the target's name; never holds a URL, a host or a token."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


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


SCHEMES = ("webhook+https://", "webhook+http://")
ID_HEADER = "Rootkeeper-Notification-Id"
SIGNATURE_HEADER = "Rootkeeper-Signature"
TIMESTAMP_HEADER = "Rootkeeper-Timestamp"
_SHORTEST_SECRET = 16
_TIMEOUT = urllib3.Timeout(connect=4.0, read=8.0)
_GOOD, _REDIRECT, _BAD = 200, 300, 400


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where it is, and what signs."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)


def parse_webhook(text: str) -> Webhook:
    """:raises DeliveryFailedError: if it can't be understood, or its secret is too short."""
    try:
        parts = urlsplit(text.removeprefix("webhook+"))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise DeliveryFailedError("its URL can't be understood", _HINT) from None
    host = parts.hostname or ""
    secret = unquote(parts.password or parts.username or "").encode()
    if not host:
        raise DeliveryFailedError("its URL has no host", _HINT)
    if len(secret) < _SHORTEST_SECRET:
        raise DeliveryFailedError(f"its URL has no secret of {_SHORTEST_SECRET} characters or more", _HINT)
    place = f"[{host}]{port}" if ":" in host else f"{host}{port}"
    return Webhook(urlunsplit((parts.scheme, place, parts.path or "/", parts.query, "")), secret)


_HINT = "Write: webhook+https://SECRET@host/path"


def make_body(notification_id: str, notification: Notification) -> bytes:
    """The document; its texts are data that others wrote in part."""
    record: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "notification_id": notification_id}
    return json.dumps({**record, **notification_to_record(notification)}, separators=(",", ":")).encode()


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """What the signature's header holds."""
    return f"v1={hmac.new(secret, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def send_webhook(webhook: Webhook, notification_id: str, notification: Notification, now: datetime) -> None:
    """Send it once; redirects aren't followed.

    :raises DeliveryFailedError: if it isn't taken.
    """
    body, timestamp = make_body(notification_id, notification), str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Rootkeeper",
        ID_HEADER: notification_id,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: sign(webhook.secret, timestamp, body),
    }
    try:
        with _open_pool(webhook.url) as pool:
            answer = pool.request(
                "POST", webhook.url, body=body, headers=headers, redirect=False, retries=False, preload_content=False
            )
            answer.close()
    except (HTTPError, LocationParseError, OSError, ValueError):
        raise DeliveryFailedError("no connection to it could be made or kept") from None
    if not _GOOD <= answer.status < _REDIRECT:
        is_redirect = _REDIRECT <= answer.status < _BAD
        raise DeliveryFailedError(
            f"it answered with HTTP status {answer.status}{', which is not followed' * is_redirect}"
        )


def _open_pool(url: str) -> urllib3.PoolManager:
    """By the proxy that the environment names, as other programs do it."""
    parts = urlsplit(url)
    proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
    if proxy is None:
        return urllib3.PoolManager(timeout=_TIMEOUT)
    return urllib3.ProxyManager(proxy, timeout=_TIMEOUT)


_CONNECT_SECONDS = 4.0
_READ_SECONDS = 8.0
_loading = threading.Lock()


def send_to_service(url: str, notification: Notification, allowed: AllowedHosts, guard: ConnectionGuard) -> None:
    """Send it once, inside of ``guard``.

    :raises DeliveryFailedError: if the URL can't be used, or the service doesn't take it.
    """
    load()
    from apprise import Apprise, NotifyFormat, NotifyType
    from apprise.exception import AppriseException

    asset = _make_asset()
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        raise DeliveryFailedError(
            "its URL can't be understood", "The guide on notifications shows how each service is named."
        )
    _hold_to_rules(service, allowed)
    kinds = {Severity.INFO: NotifyType.INFO, Severity.WARNING: NotifyType.WARNING}
    try:
        took = Apprise(service, asset=asset).notify(
            title=render_title(notification),
            body=render_body(notification),
            notify_type=kinds.get(notification.severity, NotifyType.FAILURE),
            body_format=NotifyFormat.TEXT,
        )
    except (AppriseException, TypeError):
        raise DeliveryFailedError("its URL can't be used") from None
    if not took:
        raise DeliveryFailedError(_explain_service(guard))


def load() -> None:
    """Import apprise, and its mail, which asks for a module that is on its way out of Python.

    Source: apprise.utils.pgp imports imghdr, gone in Python 3.13, where it does without.
    """
    with _loading, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'imghdr' is deprecated", DeprecationWarning)
        import apprise.plugins.email.base  # noqa: F401 - for what importing it loads


def _make_asset() -> AppriseAsset:
    """One service at a time, in this thread, with nothing kept on disk and no redirect followed."""
    from apprise import AppriseAsset, PersistentStoreMode

    return AppriseAsset(
        app_id="Rootkeeper",
        app_desc="Rootkeeper",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        http_redirects=False,
        default_service_retry=0,
        service_timeout=0,
        storage_mode=PersistentStoreMode.MEMORY,
    )


def _hold_to_rules(service: Any, allowed: AllowedHosts) -> None:
    from apprise.plugins.email.base import NotifyEmail

    service.redirects = False
    service.retry = 0
    service.socket_connect_timeout = _CONNECT_SECONDS
    service.socket_read_timeout = _READ_SECONDS
    if not service.verify_certificate:
        raise DeliveryFailedError("its URL turns the check of certificates off", "Take verify=no out of it.")
    if isinstance(service, NotifyEmail):
        is_plain = service.secure_mode == "insecure"
        if is_plain and not allowed.permits_plain(str(service.smtp_host), int(service.port or 0)):
            raise DeliveryFailedError("it would be sent to without TLS", "Write mailtos:// and take mode=insecure out.")
    elif not _sends_by_requests(type(service)):
        raise DeliveryFailedError(
            "its service isn't reached by HTTPS", "Mail and services with an HTTPS interface are used."
        )


def _sends_by_requests(service: type) -> bool:
    modules = [one.__module__ for one in service.__mro__ if one.__module__.startswith("apprise.plugins.")]
    return any(hasattr(sys.modules[name], "requests") for name in modules if name != "apprise.plugins.base")


def _explain_service(guard: ConnectionGuard) -> str:
    if guard.status is not None:
        return f"it answered with HTTP status {guard.status}"
    return "it didn't take it, or no connection to it could be made"


class TargetSender:
    """Implements the port NotificationSender."""

    def __init__(self, allowed: AllowedHosts, environment: Mapping[str, str], clock: Clock, seconds: float) -> None:
        """:param seconds: after them a sending's connections are cut."""
        self._allowed = allowed
        self._environment = environment
        self._clock = clock
        self._seconds = seconds

    def send(self, target: NotificationTarget, notification_id: str, notification: Notification) -> None:
        """See the port. Errors have no cause: a library's own error would show the URL."""
        url = read_url(target, self._environment)
        with guarded(self._allowed, self._seconds) as guard:
            try:
                self._send(url, notification_id, notification, guard)
            except DeliveryFailedError as error:
                reason, hint = _explain(guard, error)
            else:
                return
        raise NotificationError(f"The notification target {target.name} didn't take it: {reason}.", hint=hint)

    def _send(self, url: str, notification_id: str, notification: Notification, guard: ConnectionGuard) -> None:
        if url.lower().startswith(SCHEMES):
            send_webhook(parse_webhook(url), notification_id, notification, self._clock.now())
        else:
            send_to_service(url, notification, self._allowed, guard)


def _explain(guard: ConnectionGuard, error: DeliveryFailedError) -> tuple[str, str]:
    """What the guard refused says more than what the library made of it."""
    if guard.is_over:
        return "it took too long", "It is tried again."
    if guard.refusal is not None:
        return guard.refusal, "Hosts that may be sent to all the same stand in notifications.allowed_hosts."
    return error.reason, error.hint or "Try it: rootkeeper notifications test"
