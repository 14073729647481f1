"""The query protocol: form-encoded parameters such as ``Tags.member.1.Key=…`` in, XML out (IAM, STS).

Source: AWS Query protocol, IAM API version 2010-05-08 and STS API version 2011-06-15.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from rootkeeper_sandbox.codec.errors import QUERY_WORDING, Refusal, RefusalError
from rootkeeper_sandbox.codec.models import Codec, CompiledOperation, not_served
from rootkeeper_sandbox.codec.parameters import QUERY_PARSERS, compile_constraints
from rootkeeper_sandbox.codec.xml import compile_members, escape_text
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError

MAX_FIELDS = 2000
Fields = Mapping[str, str]
Reader = Callable[[Fields, str], Any]
"""Reads the value under a prefix; ``None`` when there is nothing."""


def parse_fields(text: str) -> dict[str, str]:
    """Parse a form-encoded text."""
    pairs = text.split("&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise RefusalError(Refusal.MALFORMED_BODY, f"The request has more than {MAX_FIELDS} parameters.")
    fields: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name:
            fields[_decode(name)] = _decode(value)
    return fields


@lru_cache(maxsize=512)
def parse_fields_once(text: str) -> Fields:
    """Parse a text that comes often, once; callers must not change the result."""
    return parse_fields(text)


def _decode(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def compile_input(shape: StructureShape | None) -> Callable[[Fields], dict[str, Any]]:
    """Make the reader of an operation's input."""
    if shape is None:
        return lambda _fields: {}
    members = _compile_members(shape)

    def read_input(fields: Fields) -> dict[str, Any]:
        found = ((member, read(fields, name)) for member, name, read in members)
        return {member: value for member, value in found if value is not None}

    return read_input


def _compile_members(shape: StructureShape) -> list[tuple[str, str, Reader]]:
    return [
        (member, str(member_shape.serialization.get("name", member)), compile_reader(member_shape))
        for member, member_shape in shape.members.items()
    ]


def compile_reader(shape: Shape) -> Reader:
    if isinstance(shape, StructureShape):
        return _structure_reader(shape)
    if isinstance(shape, ListShape):
        return _list_reader(shape)
    if isinstance(shape, MapShape):
        return _map_reader(shape)
    parse = QUERY_PARSERS[shape.type_name]

    def read_scalar(fields: Fields, prefix: str) -> Any:
        text = fields.get(prefix)
        return None if text is None else parse(text)

    return read_scalar


def _structure_reader(shape: StructureShape) -> Reader:
    members: list[tuple[str, str, Reader]] = []

    def read_structure(fields: Fields, prefix: str) -> dict[str, Any] | None:
        start = prefix + "."
        if not any(name.startswith(start) for name in fields):
            return None
        if not members:
            members.extend(_compile_members(shape))
        found = ((member, read(fields, start + name)) for member, name, read in members)
        return {member: value for member, value in found if value is not None}

    return read_structure


def _list_reader(shape: ListShape) -> Reader:
    read_item = compile_reader(shape.member)
    is_flattened = shape.serialization.get("flattened", False)
    infix = "." if is_flattened else f".{shape.member.serialization.get('name', 'member')}."

    def read_list(fields: Fields, prefix: str) -> list[Any] | None:
        items: list[Any] = []
        while (item := read_item(fields, f"{prefix}{infix}{len(items) + 1}")) is not None:
            items.append(item)
        return items if items or prefix in fields else None

    return read_list


def _map_reader(shape: MapShape) -> Reader:
    read_key, read_value = compile_reader(shape.key), compile_reader(shape.value)
    infix = "." if shape.serialization.get("flattened", False) else ".entry."
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")

    def read_map(fields: Fields, prefix: str) -> dict[str, Any] | None:
        entries: dict[str, Any] = {}
        number = 1
        while (key := read_key(fields, f"{prefix}{infix}{number}.{key_name}")) is not None:
            entries[key] = read_value(fields, f"{prefix}{infix}{number}.{value_name}")
            number += 1
        return entries or None

    return read_map


_CONTENT_TYPE = "text/xml"
_SHORT = 64
"""Characters of a request without parameters of its own, which thousands of sessions send word for word."""


class QueryCodec(Codec):
    """A service that speaks the query protocol."""

    wording = QUERY_WORDING
    content_type = _CONTENT_TYPE

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self.version = str(model.metadata["apiVersion"])
        self._namespace: str = model.metadata["xmlNamespace"]

    def find_operation(self, request: HttpRequest) -> str | None:
        return read_fields(request).get("Action")

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:
        version = _read_version(request)
        if version == self.version and operation in self._names:
            return not_served(self.service, operation)
        return _not_found(operation, version)

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        version = _read_version(request)
        if version != self.version:
            raise _not_found(operation, version)
        return super().parse(operation, request)

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        return render_query_error(error, request_id, self._namespace)

    def compile_operation(self, operation: OperationModel) -> CompiledOperation:
        read_input = compile_input(operation.input_shape)
        return CompiledOperation(
            read_parameters=lambda request: read_input(read_fields(request)),
            check_parameters=compile_constraints(operation.input_shape),
            write_result=self._compile_result(operation),
        )

    def _compile_result(self, operation: OperationModel) -> Callable[[dict[str, Any], str], bytes]:
        start = f'<{operation.name}Response xmlns="{self._namespace}">'
        end = f"</RequestId></ResponseMetadata></{operation.name}Response>"
        shape = operation.output_shape
        wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result") if shape else None
        write_members = compile_members(shape) if shape else None

        def write_result(result: dict[str, Any], request_id: str) -> bytes:
            out = [start]
            if write_members:
                out.append(f"<{wrapper}>")
                write_members(result, out)
                out.append(f"</{wrapper}>")
            out.append(f"<ResponseMetadata><RequestId>{request_id}{end}")
            return "".join(out).encode()

        return write_result


def read_fields(request: HttpRequest) -> Fields:
    """Read a request's form fields, from the body of a POST or the query string of a GET."""
    if request.form_fields is None:
        text = _form_text(request)
        request.form_fields = parse_fields_once(text) if len(text) <= _SHORT else parse_fields(text)
    return request.form_fields


def _form_text(request: HttpRequest) -> str:
    if request.method == "GET":
        return request.query_string
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusalError(Refusal.MALFORMED_BODY, "The request body is not UTF-8 text.") from None


def _read_version(request: HttpRequest) -> str:
    return read_fields(request).get("Version", "NO_VERSION_SPECIFIED")


def _not_found(operation: str, version: str) -> RefusalError:
    message = f"Could not find operation {operation[:100]} for version {version[:40]}"
    return RefusalError(Refusal.UNKNOWN_OPERATION, message)


def render_query_error(error: ServiceError, request_id: str, namespace: str) -> HttpResponse:
    """Write an error of the query protocol."""
    kind = "Sender" if error.status < 500 else "Receiver"
    fields = "".join(f"<{name}>{escape_text(str(value))}</{name}>" for name, value in error.fields.items())
    body = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{escape_text(error.code)}</Code>'
        f"<Message>{escape_text(error.message)}</Message>{fields}</Error><RequestId>{request_id}</RequestId>"
        "</ErrorResponse>"
    )
    return HttpResponse(error.status, _CONTENT_TYPE, body.encode(), {"x-amzn-requestid": request_id})
