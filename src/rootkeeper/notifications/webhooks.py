"""Our own webhook: a JSON document by HTTPS, signed so that a receiver can tell who sent it and that it is fresh.

``webhook+https://SECRET@host/path``. The signature is HMAC-SHA256 over ``TIMESTAMP.BODY`` with the secret, in
hexadecimal after ``v1=``; a receiver computes it again, compares in constant time, and drops what is older than some
minutes. A notification that comes twice has the same id.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError

from rootkeeper.domain.notification_texts import SCHEMA_VERSION, notification_to_record
from rootkeeper.domain.notifications import Notification
from rootkeeper.notifications.refusals import DeliveryFailedError

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
