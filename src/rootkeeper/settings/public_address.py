"""The address by which people reach a server: its scheme, its host and, where it isn't the usual one, its port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from rootkeeper.errors import SettingsError

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_HINT = "Set server.public_url to scheme and host alone, such as https://rootkeeper.example.com."


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """Parts of ``server.public_url``."""

    scheme: str
    """``https``, or ``http`` where there is no TLS."""
    host: str
    """In lower case, without the brackets of IPv6."""
    port: int | None
    """``None``: the scheme's own."""

    @property
    def origin(self) -> str:
        """As browsers name it. Source: RFC 6454, section 6.2."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port is None else f":{self.port}")


def parse_public_address(text: str) -> PublicAddress | None:
    """What ``server.public_url`` says; ``None`` if it isn't set.

    :raises SettingsError: if it is no address of a server, or has a path, which the console couldn't be served below.
    """
    if not text:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SettingsError("server.public_url can't be read.", hint=_HINT) from error
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment) and parts.path in ("", "/")
    if parts.scheme not in ("http", "https") or not is_plain or not _HOST.fullmatch(host):
        raise SettingsError("server.public_url isn't the address of a server.", hint=_HINT)
    return PublicAddress(parts.scheme, host, None if port in (None, _USUAL_PORTS[parts.scheme]) else port)


_USUAL_PORTS = {"http": 80, "https": 443}
