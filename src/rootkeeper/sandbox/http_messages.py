"""An HTTP request and an HTTP response as values, so that every step but the first and the last is free of sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class HttpRequest:
    """One request with its whole body."""

    method: str
    raw_path: str
    """As sent, still percent-encoded: the signature covers it."""
    query_string: str
    headers: dict[str, str]
    """By lower-case name; repeated headers are joined by commas."""
    body: bytes
    source_ip: str
    form_fields: Mapping[str, str] | None = None
    """The body as a form, once the query protocol has parsed it."""
    server: str = "127.0.0.1"
    """Address and port that the request came in at, as they stand in a URL."""


@dataclass(slots=True)
class HttpResponse:
    """One response; the length and the date are added where it leaves."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
