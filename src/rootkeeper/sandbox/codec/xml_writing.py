"""Writes values as the XML of the query and rest-xml protocols, by a shape of the model.

Members that are absent (or ``None``) are left out: a root user's answers have no UserName, not an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StructureShape

from rootkeeper.sandbox.codec.scalars import QUERY_FORMATTERS

Writer = Callable[[Any, list[str]], None]
"""Appends the XML of a value to a list of texts."""
Formatters = Mapping[str, Callable[[Any], str]]
"""How single values are written, by botocore's type name."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Source: XML 1.0, section 2.2. Such characters can't be written at all, not even escaped."""
_NOT_PLAIN = re.compile(r"[^\t\n -%'-;=?-~]")
"""Most texts need no care; this finds the others quickly."""


def escape_text(text: str) -> str:
    """Escape a text, replacing what XML can't carry."""
    if text.isalnum():
        return text
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"}) if _NOT_PLAIN.search(text) else text


def compile_writer(shape: Shape, name: str, formatters: Formatters = QUERY_FORMATTERS) -> Writer:
    """Make the writer of one shape under an element name."""
    if isinstance(shape, StructureShape):
        return _structure_writer(shape, name, formatters)
    if isinstance(shape, ListShape):
        return _list_writer(shape, name, formatters)
    if isinstance(shape, MapShape):
        return _map_writer(shape, name, formatters)
    return _scalar_writer(shape, name, formatters)


def compile_members(shape: StructureShape, formatters: Formatters = QUERY_FORMATTERS) -> Writer:
    """Make the writer of a structure's members, without an element around them.

    Members that the model binds to headers or to the status aren't among them.
    """
    members: list[tuple[str, Writer]] = []

    def write_members(value: Any, out: list[str]) -> None:
        if not members:
            members.extend(
                (member, compile_writer(inner, inner.serialization.get("name", member), formatters))
                for member, inner in shape.members.items()
                if "location" not in inner.serialization
            )
        for member, write in members:
            item = value.get(member)
            if item is not None:
                write(item, out)

    return write_members


def _scalar_writer(shape: Shape, name: str, formatters: Formatters) -> Writer:
    start, end = f"<{name}>", f"</{name}>"
    to_text = _text_maker(shape, formatters)
    return lambda value, out: out.append(f"{start}{to_text(value)}{end}")


def _text_maker(shape: Shape, formatters: Formatters) -> Callable[[Any], str]:
    to_text = formatters[shape.type_name]
    if shape.type_name in ("string", "character"):
        return lambda value: escape_text(to_text(value))
    return to_text


def _structure_writer(shape: StructureShape, name: str, formatters: Formatters) -> Writer:
    start, end = f"<{name}>", f"</{name}>"
    write_members = compile_members(shape, formatters)

    def write_structure(value: Any, out: list[str]) -> None:
        out.append(start)
        write_members(value, out)
        out.append(end)

    return write_structure


def _list_writer(shape: ListShape, name: str, formatters: Formatters) -> Writer:
    is_flattened = shape.serialization.get("flattened", False)
    item_name = name if is_flattened else shape.member.serialization.get("name", "member")
    write_item = compile_writer(shape.member, item_name, formatters)

    def write_items(value: Any, out: list[str]) -> None:
        for item in value:
            write_item(item, out)

    return write_items if is_flattened else _wrap(write_items, name)


def _map_writer(shape: MapShape, name: str, formatters: Formatters) -> Writer:
    is_flattened = shape.serialization.get("flattened", False)
    entry = name if is_flattened else "entry"
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    start, middle, end = f"<{entry}><{key_name}>", f"</{key_name}>", f"</{entry}>"
    if shape.value.type_name in formatters:
        known_keys = shape.key.metadata.get("enum", ())
        heads = _EntryHeads(known_keys, start, f"{middle}<{value_name}>")
        write_entries = _text_entries_writer(heads, f"</{value_name}>{end}", _text_maker(shape.value, formatters))
    else:
        write_entries = _entries_writer(start, middle, end, compile_writer(shape.value, value_name, formatters))
    return write_entries if is_flattened else _wrap(write_entries, name)


class _EntryHeads(dict[str, str]):
    """What stands before the value of an entry, by its key: ready for the keys that the model knows."""

    def __init__(self, known_keys: Iterable[str], start: str, end: str) -> None:
        self._start = start
        self._end = end
        super().__init__((key, self[key]) for key in known_keys)

    def __missing__(self, key: str) -> str:
        return f"{self._start}{escape_text(key)}{self._end}"


def _text_entries_writer(heads: _EntryHeads, end: str, to_text: Callable[[Any], str]) -> Writer:
    return lambda value, out: out.extend([f"{heads[key]}{to_text(item)}{end}" for key, item in value.items()])


def _entries_writer(start: str, middle: str, end: str, write_value: Writer) -> Writer:
    def write_entries(value: Any, out: list[str]) -> None:
        for key, item in value.items():
            out.append(f"{start}{escape_text(key)}{middle}")
            write_value(item, out)
            out.append(end)

    return write_entries


def _wrap(write_inside: Writer, name: str) -> Writer:
    start, end = f"<{name}>", f"</{name}>"

    def write_wrapped(value: Any, out: list[str]) -> None:
        out.append(start)
        write_inside(value, out)
        out.append(end)

    return write_wrapped
