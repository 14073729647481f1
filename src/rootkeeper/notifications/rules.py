"""Notifications, their targets, when a delivery is tried again, and their texts.

A target's URL contains a token, so only a reference to it is here. Private addresses are refused unless their host is
allowed: otherwise a user who may set a target could make the server call addresses that only the server can reach.

Names of accounts and reasons come from outside. A text for people contains nothing that mail, chat or a terminal could
read as markup, a header, a link or a mention of all members.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import quote

from rootkeeper.errors import SettingsError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import Count, to_plain_value
from rootkeeper.values import render_time


class Severity(StrEnum):
    """How urgent a notification is, in ascending order."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return tuple(Severity).index(self)


class NotificationEvent(StrEnum):
    """The events of notifications, ``resource:action:outcome``, alphabetical."""

    AUDIT_FINDINGS = "audit:end:findings"
    AUDIT_FAILED = "audit:run:failed"
    AWS_CREDENTIALS_FAILED = "aws_credentials:renew:failed"
    AWS_CREDENTIALS_RESTORED = "aws_credentials:renew:restored"
    CLOCK_WRONG = "clock:check:wrong"
    CONNECTIONS_LIMITED = "connections:accept:limited"
    DATABASE_FAILED = "database:check:failed"
    DATABASE_RESTORED = "database:check:restored"
    DRILL_DUE = "drill:remind:due"
    JOB_FAILED = "job:run:failed"
    LEDGER_BROKEN = "ledger:verify:failed"
    NOTIFICATION_FAILED = "notification:deliver:failed"
    NOTIFICATION_TEST = "notification:deliver:test"
    SCHEDULE_MISSED = "schedule:run:missed"
    SETUP_DRIFTED = "setup:check:drifted"
    USER_DISABLED = "user:disable:done"
    USER_INVITED = "user:invite:done"
    USER_PASSWORD_CHANGED = "user:password:changed"  # noqa: S105 - an event's name
    USER_RESET = "user:reset:done"
    USER_ROLE_CHANGED = "user:role:changed"
    WATCHING_FAILED = "watching:read:failed"
    WINDOW_APPROVED = "window:approve:done"
    WINDOW_CANCELLED = "window:cancel:done"
    WINDOW_CLOSED = "window:close:done"
    WINDOW_CLOSE_FAILED = "window:close:failed"
    WINDOW_CONTRADICTED = "window:compare:contradicted"
    WINDOW_DENIED = "window:deny:done"
    WINDOW_EMERGENCY = "window:emergency:opened"
    WINDOW_EXTENDED = "window:extend:done"
    WINDOW_LAPSED = "window:lapse:done"
    WINDOW_OPENED = "window:open:done"
    WINDOW_OPEN_FAILED = "window:open:failed"
    WINDOW_REOPENED = "window:reread:found"
    WINDOW_REQUESTED = "window:request:done"
    WINDOW_REVIEW_OVERDUE = "window:review:overdue"
    WINDOW_SUSPICIOUS = "window:watch:suspicious"


_CRITICAL = frozenset(
    {
        NotificationEvent.AWS_CREDENTIALS_FAILED,
        NotificationEvent.CLOCK_WRONG,
        NotificationEvent.DATABASE_FAILED,
        NotificationEvent.LEDGER_BROKEN,
        NotificationEvent.WATCHING_FAILED,
        NotificationEvent.WINDOW_CLOSE_FAILED,
        NotificationEvent.WINDOW_CONTRADICTED,
        NotificationEvent.WINDOW_EMERGENCY,
        NotificationEvent.WINDOW_REOPENED,
        NotificationEvent.WINDOW_REVIEW_OVERDUE,
        NotificationEvent.WINDOW_SUSPICIOUS,
    }
)

_WARNING = frozenset(
    {
        NotificationEvent.AUDIT_FAILED,
        NotificationEvent.AUDIT_FINDINGS,
        NotificationEvent.CONNECTIONS_LIMITED,
        NotificationEvent.DRILL_DUE,
        NotificationEvent.JOB_FAILED,
        NotificationEvent.NOTIFICATION_FAILED,
        NotificationEvent.SCHEDULE_MISSED,
        NotificationEvent.SETUP_DRIFTED,
        NotificationEvent.USER_DISABLED,
        NotificationEvent.USER_PASSWORD_CHANGED,
        NotificationEvent.USER_RESET,
        NotificationEvent.USER_ROLE_CHANGED,
        NotificationEvent.WINDOW_OPEN_FAILED,
    }
)

USUAL_SEVERITIES: Mapping[NotificationEvent, Severity] = {
    event: Severity.CRITICAL if event in _CRITICAL else Severity.WARNING if event in _WARNING else Severity.INFO
    for event in NotificationEvent
}
"""The severity unless a notification says otherwise. Critical: root access may be open, or a fault unnoticed."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to people. It leaves the network, so it contains no secret."""

    event: NotificationEvent
    severity: Severity
    title: str
    """A single line."""
    body: str
    """A few sentences of plain text; the last sentence names the next step."""
    at: datetime
    organization_id: str
    endpoint: str
    """``AWS``, or ``SANDBOX 127.0.0.1:4599``."""
    account_id: AccountId | None = None
    window_id: str | None = None
    deduplication_key: str = ""
    """Of several notifications with the same key only the first is kept; empty: each is kept."""
    person: str | None = None
    """The name of the user whose access it is about; if it is an e-mail address, mail goes there, too."""


ENVIRONMENT_REFERENCE = "env:"
FILE_REFERENCE = "file:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FORM = "Write NAME SEVERITY REFERENCE, such as: oncall critical env:ONCALL_URL"
_PLACES = {
    ENVIRONMENT_REFERENCE: re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    FILE_REFERENCE: re.compile(r"(?!.*://)\S.*"),
}
"""The names of variables and the paths of files; a URL is neither, so that it isn't kept by mistake."""
_PORTS = range(1, 65536)

_NAT64 = ip_network("64:ff9b::/96")
"""Source: RFC 6052, the prefix of IPv6 addresses that contain an IPv4 address."""

_GLOBAL_UNICAST = ip_network("2000::/3")
"""All other IPv6 addresses are special. Source: IANA, Internet Protocol Version 6 Address Space."""

_NEVER_PUBLIC = tuple(ip_network(text) for text in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "3fff::/20"))
"""Platform services of Azure virtual machines, and blocks that aren't networks of anyone. The metadata services of the
other clouds have link-local, shared or private addresses.

Source: Azure, "What is IP address 168.63.129.16?"; IANA, IPv4 and IPv6 Special-Purpose Address Registry.
"""


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """A destination of notifications."""

    name: str
    least: Severity
    """Less urgent notifications aren't sent there."""
    reference: str
    """``env:VARIABLE`` or ``file:PATH``, which contains the target's URL. The URL itself is shown nowhere."""

    def takes(self, notification: Notification) -> bool:
        return notification.severity.rank >= self.least.rank

    def __str__(self) -> str:
        """As the settings have it."""
        return f"{self.name} {self.least.value} {self.reference}"


def parse_targets(texts: Iterable[str]) -> tuple[NotificationTarget, ...]:
    """:raises SettingsError: if an entry of ``notifications.targets`` is invalid, or two have the same name."""
    targets: list[NotificationTarget] = []
    for text in texts:  # no message repeats the text, because it may contain the URL
        parts = text.split(maxsplit=2)
        if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
            raise SettingsError("A notification target is invalid.", hint=_FORM)
        name, severity, reference = parts
        if severity not in tuple(Severity):
            raise SettingsError(
                f"The notification target {name} has an unknown severity.",
                hint=f"The severities are {', '.join(Severity)}. {_FORM}",
            )
        kinds = (ENVIRONMENT_REFERENCE, FILE_REFERENCE)
        kind = next((prefix for prefix in kinds if reference.startswith(prefix)), None)
        if kind is None or not _PLACES[kind].fullmatch(reference.removeprefix(kind).strip()):
            raise SettingsError(
                f"The notification target {name} has no reference to its URL.",
                hint="A URL contains a token, so the settings contain only a reference to it: env:VARIABLE, or "
                "file:PATH of a file that other users can't read.",
            )
        targets.append(NotificationTarget(name, Severity(severity), reference.strip()))
    names = [target.name.lower() for target in targets]
    twice = next((target.name for target in targets if names.count(target.name.lower()) > 1), None)
    if twice is not None:
        raise SettingsError(f"Two notification targets are named {twice}.", hint="Give each target its own name.")
    return tuple(targets)


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts to which notifications may go although their addresses are private, or without TLS."""

    hosts: frozenset[str] = frozenset()
    """May have private addresses."""
    plain: frozenset[tuple[str, int]] = frozenset()
    """May have private addresses and be used without TLS, on that port only."""

    def permits_inside(self, host: str, port: int) -> bool:
        return _fold(host) in self.hosts or self.permits_plain(host, port)

    def permits_plain(self, host: str, port: int) -> bool:
        return (_fold(host), port) in self.plain


def parse_allowed_hosts(texts: Iterable[str]) -> AllowedHosts:
    """Parse the setting ``notifications.allowed_hosts``: names or addresses, some with ``:PORT``; IPv6 in brackets.

    :raises SettingsError: if an entry is invalid.
    """
    hosts: set[str] = set()
    plain: set[tuple[str, int]] = set()
    for text in map(str.strip, texts):
        found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]@?#]+)(?::([0-9]{1,5}))?", text)
        if found is None or (found[2] is not None and int(found[2]) not in _PORTS):
            raise SettingsError(
                f"{text!r} in notifications.allowed_hosts isn't a host.", hint="Write a host, host:port or [IPv6]:port."
            )
        if found[2] is None:
            hosts.add(_fold(found[1]))
        else:
            plain.add((_fold(found[1]), int(found[2])))
    return AllowedHosts(frozenset(hosts), frozenset(plain))


def _fold(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def is_inside(address: str) -> bool:
    """Whether an IP address isn't public: private, loopback, link-local, of a cloud's metadata service, or an IPv6 form
    of such an address.

    Text that isn't an IP address counts as inside.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    forms: list[IPv4Address | IPv6Address] = [found]
    if isinstance(found, IPv6Address):
        embedded = IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None
        hidden = [form for form in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ()), embedded) if form]
        if not hidden and found not in _GLOBAL_UNICAST:
            return True
        forms.extend(hidden)
    # ``is_global`` of older Python versions lacks newer entries of the registries, which ``_NEVER_PUBLIC`` has.
    return any(
        not form.is_global or form.is_multicast or any(form in network for network in _NEVER_PUBLIC) for form in forms
    )


BACK_OFF = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""The delay after each failed attempt; the last delay repeats."""

GIVE_UP_AFTER = timedelta(hours=24)

LOOKED_BACK = timedelta(days=2)
"""A target fails if its latest attempt in this time failed."""


class DeliveryState(StrEnum):
    """The state of a delivery."""

    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification for a target."""

    notification_id: str
    """The same at each attempt, so that a receiver can recognize a repeat."""
    notification: Notification
    target: str
    """The target's name in ``notifications.targets``."""
    state: DeliveryState
    attempts: Count
    created_at: datetime
    # ``None`` once it is delivered or given up.
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    failure: str | None = None
    """Why the last attempt failed."""

    @property
    def last_attempt_at(self) -> datetime | None:
        """Derived from the other fields; ``None`` before the first attempt."""
        if self.state is DeliveryState.DELIVERED:
            return self.delivered_at
        if self.state is DeliveryState.GIVEN_UP:
            return self.created_at + GIVE_UP_AFTER
        if self.next_attempt_at is None or not self.attempts:
            return None
        return self.next_attempt_at - _back_off(self.attempts)


def plan_next_attempt(attempts: int, created_at: datetime, now: datetime) -> datetime | None:
    """Return when to try again after that many failed attempts; ``None`` to give up."""
    if now - created_at >= GIVE_UP_AFTER:
        return None
    return now + _back_off(attempts)


def find_failing(deliveries: Iterable[Delivery]) -> dict[str, str]:
    latest: dict[str, tuple[datetime, str | None]] = {}
    for delivery in deliveries:
        at = delivery.last_attempt_at
        if at is not None and (delivery.target not in latest or latest[delivery.target][0] <= at):
            latest[delivery.target] = (at, delivery.failure)
    return {target: failure for target, (_, failure) in sorted(latest.items()) if failure is not None}


def _back_off(attempts: int) -> timedelta:
    return BACK_OFF[min(attempts, len(BACK_OFF)) - 1]


_ADDRESS = re.compile(r"[A-Za-z0-9_+=][A-Za-z0-9_+=.-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


def find_address(person: str | None) -> str | None:
    """Return the e-mail address of the user whom a notification is about; ``None`` if the user's name isn't one."""
    return person if person is not None and _ADDRESS.fullmatch(person) else None


SCHEMA_VERSION = 1
LONGEST_TITLE = 200
LONGEST_BODY = 4000

_LOOKALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "`": "\u02bc", "[": "\u27e6", "]": "\u27e7", "\\": "\u2216"})
"""Characters that begin markup in some service, and characters that look like them and don't."""

_CALLS_TO_ALL = re.compile(r"@(?=(?:everyone|here|channel|all|room)\b)", re.IGNORECASE)
_LINKS = re.compile(r"://|(?<=\bwww)\.", re.IGNORECASE)
_DOUBLED = re.compile(r"([*_~|])(?=\1)")


def render_title(notification: Notification) -> str:
    """Return a line with severity, endpoint and title."""
    where = "" if notification.endpoint == "AWS" else f"{notification.endpoint}: "
    text = f"{notification.severity.value.upper()}: {where}{notification.title}"
    return _shorten(" ".join(clean(text).split()), LONGEST_TITLE)


def find_link(notification: Notification, origin: str) -> str | None:
    """The console's page about it, which asks for a sign-in first; ``None`` if no address of the console is known.

    The page only shows: nothing is approved or closed by opening a link.

    :param origin: of the server, such as ``https://rootkeeper.example.com``; empty if it isn't known.
    """
    if not origin:
        return None
    if notification.window_id is not None:
        return f"{origin}/windows/{quote(notification.window_id, safe='')}"
    if notification.account_id is not None:
        return f"{origin}/accounts?account={quote(notification.account_id, safe='')}"
    return f"{origin}/"


def render_body(notification: Notification, origin: str) -> str:
    """Return the sentences, the facts and the link; for ``origin`` see :func:`find_link`."""
    facts = {
        "Event": notification.event.value,
        "At": f"{notification.at:%Y-%m-%d %H:%M:%S} UTC",
        "Organization": f"{notification.organization_id} ({notification.endpoint})",
        "Account": notification.account_id,
        "Window": notification.window_id,
        "User": notification.person,
    }
    lines = [f"{name}: {' '.join(clean(value).split())}" for name, value in facts.items() if value]
    link = find_link(notification, origin)
    if link is not None:
        lines.append(f"Open: {link}")
    return "\n".join([_shorten(clean(notification.body), LONGEST_BODY), "", *lines])


def clean(text: str) -> str:
    """Remove invisible and direction-changing characters, and break text that some service reads as markup or link."""
    seen = "".join(char if char.isprintable() or char == "\n" else " " for char in text).translate(_LOOKALIKES)
    return _DOUBLED.sub(
        "\\1 ", _LINKS.sub(lambda found: ": //" if found[0] == "://" else " .", _CALLS_TO_ALL.sub("(at)", seen))
    )


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


def notification_to_record(notification: Notification) -> dict[str, Any]:
    """Return the JSON for the database and for a webhook; its texts are data, so they aren't cleaned."""
    plain: dict[str, Any] = to_plain_value(notification, render_time)
    return plain
