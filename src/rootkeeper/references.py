"""References in settings: to secrets in variables and files, places in buckets, addresses that are safe to call, and
the public address.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rootkeeper.errors import InputError, SettingsError


def is_loopback(name: str) -> bool:
    """Whether a host's name or address is only this machine; an empty name isn't.

    Names below ``localhost`` don't count, because a DNS server can map them to any address.
    """
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


_LONGEST = 8192
_FORBIDDEN_MODE = stat.S_IWGRP | stat.S_IRWXO


def read_reference(reference: str, environment: Mapping[str, str]) -> str:
    """Read the secret in ``env:VARIABLE`` or ``file:PATH``, without surrounding whitespace.

    :raises SettingsError: if it is empty, or other users can read its file. The message is a part of a sentence.
    """
    kind, _, place = reference.partition(":")
    is_variable = kind == "env"
    secret = environment.get(place, "") if is_variable else _read_file(Path(place).expanduser())
    if not secret.strip():
        raise SettingsError(f"the variable {place} isn't set" if is_variable else f"{place} is empty")
    return secret.strip()


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as source:
            found = os.fstat(source.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise SettingsError(f"{path} isn't a file")
            if found.st_mode & _FORBIDDEN_MODE:
                raise SettingsError(f"other users can read or change {path}", hint=f"Run: chmod 600 {path}")
            return source.read(_LONGEST).decode()
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} isn't text") from error


def require_safe_address(address: str, what: str, *, loopback_allowed: bool) -> str:
    """Return the address. Without TLS, it must be on this machine.

    :raises ValueError: if it isn't safe.
    """
    parts = urlsplit(address)
    is_local = loopback_allowed and parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or parts.username or parts.password or not (parts.scheme == "https" or is_local):
        raise ValueError(f"{what} isn't an https address.")
    return address


_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_HINT = "Set server.public_url to scheme and host only, such as https://rootkeeper.example.com."


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """The scheme, host and port by which people reach a server: ``server.public_url``."""

    scheme: str
    """``https``, or ``http`` without TLS."""
    host: str
    """In lower case, without the brackets of IPv6."""
    port: int | None
    """``None``: the scheme's default."""

    @property
    def origin(self) -> str:
        """The origin as browsers send it. Source: RFC 6454, section 6.2."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port is None else f":{self.port}")


def parse_public_address(text: str) -> PublicAddress | None:
    """Parse ``server.public_url``; ``None`` if it isn't set.

    :raises SettingsError: if it isn't the address of a server, or has a path, because the console has none.
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


_BUCKET_PLACE = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9!_.*'()/-]*))?")
"""Source: Amazon S3 User Guide, "Bucket naming rules" and "Naming Amazon S3 objects"."""


def parse_bucket_place(text: str) -> tuple[str, str] | None:
    """Parse ``s3://BUCKET`` or ``s3://BUCKET/PREFIX``: the bucket, and the prefix of keys, empty or with a slash at its
    end; ``None`` if it is no such address.
    """
    match = _BUCKET_PLACE.fullmatch(text)
    if match is None:
        return None
    prefix = (match[2] or "").strip("/")
    return match[1], f"{prefix}/" if prefix else ""


def require_bucket_place(text: str) -> tuple[str, str]:
    """Parse as ``parse_bucket_place``.

    :raises InputError: if it is no such address.
    """
    place = parse_bucket_place(text)
    if place is None:
        raise InputError(f"{text!r} isn't the address of a bucket.", hint="Write s3://BUCKET or s3://BUCKET/PREFIX.")
    return place
