"""XML bodies, read and written by the shapes of a model.

Document type declarations are refused first, so that no entity can be declared; depth and number of elements are
bounded. A member that is absent or ``None`` isn't written: a root user's answers have no UserName, not an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StructureShape

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.codec.parameters import QUERY_FORMATTERS, QUERY_PARSERS

MAX_DEPTH = 20
MAX_ELEMENTS = 10_000
_MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


@dataclass(slots=True)
class Element:
    """An element, without its namespace and attributes."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def named(self, name: str) -> list[Element]:
        return [child for child in self.children if child.name == name]


ElementReader = Callable[[Element], Any]


def malformed_xml() -> RefusalError:
    return RefusalError(Refusal.MALFORMED_BODY, _MALFORMED)


def parse_xml(body: bytes) -> Element:
    """Parse a document to its root element.

    :raises RefusalError: if it isn't well-formed, is too deep or too large, or declares a document type.
    """
    builder = _Builder()
    try:
        builder.parser.Parse(body, True)
    except (expat.ExpatError, ValueError):
        raise malformed_xml() from None
    if builder.root is None:
        raise malformed_xml()
    return builder.root


class _Builder:
    """Collects elements while expat walks through a document."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        self.parser = expat.ParserCreate("utf-8", "}")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._read_text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise malformed_xml()
        element = Element(name.rpartition("}")[2])
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _read_text(self, text: str) -> None:
        self._open[-1].text += text

    def _refuse(self, *_declaration: object) -> None:
        raise malformed_xml()


def compile_xml_reader(shape: Shape) -> ElementReader:
    """Make the reader of a shape from the element that holds it."""
    if isinstance(shape, StructureShape):
        return _structure_reader(shape)
    if isinstance(shape, ListShape):
        read_item, item_name = compile_xml_reader(shape.member), shape.member.serialization.get("name", "member")
        return lambda element: [read_item(child) for child in element.named(item_name)]
    parse = QUERY_PARSERS[shape.type_name]
    is_text = shape.type_name == "string"
    return lambda element: parse(element.text if is_text else element.text.strip())


def _structure_reader(shape: StructureShape) -> ElementReader:
    members: list[tuple[str, Callable[[Element], Any]]] = []

    def read_structure(element: Element) -> dict[str, Any]:
        if not members:
            members.extend((member, _member_reader(member, inner)) for member, inner in shape.members.items())
        found = ((member, read(element)) for member, read in members)
        return {member: value for member, value in found if value is not None}

    return read_structure


def _member_reader(member: str, shape: Shape) -> Callable[[Element], Any]:
    """Make the reader of a member from its parent's element; ``None`` when it isn't there."""
    name = shape.serialization.get("name", member)
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        read_item = compile_xml_reader(shape.member)
        item_name = shape.member.serialization.get("name", name)
        return lambda parent: [read_item(child) for child in parent.named(item_name)] or None
    read = compile_xml_reader(shape)

    def read_member(parent: Element) -> Any:
        found = parent.named(name)
        return read(found[0]) if found else None

    return read_member


Writer = Callable[[Any, list[str]], None]
"""Appends the XML of a value to a list of texts."""
Formatters = Mapping[str, Callable[[Any], str]]
"""How single values are written, by botocore's type name."""
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Source: XML 1.0, section 2.2. Such characters can't be written at all, not even escaped."""
_NOT_PLAIN = re.compile(r"[^\t\n -%'-;=?-~]")
"""Most texts need no care; this finds the others quickly."""


def escape_text(text: str) -> str:
    """Escape a text, replacing the characters that XML can't carry."""
    if text.isalnum():
        return text
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"}) if _NOT_PLAIN.search(text) else text


def compile_writer(shape: Shape, name: str, formatters: Formatters = QUERY_FORMATTERS) -> Writer:
    """Make the writer of a shape under an element name."""
    if isinstance(shape, StructureShape):
        return _structure_writer(shape, name, formatters)
    if isinstance(shape, ListShape):
        return _list_writer(shape, name, formatters)
    if isinstance(shape, MapShape):
        return _map_writer(shape, name, formatters)
    start, end = f"<{name}>", f"</{name}>"
    to_text = _text_maker(shape, formatters)
    return lambda value, out: out.append(f"{start}{to_text(value)}{end}")


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
                if "location" not in inner.serialization and "xmlAttribute" not in inner.serialization
            )
        for member, write in members:
            item = value.get(member)
            if item is not None:
                write(item, out)

    return write_members


def _text_maker(shape: Shape, formatters: Formatters) -> Callable[[Any], str]:
    to_text = formatters[shape.type_name]
    if shape.type_name == "string":
        return lambda value: escape_text(to_text(value))
    return to_text


def _structure_writer(shape: StructureShape, name: str, formatters: Formatters) -> Writer:
    start, end = f"<{name}>", f"</{name}>"
    write_members = compile_members(shape, formatters)
    attributes = {
        member: str(inner.serialization["name"])
        for member, inner in shape.members.items()
        if "xmlAttribute" in inner.serialization
    }
    if attributes:
        return _attributes_writer(f"<{name}{_declare_prefix(shape)}", end, attributes, write_members)

    def write_structure(value: Any, out: list[str]) -> None:
        out.append(start)
        write_members(value, out)
        out.append(end)

    return write_structure


def _declare_prefix(shape: StructureShape) -> str:
    namespace = shape.serialization["xmlNamespace"]
    return f' xmlns:{namespace["prefix"]}="{namespace["uri"]}"'


def _escape_attribute(text: str) -> str:
    return escape_text(text).replace('"', "&quot;")


def _attributes_writer(head: str, end: str, attributes: Mapping[str, str], write_members: Writer) -> Writer:
    """Make the writer of a structure with members that are attributes: S3's grantees."""

    def write_structure(value: Any, out: list[str]) -> None:
        found = ((name, value.get(member)) for member, name in attributes.items())
        texts = [f' {name}="{_escape_attribute(text)}"' for name, text in found if text is not None]
        out.append(f"{head}{''.join(texts)}>")
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
    """The text before an entry's value, by key; made in advance for the keys that the model knows."""

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
