"""The JSON protocols 1.0 and 1.1: an ``X-Amz-Target`` header and a JSON object in, a JSON object out.

Source: AWS JSON protocol 1.0 and 1.1; Organizations API version 2016-11-28.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from rootkeeper_sandbox.codec.errors import (
    JSON_WORDING,
    Refusal,
    RefusalError,
    make_organizations_error,
    make_refusal_error,
)
from rootkeeper_sandbox.codec.models import CompiledOperation, OperationTable, not_served
from rootkeeper_sandbox.codec.parameters import (
    compile_constraints,
    format_blob,
    format_epoch,
    format_iso8601,
    malformed,
    parse_blob,
    parse_timestamp,
)
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError

Converter = Callable[[Any], Any]
Compiler = Callable[[Shape], Converter]


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object; an empty body is an empty object."""
    if not body:
        return {}
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RefusalError(Refusal.MALFORMED_BODY, "The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise RefusalError(Refusal.MALFORMED_BODY, "The request body must be a JSON object.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def compile_json_reader(shape: Shape) -> Converter:
    """Make the function that checks and converts a parsed JSON value."""
    if isinstance(shape, StructureShape):
        return _structure_converter(shape, compile_json_reader, is_reading=True)
    if isinstance(shape, ListShape):
        return _list_converter(compile_json_reader(shape.member))
    if isinstance(shape, MapShape):
        return _map_converter(compile_json_reader(shape.value))
    return _SCALAR_READERS[shape.type_name]


def compile_json_writer(shape: Shape) -> Converter:
    """Make the function that turns a value into what ``json.dumps`` takes."""
    if isinstance(shape, StructureShape):
        return _structure_converter(shape, compile_json_writer, is_reading=False)
    if isinstance(shape, ListShape):
        return _list_converter(compile_json_writer(shape.member))
    if isinstance(shape, MapShape):
        return _map_converter(compile_json_writer(shape.value))
    if shape.serialization.get("timestampFormat") == "iso8601":
        return format_iso8601
    return _SCALAR_WRITERS.get(shape.type_name, _as_it_is)


def _structure_converter(shape: StructureShape, compile_one: Compiler, is_reading: bool) -> Converter:
    converters: list[tuple[str, str, Converter]] = []

    def convert_structure(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mismatch(value, "an object")
        if not converters:
            converters.extend(_member_converters(shape, compile_one, is_reading))
        converted = {}
        for source, target, convert in converters:
            item = value.get(source)
            if item is not None:
                converted[target] = convert(item)
        return converted

    return convert_structure


def _member_converters(
    shape: StructureShape, compile_one: Compiler, is_reading: bool
) -> list[tuple[str, str, Converter]]:
    names = ((member, str(inner.serialization.get("name", member)), inner) for member, inner in shape.members.items())
    return [
        (wire, member, compile_one(inner)) if is_reading else (member, wire, compile_one(inner))
        for member, wire, inner in names
    ]


def _list_converter(convert: Converter) -> Converter:
    def convert_list(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise _mismatch(value, "a list")
        return [convert(item) for item in value]

    return convert_list


def _map_converter(convert: Converter) -> Converter:
    def convert_map(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mismatch(value, "a map")
        return {key: convert(item) for key, item in value.items()}

    return convert_map


def _mismatch(value: Any, kind: str) -> RefusalError:
    return malformed(_JSON_TYPES.get(type(value), "null"), kind)


_JSON_TYPES = {
    bool: "BOOLEAN_VALUE",
    dict: "OBJECT_VALUE",
    float: "NUMBER_VALUE",
    int: "NUMBER_VALUE",
    list: "ARRAY_VALUE",
    str: "STRING_VALUE",
}


def _as_it_is(value: Any) -> Any:
    return value


def _read_string(value: Any) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, "a string")
    return value


def _read_integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(value, "an integer")
    return value


def _read_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > sys.float_info.max:
        raise _mismatch(value, "a number")
    return float(value)


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, "a boolean")
    return value


def _read_timestamp(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        raise _mismatch(value, "a timestamp")
    return parse_timestamp(value)


_SCALAR_READERS: dict[str, Converter] = {
    "string": _read_string,
    "character": _read_string,
    "integer": _read_integer,
    "long": _read_integer,
    "float": _read_float,
    "double": _read_float,
    "boolean": _read_boolean,
    "timestamp": _read_timestamp,
    "blob": lambda value: parse_blob(_read_string(value)),
}

_SCALAR_WRITERS: dict[str, Converter] = {"timestamp": format_epoch, "blob": format_blob}
VIOLATION_WORDING: Mapping[str, Callable[[RefusalError], ServiceError]] = {"organizations": make_organizations_error}
"""The services that word broken constraints in an error of their own."""


class JsonCodec:
    """A service that speaks JSON 1.0 or 1.1."""

    def __init__(self, model: ServiceModel) -> None:
        self.service = model.service_name
        self._content_type = f"application/x-amz-json-{model.metadata['jsonVersion']}"
        self._target_prefix: str = model.metadata["targetPrefix"] + "."
        self._operations = OperationTable(model, _compile)
        self._message_names = _find_message_names(model)

    def find_operation(self, request: HttpRequest) -> str | None:
        target = request.headers.get("x-amz-target")
        return None if target is None else target.removeprefix(self._target_prefix)

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:  # noqa: ARG002 - of a codec
        if operation in self._operations:
            return not_served(self.service, operation)
        return RefusalError(Refusal.UNKNOWN_OPERATION, f"Could not find operation {operation[:100]}")

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        return self._operations.parse(operation, request)

    def render(self, operation: str, result: dict[str, Any], request_id: str) -> HttpResponse:
        body = self._operations.get(operation).write_result(result, request_id)
        return HttpResponse(200, self._content_type, body, {"x-amzn-requestid": request_id})

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        return render_json_error(error, request_id, self._content_type, self._message_names.get(error.code, "message"))

    def make_error(self, refused: RefusalError) -> ServiceError:
        wording = VIOLATION_WORDING.get(self.service)
        if wording and refused.refusal is Refusal.INVALID_PARAMETER and refused.violations:
            return wording(refused)
        return make_refusal_error(JSON_WORDING, refused)


def _compile(operation: OperationModel) -> CompiledOperation[HttpRequest, bytes]:
    input_shape = operation.input_shape
    read_input = compile_json_reader(input_shape) if input_shape else None
    return CompiledOperation(
        read_parameters=lambda request: read_input(parse_object(request.body)) if read_input else {},
        check_parameters=compile_constraints(operation.input_shape),
        write_result=_compile_result(operation),
    )


def _compile_result(operation: OperationModel) -> Callable[[dict[str, Any], str], bytes]:
    shape = operation.output_shape
    if shape is None:
        return lambda _result, _request_id: b"{}"
    convert = compile_json_writer(shape)
    return lambda result, _request_id: json.dumps(convert(result), separators=(",", ":")).encode("ascii")


def _find_message_names(model: ServiceModel) -> dict[str, str]:
    """Find how each modelled error spells its message member (Organizations: ``Message``)."""
    return {
        shape.error_code: member
        for shape in model.error_shapes
        if isinstance(shape, StructureShape)
        for member in shape.members
        if member.lower() == "message"
    }


def render_json_error(error: ServiceError, request_id: str, content_type: str, message_name: str) -> HttpResponse:
    """Write an error of the JSON protocols."""
    body = {"__type": error.code, message_name: error.message, **error.fields}
    content = json.dumps(body, separators=(",", ":")).encode("ascii")
    return HttpResponse(error.status, content_type, content, {"x-amzn-requestid": request_id})
