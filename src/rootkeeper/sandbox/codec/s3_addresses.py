"""Where an S3 request points: the bucket by host name or path, the key, and the Region that a host name says.

Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.http_messages import HttpRequest

_AWS_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?"
)
_LOCAL_HOST = re.compile(r"(?:(?P<bucket>.+?)\.)?(?:s3\.)?localhost")
"""``bucket.localhost`` leads to this machine wherever names below ``localhost`` do."""


@dataclass(frozen=True, slots=True)
class S3Address:
    """What host and path say together."""

    path: str
    """In path style, still encoded: ``/bucket/key``."""
    region: str | None
    """The Region that the host name says; ``None`` for hosts without one."""
    is_virtual_hosted: bool


def find_address(host: str, raw_path: str) -> S3Address:
    """Find where a request points, by its Host header and path."""
    name = _host_name(host)
    match = _AWS_HOST.fullmatch(name) or _LOCAL_HOST.fullmatch(name)
    bucket = match["bucket"] if match and match["bucket"] != "s3" else None
    region = match.groupdict().get("region") if match else None
    if bucket is None:
        return S3Address(_drop_query(raw_path), region, is_virtual_hosted=False)
    path = _drop_query(raw_path).removeprefix("/")
    return S3Address(f"/{bucket}/{path}" if path else f"/{bucket}", region, is_virtual_hosted=True)


def is_s3_host(host: str) -> bool:
    """Tell whether a host name can only mean S3."""
    name = _host_name(host)
    return _AWS_HOST.fullmatch(name) is not None or name.endswith(".localhost")


def find_s3_region(host: str) -> str | None:
    """Find the Region whose endpoint a request was sent to, as far as the host name says."""
    return find_address(host, "/").region


def address_of(request: HttpRequest) -> S3Address:
    return find_address(request.headers.get("host", ""), request.raw_path)


def _host_name(host: str) -> str:
    has_port = ":" in host.rpartition("]")[2]
    return (host.rpartition(":")[0] if has_port else host).lower()


def _drop_query(raw_path: str) -> str:
    return raw_path.partition("?")[0]


def decode_label(text: str) -> str:
    """Decode a bucket name or key.

    :raises ServiceError: InvalidURI, if it isn't UTF-8.
    """
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ServiceError("InvalidURI", "Couldn't parse the specified URI.") from None
