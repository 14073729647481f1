"""The JSON protocols 1.0 and 1.1: an ``X-Amz-Target`` header and a JSON object in, a JSON object out.

Source: AWS JSON protocol 1.0 and 1.1; Organizations API version 2016-11-28.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from rootkeeper_sandbox.codec.errors import (
    JSON_WORDING,
    Refusal,
    RefusalError,
    make_organizations_error,
)
from rootkeeper_sandbox.codec.models import Codec, CompiledOperation
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
    """Make the function that prepares a value for ``json.dumps``."""
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
            for member, inner in shape.members.items():
                wire = str(inner.serialization.get("name", member))
                names = (wire, member) if is_reading else (member, wire)
                converters.append((*names, compile_one(inner)))
        converted = {}
        for source, target, convert in converters:
            item = value.get(source)
            if item is not None:
                converted[target] = convert(item)
        return converted

    return convert_structure


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


def _read_double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
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
    "integer": _read_integer,
    "long": _read_integer,
    "boolean": _read_boolean,
    "double": _read_double,
    "timestamp": _read_timestamp,
    "blob": lambda value: parse_blob(_read_string(value)),
}

_SCALAR_WRITERS: dict[str, Converter] = {"timestamp": format_epoch, "blob": format_blob}


def find_message_names(model: ServiceModel) -> dict[str, str]:
    """Find how each modelled error spells its message member, by code (Organizations: ``Message``)."""
    return {
        shape.error_code: member
        for shape in model.error_shapes
        if isinstance(shape, StructureShape)
        for member in shape.members
        if member.lower() == "message"
    }


class JsonCodec(Codec):
    """A service that speaks JSON 1.0 or 1.1."""

    wording = JSON_WORDING

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self.content_type = f"application/x-amz-json-{model.metadata['jsonVersion']}"
        self.target_prefix = str(model.metadata["targetPrefix"])
        self._message_names = find_message_names(model)

    def find_operation(self, request: HttpRequest) -> str | None:
        target = request.headers.get("x-amz-target")
        return None if target is None else target.removeprefix(f"{self.target_prefix}.")

    def compile_operation(self, operation: OperationModel) -> CompiledOperation:
        shape = operation.input_shape
        read_input = compile_json_reader(shape) if shape else None
        return CompiledOperation(
            read_parameters=lambda request: read_input(parse_object(request.body)) if read_input else {},
            check_parameters=compile_constraints(shape),
            write_result=compile_json_result(operation.output_shape),
        )

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        return render_json_error(error, request_id, self.content_type, self._message_names.get(error.code, "message"))

    def make_error(self, refused: RefusalError) -> ServiceError:
        if self.service == "organizations" and refused.violations:
            return make_organizations_error(refused)
        return super().make_error(refused)


def compile_json_result(shape: StructureShape | None) -> Callable[[dict[str, Any], str], bytes]:
    """Make the writer of an operation's result."""
    if shape is None:
        return lambda _result, _request_id: b"{}"
    convert = compile_json_writer(shape)
    return lambda result, _request_id: dump_json(convert(result))


def dump_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def render_json_error(error: ServiceError, request_id: str, content_type: str, message_name: str) -> HttpResponse:
    """Write an error of the JSON protocols."""
    body = {"__type": error.code, message_name: error.message, **error.fields}
    return HttpResponse(error.status, content_type, dump_json(body), {"x-amzn-requestid": request_id})
