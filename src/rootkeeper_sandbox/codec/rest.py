"""The REST protocols: routes and bindings by a service's model, and rest-json itself (Account Management, Security
Hub).

Several operations can fit the same method and path. The operation that asks for most besides them wins: a query
parameter that its template fixes (``?policy``), or query parameters and headers that it requires (``partNumber``,
``x-amz-copy-source``).

Source: AWS restJson1 protocol; Account Management API version 2021-02-01; Security Hub API version 2018-10-26.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from rootkeeper_sandbox.codec.errors import REST_JSON_WORDING, Refusal, RefusalError
from rootkeeper_sandbox.codec.json_protocol import (
    compile_json_reader,
    compile_json_result,
    dump_json,
    find_message_names,
    parse_object,
)
from rootkeeper_sandbox.codec.models import Codec, CompiledOperation
from rootkeeper_sandbox.codec.parameters import (
    QUERY_FORMATTERS,
    QUERY_PARSERS,
    compile_constraints,
    format_iso8601_precisely,
)
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError

MAX_QUERY_PARAMETERS = 200
Query = Mapping[str, list[str]]


def parse_query(query_string: str) -> dict[str, list[str]]:
    """Parse a query string; a name without a value has the empty value. Parameters beyond the bound are dropped."""
    query: dict[str, list[str]] = {}
    for pair in query_string.split("&", MAX_QUERY_PARAMETERS)[:MAX_QUERY_PARAMETERS]:
        name, _, value = pair.partition("=")
        if name:
            query.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return query


@dataclass(frozen=True, slots=True)
class Route:
    """How an operation is called."""

    operation: str
    method: str
    segments: tuple[str, ...]
    """Of the path; labels in braces, a greedy label with ``+``."""
    fixed_query: Mapping[str, str]
    required_query: frozenset[str]
    required_headers: frozenset[str]

    @property
    def weight(self) -> int:
        return len(self.fixed_query) + len(self.required_query) + len(self.required_headers)

    def fits(self, method: str, segments: list[str], query: Query, headers: Mapping[str, str]) -> bool:
        return (
            method == self.method
            and self.match_path(segments) is not None
            # ``?policy`` fits with any value, ``?list-type=2`` with that value.
            and all(name in query and value in ("", query[name][0]) for name, value in self.fixed_query.items())
            and all(name in query for name in self.required_query)
            and all(name in headers for name in self.required_headers)
        )

    def match_path(self, segments: list[str]) -> dict[str, str] | None:
        """Give the values of the labels, still encoded; ``None`` when the path doesn't fit."""
        labels: dict[str, str] = {}
        for position, expected in enumerate(self.segments):
            if expected.endswith("+}"):
                rest = "/".join(segments[position:])
                return labels | {expected[1:-2]: rest} if rest else None
            if position >= len(segments):
                return None
            if expected.startswith("{"):
                labels[expected[1:-1]] = segments[position]
            elif expected != segments[position]:
                return None
        return labels if len(segments) == len(self.segments) else None


class RouteTable:
    """The routes of all operations of a service."""

    def __init__(self, model: ServiceModel) -> None:
        # A deprecated operation, such as GetBucketLifecycle, has the route of the operation that replaced it.
        operations = [model.operation_model(name) for name in model.operation_names]
        routes = [_make_route(operation) for operation in operations if not operation.deprecated]
        self._routes = sorted(routes, key=lambda route: -route.weight)
        self._by_operation = {route.operation: route for route in routes}

    def find(self, method: str, path: str, query: Query, headers: Mapping[str, str]) -> Route | None:
        segments = split_path(path)
        return next((route for route in self._routes if route.fits(method, segments, query, headers)), None)

    def get(self, operation: str) -> Route:
        return self._by_operation[operation]


def split_path(path: str) -> list[str]:
    """Split a path at its slashes; the root is a single empty segment."""
    return path.removeprefix("/").split("/")


def decode_label(text: str) -> str:
    """Decode a part of a path, such as a bucket name or key.

    :raises ServiceError: InvalidURI, if it isn't UTF-8.
    """
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ServiceError("InvalidURI", "Couldn't parse the specified URI.") from None


def _make_route(operation: OperationModel) -> Route:
    path, _, query_string = operation.http["requestUri"].partition("?")
    query = {name: values[0] for name, values in parse_query(query_string).items()}
    return Route(
        operation=operation.name,
        method=operation.http["method"],
        segments=tuple(split_path(path)),
        fixed_query=query,
        required_query=frozenset(_required_names(operation, "querystring")) - query.keys(),
        required_headers=frozenset(name.lower() for name in _required_names(operation, "header")),
    )


def _required_names(operation: OperationModel, location: str) -> Iterable[str]:
    shape = operation.input_shape
    if shape is None:
        return
    for member in shape.required_members:
        inner: Shape = shape.members[member]
        if inner.serialization.get("location") == location:
            yield str(inner.serialization.get("name", member))


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


def compile_parts_reader(shape: StructureShape | None) -> Callable[[RestRequest], dict[str, Any]]:
    """Make the reader of the members outside the body; absent members aren't in its result."""
    readers = [
        (member, _READERS[inner.serialization["location"]](inner, str(inner.serialization.get("name", member))))
        for member, inner in (shape.members.items() if shape else ())
        if not is_in_body(inner)
    ]

    def read_parts(request: RestRequest) -> dict[str, Any]:
        found = ((member, read(request)) for member, read in readers)
        return {member: value for member, value in found if value is not None}

    return read_parts


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
        if shape.serialization.get("timestampFormat") == "iso8601":
            return lambda value: {name.lower(): format_iso8601_precisely(value)}
        return lambda value: {name.lower(): format_datetime(value.replace(microsecond=0), usegmt=True)}
    to_text = QUERY_FORMATTERS[shape.type_name]
    return lambda value: {name.lower(): to_text(value)}


class RestCodec(Codec):
    """A service that is called by method and path."""

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._routes = RouteTable(model)

    def read_path(self, request: HttpRequest) -> str:
        return request.raw_path

    def find_operation(self, request: HttpRequest) -> str | None:
        query = parse_query(request.query_string)
        route = self._routes.find(request.method, self.read_path(request), query, request.headers)
        return route.operation if route else f"{request.method} {request.raw_path}"

    def bind(self, operation: str, request: HttpRequest) -> RestRequest:
        encoded = self._routes.get(operation).match_path(split_path(self.read_path(request))) or {}
        labels = {name: decode_label(text) for name, text in encoded.items()}
        return RestRequest(labels, parse_query(request.query_string), request.headers, request.body)


class RestJsonCodec(RestCodec):
    """A service that speaks rest-json with all members in the body, the path or the query."""

    wording = REST_JSON_WORDING
    content_type = "application/json"

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._message_names = find_message_names(model)

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        headers = {"x-amzn-requestid": request_id, "x-amzn-errortype": error.code}
        body = dump_json({self._message_names.get(error.code, "message"): error.message, **error.fields})
        return HttpResponse(error.status, self.content_type, body, headers)

    def compile_operation(self, operation: OperationModel) -> CompiledOperation:
        shape = operation.input_shape
        read_parts = compile_parts_reader(shape)
        read_body = compile_json_reader(shape) if shape else lambda _body: {}
        return CompiledOperation(
            read_parameters=lambda request: read_body(parse_object(request.body)) | read_parts(request),
            check_parameters=compile_constraints(shape),
            write_result=compile_json_result(operation.output_shape),
        )


class SecurityHubCodec(RestJsonCodec):
    """Security Hub, which checks each finding of a batch by itself and has a code of its own for bad parameters."""

    def compile_operation(self, operation: OperationModel) -> CompiledOperation:
        compiled = super().compile_operation(operation)
        if operation.name == "BatchImportFindings":
            return replace(compiled, check_parameters=lambda _parameters: None)
        return compiled

    def make_error(self, refused: RefusalError) -> ServiceError:
        if refused.refusal is Refusal.INVALID_PARAMETER:
            code = "InvalidInputException"
            return ServiceError(code, refused.message, 400, {"Code": code})
        return super().make_error(refused)
