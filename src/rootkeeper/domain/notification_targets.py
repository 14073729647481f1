"""Where notifications go: targets by name, what they may be sent, and the hosts that they may point to.

A target's address holds a token, so it isn't here: only the reference to it is. Addresses inside of a network are
refused unless their host is allowed, since whoever may set a target could else have the server call what only the
server can reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from rootkeeper.domain.notifications import Notification, Severity
from rootkeeper.errors import SettingsError

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
