"""What the REST protocols bind to a request's path, query and headers, and to a response's headers.

The body is the protocol's own (XML or JSON); everything else is read and written here, by the shapes of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from rootkeeper.sandbox.codec.rest_routes import Query
from rootkeeper.sandbox.codec.scalars import QUERY_FORMATTERS, QUERY_PARSERS, format_iso8601_precisely

REST_XML_FORMATTERS = QUERY_FORMATTERS | {"timestamp": format_iso8601_precisely}
"""In bodies; S3 writes milliseconds."""


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request's parts as members are bound to them."""

    labels: Mapping[str, str]
    """The decoded labels of the path."""
    query: Query
    headers: Mapping[str, str]
    body: bytes


PartReader = Callable[[RestRequest], Any]
HeaderWriter = Callable[[Any], dict[str, str]]


def is_in_body(shape: Shape) -> bool:
    return "location" not in shape.serialization


def compile_part_readers(shape: StructureShape) -> list[tuple[str, PartReader]]:
    """Make the readers of the members that don't stand in the body; they give ``None`` for what is absent."""
    return [
        (member, _READERS[inner.serialization["location"]](inner, str(inner.serialization.get("name", member))))
        for member, inner in shape.members.items()
        if not is_in_body(inner)
    ]


def _label_reader(shape: Shape, name: str) -> PartReader:
    parse = QUERY_PARSERS[shape.type_name]
    return lambda request: parse(request.labels[name]) if name in request.labels else None


def _query_reader(shape: Shape, name: str) -> PartReader:
    if isinstance(shape, ListShape):
        parse_item = QUERY_PARSERS[shape.member.type_name]
        return lambda request: [parse_item(text) for text in request.query[name]] if name in request.query else None
    parse = QUERY_PARSERS[shape.type_name]
    return lambda request: parse(request.query[name][0]) if name in request.query else None


def _header_reader(shape: Shape, name: str) -> PartReader:
    key = name.lower()
    if isinstance(shape, ListShape):
        parse_item = QUERY_PARSERS[shape.member.type_name]
        return lambda request: (
            [parse_item(text.strip()) for text in request.headers[key].split(",")] if key in request.headers else None
        )
    parse = QUERY_PARSERS[shape.type_name]
    return lambda request: parse(request.headers[key].strip()) if key in request.headers else None


def _prefixed_headers_reader(shape: Shape, prefix: str) -> PartReader:  # noqa: ARG001 - of a part reader's maker
    start = prefix.lower()

    def read_headers(request: RestRequest) -> dict[str, str] | None:
        found = {name[len(start) :]: value for name, value in request.headers.items() if name.startswith(start)}
        return found or None

    return read_headers


_READERS: Mapping[str, Callable[[Shape, str], PartReader]] = {
    "header": _header_reader,
    "headers": _prefixed_headers_reader,
    "querystring": _query_reader,
    "uri": _label_reader,
}


def compile_header_writers(shape: StructureShape) -> list[tuple[str, HeaderWriter]]:
    """Make the writers of the members that a response carries as headers."""
    return [
        (member, _header_writer(inner, str(inner.serialization.get("name", member))))
        for member, inner in shape.members.items()
        if inner.serialization.get("location") in ("header", "headers")
    ]


def _header_writer(shape: Shape, name: str) -> HeaderWriter:
    if isinstance(shape, MapShape):
        return lambda value: {f"{name}{key}".lower(): str(text) for key, text in value.items()}
    if isinstance(shape, ListShape):
        return lambda value: {name.lower(): ",".join(map(str, value))}
    if shape.type_name == "timestamp":
        is_iso = shape.serialization.get("timestampFormat") == "iso8601"
        return lambda value: {name.lower(): format_iso8601_precisely(value) if is_iso else _format_http_date(value)}
    to_text = QUERY_FORMATTERS[shape.type_name]
    return lambda value: {name.lower(): to_text(value)}


def _format_http_date(moment: datetime) -> str:
    return format_datetime(moment.replace(microsecond=0), usegmt=True)
