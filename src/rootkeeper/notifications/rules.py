"""What people are notified of, and to which targets.

What people are told of beside the command line and the console, and how urgent it is.

Where notifications go: targets by name, what they may be sent, and the hosts that they may point to.

A target's address holds a token, so it isn't here: only the reference to it is. Addresses inside of a network are
refused unless their host is allowed, since whoever may set a target could else have the server call what only the
server can reach.

Bringing a notification to one target: when it is tried again, and when it is given up.

Notifications as texts: what a person reads, what a webhook gets, what is kept.

Names of accounts and reasons come from outside. A text for people holds nothing that mail, chat or a terminal takes for
markup, a header, a link or a call to everybody, whatever the service makes of its messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from types import MappingProxyType
from typing import Any

from rootkeeper.errors import SettingsError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import render_time


class Severity(StrEnum):
    """How urgent it is; ``rank`` orders them."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return tuple(Severity).index(self)


class NotificationEvent(StrEnum):
    """What happened, ``resource:action:outcome``, alphabetical."""

    AUDIT_FINDINGS = "audit:end:findings"
    AUDIT_FAILED = "audit:run:failed"
    AWS_CREDENTIALS_FAILED = "aws_credentials:renew:failed"
    AWS_CREDENTIALS_RESTORED = "aws_credentials:renew:restored"
    CLOCK_WRONG = "clock:check:wrong"
    DRILL_DUE = "drill:remind:due"
    JOB_FAILED = "job:run:failed"
    NOTIFICATION_FAILED = "notification:deliver:failed"
    NOTIFICATION_TEST = "notification:deliver:test"
    SCHEDULE_MISSED = "schedule:run:missed"
    SETUP_DRIFTED = "setup:check:drifted"
    WATCHING_FAILED = "watching:read:failed"
    WINDOW_APPROVED = "window:approve:done"
    WINDOW_CANCELLED = "window:cancel:done"
    WINDOW_CLOSED = "window:close:done"
    WINDOW_CLOSE_FAILED = "window:close:failed"
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
        NotificationEvent.WATCHING_FAILED,
        NotificationEvent.WINDOW_CLOSE_FAILED,
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
        NotificationEvent.DRILL_DUE,
        NotificationEvent.JOB_FAILED,
        NotificationEvent.NOTIFICATION_FAILED,
        NotificationEvent.SCHEDULE_MISSED,
        NotificationEvent.SETUP_DRIFTED,
        NotificationEvent.WINDOW_OPEN_FAILED,
    }
)

USUAL_SEVERITIES: Mapping[NotificationEvent, Severity] = MappingProxyType(
    {
        event: Severity.CRITICAL if event in _CRITICAL else Severity.WARNING if event in _WARNING else Severity.INFO
        for event in NotificationEvent
    }
)
"""How urgent an event is when nothing about it says otherwise. Critical: root may be open, or nobody would notice."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to tell. Holds no secret: it leaves the house."""

    event: NotificationEvent
    severity: Severity
    title: str
    """One line."""
    body: str
    """A few sentences, plain text; what to do next is the last one."""
    at: datetime
    organization_id: str
    endpoint: str
    """``AWS``, or ``SANDBOX 127.0.0.1:4599``: every message names it."""
    account_id: AccountId | None = None
    window_id: str | None = None
    deduplication_key: str = ""
    """Two notifications of one key are one; empty for one that is never the same as another."""


ENVIRONMENT_REFERENCE = "env:"
FILE_REFERENCE = "file:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FORM = "Write NAME SEVERITY REFERENCE, such as: oncall critical env:ONCALL_URL"
_PORTS = range(1, 65536)

_NAT64 = ip_network("64:ff9b::/96")
"""Source: RFC 6052, the prefix under which an IPv6 address stands for an IPv4 one."""


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """One place where people are told."""

    name: str
    least: Severity
    """What is less urgent isn't sent there."""
    reference: str
    """``env:VARIABLE`` or ``file:PATH``: where the target's URL is read when something is sent."""

    def takes(self, notification: Notification) -> bool:
        return notification.severity.rank >= self.least.rank


def parse_targets(texts: Iterable[str]) -> tuple[NotificationTarget, ...]:
    """The setting ``notifications.targets``.

    :raises SettingsError: if one can't be understood, or two have one name.
    """
    targets = tuple(_parse_target(text) for text in texts)
    names = [target.name.lower() for target in targets]
    twice = next((target.name for target in targets if names.count(target.name.lower()) > 1), None)
    if twice is not None:
        raise SettingsError(f"Two notification targets are named {twice}.", hint="Give each a name of its own.")
    return targets


def _parse_target(text: str) -> NotificationTarget:
    """The text itself is never repeated: somebody may have put the URL there."""
    parts = text.split(maxsplit=2)
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
        raise SettingsError("A notification target can't be understood.", hint=_FORM)
    name, severity, reference = parts
    if severity not in tuple(Severity):
        raise SettingsError(
            f"The notification target {name} has no severity that there is.",
            hint=f"The severities are {', '.join(Severity)}. {_FORM}",
        )
    kind = next((one for one in (ENVIRONMENT_REFERENCE, FILE_REFERENCE) if reference.startswith(one)), None)
    if kind is None or not reference.removeprefix(kind).strip():
        raise SettingsError(
            f"The notification target {name} has no reference to its URL.",
            hint="A URL holds a token, so it isn't written into the settings. "
            "Refer to it: env:VARIABLE, or file:PATH of a file that nobody else can read.",
        )
    return NotificationTarget(name, Severity(severity), reference.strip())


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts that may be sent to although they are inside, or without TLS."""

    hosts: frozenset[str] = frozenset()
    """May have private addresses."""
    plain: frozenset[tuple[str, int]] = frozenset()
    """May have private addresses and be sent to without TLS, on that port alone."""

    def permits_inside(self, host: str, port: int) -> bool:
        return _fold(host) in self.hosts or self.permits_plain(host, port)

    def permits_plain(self, host: str, port: int) -> bool:
        return (_fold(host), port) in self.plain


def parse_allowed_hosts(texts: Iterable[str]) -> AllowedHosts:
    """The setting ``notifications.allowed_hosts``: names or addresses, some with ``:PORT``; IPv6 in brackets.

    :raises SettingsError: if one can't be understood.
    """
    hosts: set[str] = set()
    plain: set[tuple[str, int]] = set()
    for text in texts:
        host, port = _split_port(text.strip())
        if port is None:
            hosts.add(host)
        else:
            plain.add((host, port))
    return AllowedHosts(frozenset(hosts), frozenset(plain))


def _split_port(text: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]@?#]+)(?::([0-9]{1,5}))?", text)
    if found is None or (found[2] is not None and int(found[2]) not in _PORTS):
        raise SettingsError(
            f"{text!r} in notifications.allowed_hosts is no host.", hint="Write a host, host:port or [IPv6]:port."
        )
    return _fold(found[1]), None if found[2] is None else int(found[2])


def _fold(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def is_inside(address: str) -> bool:
    """Whether an IP address isn't one of the public internet: private, loopback, link-local, and whatever hides one.

    Anything that isn't an IP address counts as inside.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    return any(not one.is_global or one.is_multicast for one in (found, *_hidden(found)))


def _hidden(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return []
    teredo = address.teredo or ()
    embedded = [IPv4Address(int(address) & 0xFFFFFFFF)] if address in _NAT64 else []
    return [one for one in (address.ipv4_mapped, address.sixtofour, *teredo, *embedded) if one is not None]


BACK_OFF = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""After each attempt that failed; the last one again and again."""

GIVE_UP_AFTER = timedelta(hours=24)


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification for one target."""

    notification_id: str
    """The same at each attempt, so that a receiver can tell a second one of the same thing."""
    notification: Notification
    target: str
    """Its name."""
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None = None
    """``None`` once it is over."""
    delivered_at: datetime | None = None
    failure: str | None = None
    """Why the last attempt failed."""

    @property
    def last_attempt_at(self) -> datetime | None:
        """As far as it can be told; ``None`` before the first."""
        if self.state is DeliveryState.DELIVERED:
            return self.delivered_at
        if self.state is DeliveryState.GIVEN_UP:
            return self.created_at + GIVE_UP_AFTER
        if self.next_attempt_at is None or not self.attempts:
            return None
        return self.next_attempt_at - _back_off(self.attempts)


def plan_next_attempt(attempts: int, created_at: datetime, now: datetime) -> datetime | None:
    """When to try again after so many failed attempts; ``None`` to give up."""
    if now - created_at >= GIVE_UP_AFTER:
        return None
    return now + _back_off(attempts)


def find_failing(deliveries: Iterable[Delivery]) -> dict[str, str]:
    """Targets whose latest attempt failed, and why."""
    latest: dict[str, tuple[datetime, str | None]] = {}
    for delivery in deliveries:
        at = delivery.last_attempt_at
        if at is not None and (delivery.target not in latest or latest[delivery.target][0] <= at):
            latest[delivery.target] = (at, delivery.failure)
    return {target: failure for target, (_, failure) in sorted(latest.items()) if failure is not None}


def _back_off(attempts: int) -> timedelta:
    return BACK_OFF[min(attempts, len(BACK_OFF)) - 1]


SCHEMA_VERSION = 1
LONGEST_TITLE = 200
LONGEST_BODY = 4000

_LOOKALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "`": "\u02bc", "[": "\u27e6", "]": "\u27e7", "\\": "\u2216"})
"""What begins markup somewhere, and what looks like it and begins none."""

_CALLS_TO_ALL = re.compile(r"@(?=(?:everyone|here|channel|all|room)\b)", re.IGNORECASE)
_LINKS = re.compile(r"://|(?<=\bwww)\.", re.IGNORECASE)
_DOUBLED = re.compile(r"([*_~|])(?=\1)")


def render_title(notification: Notification) -> str:
    """One line: how urgent, where, and what."""
    where = "" if notification.endpoint == "AWS" else f"{notification.endpoint}: "
    text = f"{notification.severity.value.upper()}: {where}{notification.title}"
    return _shorten(" ".join(clean(text).split()), LONGEST_TITLE)


def render_body(notification: Notification) -> str:
    """The sentences, then what they are about."""
    facts = {
        "Event": notification.event.value,
        "At": f"{notification.at:%Y-%m-%d %H:%M:%S} UTC",
        "Organization": f"{notification.organization_id} ({notification.endpoint})",
        "Account": notification.account_id,
        "Window": notification.window_id,
    }
    lines = [f"{name}: {' '.join(clean(value).split())}" for name, value in facts.items() if value]
    return "\n".join([_shorten(clean(notification.body), LONGEST_BODY), "", *lines])


def clean(text: str) -> str:
    """``text`` without what isn't seen, turns the reading direction, or is taken for markup or a link somewhere."""
    seen = "".join(one if one.isprintable() or one == "\n" else " " for one in text).translate(_LOOKALIKES)
    return _DOUBLED.sub("\\1 ", _LINKS.sub(_break_link, _CALLS_TO_ALL.sub("(at)", seen)))


def _break_link(found: re.Match[str]) -> str:
    return ": //" if found[0].startswith(":") else " ."


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


def notification_to_record(notification: Notification) -> dict[str, Any]:
    """As it is kept and as a webhook gets it; the texts are data there, and left as they are."""
    return {
        "event": notification.event.value,
        "severity": notification.severity.value,
        "title": notification.title,
        "body": notification.body,
        "at": render_time(notification.at),
        "organization_id": notification.organization_id,
        "endpoint": notification.endpoint,
        "account_id": notification.account_id,
        "window_id": notification.window_id,
        "deduplication_key": notification.deduplication_key,
    }


def notification_from_record(record: Mapping[str, Any]) -> Notification:
    """What :func:`notification_to_record` made."""
    account_id = record["account_id"]
    return Notification(
        event=NotificationEvent(record["event"]),
        severity=Severity(record["severity"]),
        title=record["title"],
        body=record["body"],
        at=datetime.fromisoformat(record["at"]),
        organization_id=record["organization_id"],
        endpoint=record["endpoint"],
        account_id=None if account_id is None else AccountId(account_id),
        window_id=record["window_id"],
        deduplication_key=record["deduplication_key"],
    )
