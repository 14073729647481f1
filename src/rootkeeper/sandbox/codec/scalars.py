"""Texts of single values on the wire: timestamps, blobs, booleans and numbers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError


def format_iso8601(moment: datetime) -> str:
    """Write a timestamp as the query protocol does, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:-6] + "Z"


def format_iso8601_precisely(moment: datetime) -> str:
    """Write a timestamp as S3 does, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def format_epoch(moment: datetime) -> float:
    """Write a timestamp as the JSON protocols do, to the millisecond."""
    return round(moment.timestamp(), 3)


def parse_timestamp(value: str | float) -> datetime:
    """Parse a timestamp in any of AWS's three forms.

    :raises RefusalError: if it is none of them.
    """
    try:
        return _parse_timestamp(value)
    except (ValueError, OverflowError, OSError):
        raise malformed(str(value), "a timestamp") from None


def _parse_timestamp(value: str | float) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if value[:4].isdigit() and value[4:5] == "-":
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if value[:1].isalpha():
        return parsedate_to_datetime(value).astimezone(UTC)
    return datetime.fromtimestamp(float(value), UTC)


def parse_integer(text: str) -> int:
    """Parse an integer of the query protocol.

    :raises RefusalError: if it isn't one.
    """
    if len(text) > 20 or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise malformed(text, "an integer")
    return int(text)


def parse_float(text: str) -> float:
    """Parse a number of the query protocol.

    :raises RefusalError: if it isn't one.
    """
    try:
        return float(text)
    except ValueError:
        raise malformed(text, "a number") from None


def parse_boolean(text: str) -> bool:
    """Parse a boolean of the query protocol.

    :raises RefusalError: if it isn't one.
    """
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise malformed(text, "a boolean")
    return lowered == "true"


def parse_blob(text: str) -> bytes:
    """Parse base64 text.

    :raises RefusalError: if it isn't that.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise malformed(text, "base64") from None


def format_blob(value: bytes | str) -> str:
    """Write bytes as base64 text."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def malformed(shown: str, kind: str) -> RefusalError:
    """Word a value that can't be read as its type."""
    return RefusalError(Refusal.MALFORMED_BODY, f"Value '{shown[:100]}' is not {kind}.")


QUERY_PARSERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "character": str,
    "integer": parse_integer,
    "long": parse_integer,
    "float": parse_float,
    "double": parse_float,
    "boolean": parse_boolean,
    "timestamp": parse_timestamp,
    "blob": parse_blob,
}
"""By botocore's type name."""

QUERY_FORMATTERS: dict[str, Callable[[Any], str]] = {
    "string": str,
    "character": str,
    "integer": str,
    "long": str,
    "float": str,
    "double": str,
    "boolean": lambda value: "true" if value else "false",
    "timestamp": format_iso8601,
    "blob": format_blob,
}
"""By botocore's type name."""
