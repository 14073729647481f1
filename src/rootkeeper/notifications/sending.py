"""Sends notifications to mail, chat and webhooks, through a guard that limits their connections.

A target's URL contains a token. It is read for each sending, kept nowhere else, and is in no message or log.

The guard refuses private addresses and connections without TLS unless they are allowed, and ends connections after a
time. It uses an audit hook (PEP 578), which Python calls before each connection with the resolved address. So it holds
for every library, also if a name resolves to another address the second time. The guard is a context variable of the
sending thread, so services whose library starts threads aren't used: only mail, and services of apprise that use HTTPS.

The webhook ``webhook+https://SECRET@host/path`` gets a JSON document. Its signature is HMAC-SHA256 over
``TIMESTAMP.BODY`` with the secret, in hexadecimal after ``v1=``. A receiver computes it again, compares in constant
time, and drops documents that are some minutes old. A repeated notification has the same id.

apprise is imported only when something is sent, because it loads its services then.
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
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError

from rootkeeper.clock import Clock
from rootkeeper.errors import Hint, NotificationError, SettingsError, make_setting_hint
from rootkeeper.notifications.rules import (
    SCHEMA_VERSION,
    AllowedHosts,
    Notification,
    NotificationTarget,
    Severity,
    find_address,
    find_link,
    is_inside,
    notification_to_record,
    render_body,
    render_title,
)
from rootkeeper.references import read_reference


def read_url(target: NotificationTarget, environment: Mapping[str, str]) -> str:
    """:raises NotificationError: if there is no URL, or other users may read its file."""
    try:
        return read_reference(target.reference, environment)
    except SettingsError as error:
        raise NotificationError(
            f"The notification target {target.name} can't be used: {error.message}.",
            hint=error.hint or "Put only the target's URL there.",
        ) from error


_LOG = logging.getLogger(__name__)


class DeliveryFailedError(Exception):
    """The reason is a clause without a URL, host or token."""

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
"""Loggers of libraries that send. They log URLs, and URLs contain tokens."""

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
"""Sending with TLS needs none of them."""

_WATCHED = _NEVER | {"http.client.connect", "socket.connect", "socket.getaddrinfo"}


class ConnectionRefusedByRuleError(OSError):
    """Raised inside a library, for which it is a failed connection."""


class ConnectionGuard:
    """The connections that a sending may make, and their result."""

    def __init__(self, allowed: AllowedHosts) -> None:
        self.refusal: str | None = None
        """Why a connection was refused, without the host: it may be a secret part of a target's URL."""
        self.status: int | None = None
        """The HTTP status that the library logged, if any."""
        self.is_over = False
        """Whether its time has run out."""
        self._allowed = allowed
        self._asked = ""
        self._latest: socket.socket | None = None
        """The last connected socket; unusable once it is wrapped for TLS."""
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """:raises ConnectionRefusedByRuleError: if the event isn't allowed."""
        if event in _NEVER:
            self._refuse("its service needs more than TLS connections")
        elif event == "socket.getaddrinfo":
            self._asked = _text(arguments[0])
        elif event == "socket.connect":
            self._check_address(*arguments[:2])
        else:
            self._check_encryption(*arguments[:3])

    def abort(self) -> None:
        """End the open connections and refuse further connections; called from another thread."""
        with self._lock:
            self.is_over = True
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            for connection in self._sockets:
                connection.close()
            self._sockets.clear()

    def _check_address(self, connecting: socket.socket, address: object) -> None:
        if self.is_over:
            self._refuse("its time has run out")
        if not isinstance(address, tuple):
            self._refuse("its address is a socket of this machine")
            return
        host, port = _text(address[0]), int(address[1])
        names = (self._asked or host, host)
        if is_inside(host) and not any(self._allowed.permits_inside(name, port) for name in names):
            self._refuse("its address isn't public, and its host isn't allowed")
        # A duplicate ends the same connection, also after the library has wrapped its own socket.
        self._latest = connecting
        with self._lock, suppress(OSError, NotImplementedError):
            self._sockets.append(socket.socket.dup(connecting))

    def _check_encryption(self, connection: object, host: object, port: object) -> None:
        is_encrypted = isinstance(connection, (HTTPSConnection, PlainHTTPSConnection))
        if not is_encrypted and not self._allowed.permits_plain(_text(host), int(str(port))):
            if self._latest is not None:
                self._latest.close()
            self._refuse("its URL uses no TLS")

    def _refuse(self, reason: str) -> None:
        self.refusal = self.refusal or reason
        raise ConnectionRefusedByRuleError(reason)


_current: ContextVar[ConnectionGuard | None] = ContextVar("rootkeeper_guard", default=None)
_installing = threading.Lock()
_installed = threading.Event()


@contextmanager
def guarded(allowed: AllowedHosts, seconds: float) -> Iterator[ConnectionGuard]:
    """Guard the connections of this thread, and end them after ``seconds``."""
    with _installing:
        if not _installed.is_set():
            for name in _SILENCED:
                logging.getLogger(name).addFilter(_listen)
            sys.addaudithook(_watch)
            _installed.set()
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


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _WATCHED:
        guard = _current.get()
        if guard is not None:
            guard.watch(event, arguments)


def _listen(record: logging.LogRecord) -> bool:
    """Drop a log record of a sending library, but keep the HTTP status in it."""
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
    """The URL without the secret, and the secret."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)


def parse_webhook(text: str) -> Webhook:
    """:raises DeliveryFailedError: if the URL is invalid, or its secret is too short."""
    try:
        parts = urlsplit(text.removeprefix("webhook+"))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise DeliveryFailedError("its URL is invalid", _HINT) from None
    host = parts.hostname or ""
    secret = unquote(parts.password or parts.username or "").encode()
    if not host:
        raise DeliveryFailedError("its URL has no host", _HINT)
    if len(secret) < _SHORTEST_SECRET:
        raise DeliveryFailedError(f"its URL has no secret of at least {_SHORTEST_SECRET} characters", _HINT)
    place = f"[{host}]{port}" if ":" in host else f"{host}{port}"
    return Webhook(urlunsplit((parts.scheme, place, parts.path or "/", parts.query, "")), secret)


_HINT = "Write: webhook+https://SECRET@host/path"


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    return f"v1={hmac.new(secret, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def send_webhook(
    webhook: Webhook, notification_id: str, notification: Notification, origin: str, now: datetime
) -> None:
    """Send once, without following redirects.

    :raises DeliveryFailedError: if the webhook doesn't accept it.
    """
    record: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "notification_id": notification_id}
    record |= notification_to_record(notification) | {"link": find_link(notification, origin)}
    body, timestamp = json.dumps(record, separators=(",", ":")).encode(), str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Rootkeeper",
        ID_HEADER: notification_id,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: sign(webhook.secret, timestamp, body),
    }
    try:
        parts = urlsplit(webhook.url)
        proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)  # as other programs use it
        with urllib3.ProxyManager(proxy, timeout=_TIMEOUT) if proxy else urllib3.PoolManager(timeout=_TIMEOUT) as pool:
            answer = pool.request(
                "POST", webhook.url, body=body, headers=headers, redirect=False, retries=False, preload_content=False
            )
            answer.close()
    except (HTTPError, LocationParseError, OSError, ValueError):
        raise DeliveryFailedError("the connection failed") from None
    if not _GOOD <= answer.status < _REDIRECT:
        is_redirect = _REDIRECT <= answer.status < _BAD
        raise DeliveryFailedError(
            f"it answered with HTTP status {answer.status}{', and redirects are not followed' * is_redirect}"
        )


_loading = threading.Lock()


def send_to_service(
    url: str, notification: Notification, origin: str, allowed: AllowedHosts, guard: ConnectionGuard
) -> None:
    """Send once, inside ``guard``. A mail target also mails the person whose access the notification is about.

    :raises DeliveryFailedError: if the URL can't be used, or the service doesn't accept it.
    """
    load()
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode
    from apprise.exception import AppriseException
    from apprise.plugins.email.base import NotifyEmail

    # One service at a time, in this thread, without files and redirects.
    asset = AppriseAsset(
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
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        raise DeliveryFailedError("its URL is invalid", "The guide on notifications shows the URL of each service.")
    _hold_to_rules(service, allowed)
    kinds = {Severity.INFO: NotifyType.INFO, Severity.WARNING: NotifyType.WARNING}

    def send() -> bool:
        sent = Apprise(service, asset=asset).notify(
            title=render_title(notification),
            body=render_body(notification, origin),
            notify_type=kinds.get(notification.severity, NotifyType.FAILURE),
            body_format=NotifyFormat.TEXT,
        )
        return bool(sent)

    address = find_address(notification.person)
    try:
        took = send()
        if took and address is not None and isinstance(service, NotifyEmail):
            service.targets, service.cc, service.bcc = [(False, address)], set(), set()
            if not send():  # a wrong address of a person isn't a failure of the target
                _LOG.warning("The mail server didn't accept the mail to a person whose access changed.")
    except (AppriseException, TypeError):
        raise DeliveryFailedError("its URL can't be used") from None
    if not took:
        how = "it didn't accept the message, or the connection failed"
        raise DeliveryFailedError(how if guard.status is None else f"it answered with HTTP status {guard.status}")


def load() -> None:
    """Import apprise and its mail service. apprise.utils.pgp imports imghdr, which is deprecated until Python 3.12."""
    with _loading, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'imghdr' is deprecated", DeprecationWarning)
        import apprise.plugins.email.base  # noqa: F401 - the import loads further modules


def _hold_to_rules(service: Any, allowed: AllowedHosts) -> None:
    from apprise.plugins.email.base import NotifyEmail

    service.redirects = False
    service.retry = 0
    service.socket_connect_timeout = _TIMEOUT.connect_timeout
    service.socket_read_timeout = _TIMEOUT.read_timeout
    if not service.verify_certificate:
        raise DeliveryFailedError("its URL turns off the check of certificates", "Remove verify=no from the URL.")
    if isinstance(service, NotifyEmail):
        is_plain = service.secure_mode == "insecure"
        if is_plain and not allowed.permits_plain(str(service.smtp_host), int(service.port or 0)):
            raise DeliveryFailedError("its URL uses no TLS", "Use mailtos:// and remove mode=insecure.")
        return
    modules = {base.__module__ for base in type(service).__mro__ if base.__module__.startswith("apprise.plugins.")}
    if not any(hasattr(sys.modules[name], "requests") for name in modules - {"apprise.plugins.base"}):
        raise DeliveryFailedError("its service doesn't use HTTPS", "Use mail, or a service with an HTTPS interface.")


class TargetSender:
    """Implements the port NotificationSender."""

    def __init__(
        self, allowed: AllowedHosts, environment: Mapping[str, str], origin: str, clock: Clock, seconds: float
    ) -> None:
        """:param origin: of the server, for links; empty if it isn't known.
        :param seconds: the time after which a sending's connections are cut.
        """
        self._allowed = allowed
        self._origin = origin
        self._environment = environment
        self._clock = clock
        self._seconds = seconds

    def send(self, target: NotificationTarget, notification_id: str, notification: Notification) -> None:
        """Raises errors without a cause, because a library's own error would show the URL."""
        url = read_url(target, self._environment)
        with guarded(self._allowed, self._seconds) as guard:
            try:
                if url.lower().startswith(SCHEMES):
                    now = self._clock.now()
                    send_webhook(parse_webhook(url), notification_id, notification, self._origin, now)
                else:
                    send_to_service(url, notification, self._origin, self._allowed, guard)
            except DeliveryFailedError as error:
                # The guard's refusal says more than the library's error.
                hint = error.hint or Hint("Fix the target, then send a test notification.", "notification.test")
                reason = error.reason
                if guard.is_over:
                    reason, hint = "it took too long", "Rootkeeper tries again."
                elif guard.refusal is not None:
                    reason = guard.refusal
                    hint = make_setting_hint("Allow the host in the server's settings.", "notifications.allowed_hosts")
            else:
                return
        raise NotificationError(f"The notification target {target.name} failed: {reason}.", hint=hint)
