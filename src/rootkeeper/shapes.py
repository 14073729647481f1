"""The JSON shape of records: how the classes in each subject's ``records.py`` are written, filled and read back.

A record is a ``TypedDict``. mypy checks the function that makes it, and pydantic reads the same class for the OpenAPI
document and the published JSON Schemas. This module must not import pydantic: every command imports the records, and
pydantic takes as long to import as a short command takes to run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from typing_extensions import TypedDict

from rootkeeper.values import json_time, parse_flag, parse_text

_RecordType = TypeVar("_RecordType")
_FactsType = TypeVar("_FactsType")


class JsonSchema:
    """Keywords of JSON Schema that a type adds to its own, such as ``pattern``."""

    def __init__(self, **keywords: Any) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Source: pydantic, "Implementing ``__get_pydantic_json_schema__``"."""
        return {**handler(core_schema), **self._keywords}


Moment: TypeAlias = Annotated[str, JsonSchema(format="date-time", pattern="Z$")]
"""RFC 3339, in UTC."""
Count: TypeAlias = Annotated[int, JsonSchema(minimum=0)]
Ordinal: TypeAlias = Annotated[int, JsonSchema(minimum=1)]
"""A place counted from 1."""
AccountNumber: TypeAlias = Annotated[str, JsonSchema(pattern="^[0-9]{12}$")]
"""Leading zeros count."""
WholeSecond: TypeAlias = Annotated[
    str, JsonSchema(format="date-time", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")
]
"""The same, always without fractions of a second."""
OrganizationId: TypeAlias = Annotated[str, JsonSchema(pattern="^o-[a-z0-9]{10,32}$")]
Endpoint: TypeAlias = Annotated[str, JsonSchema(pattern="^(AWS|SANDBOX .+)$")]
"""``AWS``, or ``SANDBOX`` and its address."""
IdentityId: TypeAlias = Annotated[str, JsonSchema(pattern="^[ut]-[0-9a-f]+$")]
JobId: TypeAlias = Annotated[str, JsonSchema(pattern="^j-[0-9a-f]+$")]
Sha256: TypeAlias = Annotated[str, JsonSchema(pattern="^[0-9a-f]{64}$")]


def record(shape: type[_RecordType]) -> type[_RecordType]:
    """Close a ``TypedDict``: JSON has its fields and no others."""
    shape.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]  # pydantic reads it
    return shape


SCHEMA_VERSION: Literal[1] = 1


@record
class Answer(TypedDict):
    """One document."""

    schema_version: Literal[1]
    """Raised when a field is removed or changes its meaning."""


@record
class Page(Answer):
    """A part of a list."""

    next: str | None
    """``after`` of the next page; ``null`` on the last page."""


@record
class CountedPage(Page):
    """A part of a list, with the length of the list."""

    total: Count
    """The number of elements on all pages."""


def fill_record(shape: type[_RecordType], facts: object, **further: Any) -> _RecordType:
    """Make the record whose fields are attributes of ``facts``, or are given by name."""
    names: Mapping[str, Any] = shape.__annotations__
    filled: Any = {
        name: further[name] if name in further else to_plain_value(getattr(facts, name), json_time) for name in names
    }
    return filled  # type: ignore[no-any-return]  # by the name of the shape


def to_plain_value(value: Any, render: Callable[[datetime], Any]) -> Any:
    """Turn a value of a dataclass into what JSON knows; ``render`` writes its moments."""
    if isinstance(value, datetime):
        return render(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [to_plain_value(item, render) for item in value]
    if is_dataclass(value):
        return {one.name: to_plain_value(getattr(value, one.name), render) for one in fields(value)}
    return value


def parse_facts(kind: type[_FactsType], plain: Mapping[str, Any]) -> _FactsType:
    """Make the dataclass whose fields these are; other keys are ignored.

    :raises KeyError: if a field is missing.
    :raises TypeError: and ValueError, if a value has another type.
    """
    return kind(**{name: parse(plain[name]) for name, parse in _list_parsers(kind)})  # type: ignore[arg-type]  # a class is hashable


@cache
def _list_parsers(kind: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = get_type_hints(kind)
    return tuple((one.name, _find_parser(hints[one.name])) for one in fields(kind))


def _find_parser(hint: Any) -> Callable[[Any], Any]:
    hint = getattr(hint, "__supertype__", hint)
    if hint in _PARSERS:
        return _PARSERS[hint]
    if get_origin(hint) is UnionType:
        (other,) = (one for one in get_args(hint) if one is not NoneType)
        return partial(_parse_optional, _find_parser(other))
    if get_origin(hint) is tuple:
        return partial(_parse_items, _find_parser(get_args(hint)[0]))
    return hint if issubclass(hint, Enum) else partial(parse_facts, hint)


def _parse_optional(parse: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else parse(value)


def _parse_items(parse: Callable[[Any], Any], value: Any) -> tuple[Any, ...]:
    return tuple(parse(item) for item in value)


def _parse_moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(parse_text(value))


def _parse_number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} isn't a whole number")
    return value


_PARSERS: Mapping[Any, Callable[[Any], Any]] = {
    str: parse_text,
    bool: parse_flag,
    int: _parse_number,
    datetime: _parse_moment,
}
