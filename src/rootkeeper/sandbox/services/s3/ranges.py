"""Byte ranges of objects. Source: RFC 9110, section 14."""

from __future__ import annotations

import re

from rootkeeper.sandbox.exchange import ServiceError

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def cut_range(body: bytes, asked: str | None) -> tuple[bytes, str | None]:
    """Cut the range that was asked for, and word it; all of the body where none was, or several were.

    :raises ServiceError: InvalidRange, if it lies outside.
    """
    match = _RANGE.fullmatch(asked or "")
    if match is None or match.groups() == ("", ""):
        return body, None
    size = len(body)
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or (not first and int(last) == 0):
        fields = {"RangeRequested": asked, "ActualObjectSize": size}
        raise ServiceError("InvalidRange", "The requested range is not satisfiable", 416, fields)
    if end < start:
        return body, None
    return body[start : end + 1], f"bytes {start}-{end}/{size}"
