"""Reads the query protocol's flat fields (``Tags.member.1.Key=…``) into nested parameters, by a shape of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from botocore.model import ListShape, MapShape, Shape, StructureShape

from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.codec.scalars import QUERY_PARSERS

MAX_FIELDS = 2000

Fields = Mapping[str, str]
Reader = Callable[[Fields, str], Any]
"""Reads the value under a prefix; ``None`` when nothing stands there."""


def parse_fields(text: str) -> dict[str, str]:
    """Parse a form-encoded text.

    :raises RefusalError: if it has more than MAX_FIELDS fields.
    """
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
    """Parse a text that comes again and again; nobody changes what it gives."""
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
    """Make the reader of one shape."""
    if isinstance(shape, StructureShape):
        return _structure_reader(shape)
    if isinstance(shape, ListShape):
        return _list_reader(shape)
    if isinstance(shape, MapShape):
        return _map_reader(shape)
    return _scalar_reader(shape)


def _scalar_reader(shape: Shape) -> Reader:
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
