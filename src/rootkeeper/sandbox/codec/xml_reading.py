"""Reads XML bodies of the rest-xml protocol, by a shape of the model.

Document type declarations are refused before anything else is read, so that no entity can be declared, let alone
grow; depth and number of elements are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from botocore.model import ListShape, Shape, StructureShape

from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.codec.scalars import QUERY_PARSERS

MAX_DEPTH = 20
MAX_ELEMENTS = 10_000

_MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


@dataclass(slots=True)
class Element:
    """One element, without its namespace and attributes."""

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
    """Make the reader of one shape from the element that holds it."""
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
