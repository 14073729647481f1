"""The users of ``rootkeeper demo``, with the secrets of their authenticator apps, and its failsafe.

The demo reports them through the control interface. The secrets are public and made for demos. Without a report the
sandbox knows none, and its pages are like AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rootkeeper_sandbox.exchange import is_loopback


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user of the demo's server."""

    name: str
    role: str
    does: str
    totp_secret: str | None
    """In base32; ``None`` where the role takes no second factor."""


@dataclass(frozen=True, slots=True)
class DemoSignIns:
    """The contents of the page of users and codes."""

    console_url: str
    password: str
    """Of every user."""
    users: tuple[DemoUser, ...]
    failsafe_account_id: str


def parse_demo_sign_ins(body: Any) -> DemoSignIns:
    """Parse an object with the fields of ``DemoSignIns``, and of ``DemoUser`` for each user.

    :raises ValueError: if it has another shape.
    """
    given = _take_fields(body, DemoSignIns, "The body")
    if not isinstance(given["users"], list):
        raise ValueError("users must be a list.")
    users = tuple(DemoUser(**_take_fields(entry, DemoUser, "A user")) for entry in given["users"])
    texts = [given["console_url"], given["password"], given["failsafe_account_id"]]
    texts += [text for user in users for text in (user.name, user.role, user.does, user.totp_secret or "")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("Every field but users must be a text, and totp_secret can be null.")
    url = urlsplit(given["console_url"])
    if url.scheme != "http" or not is_loopback(url.hostname or ""):
        raise ValueError("console_url must be an http address of this machine.")
    return DemoSignIns(**{**given, "users": users})


def _take_fields(found: Any, shape: type[DemoSignIns | DemoUser], what: str) -> Mapping[str, Any]:
    expected = set(shape.__dataclass_fields__)
    if not isinstance(found, dict) or set(found) != expected:
        raise ValueError(f"{what} must have the fields {', '.join(sorted(expected))}, and no other.")
    return found
