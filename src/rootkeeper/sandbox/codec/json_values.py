"""Reads and writes values as the JSON of the json and rest-json protocols, by a shape of the model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.codec.scalars import (
    format_blob,
    format_epoch,
    format_iso8601,
    malformed,
    parse_blob,
    parse_timestamp,
)

Converter = Callable[[Any], Any]
Compiler = Callable[[Shape], Converter]


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object; an empty body is an empty object.

    :raises RefusalError: if it isn't one, or is nested too deeply.
    """
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
