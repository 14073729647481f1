"""The JSON shape of records: how the classes that describe it are written, filled and read back.

A ``JsonRecord`` takes its fields, their types and docstrings from a dataclass; a record without a dataclass is a
``TypedDict``. pydantic reads both for the OpenAPI document and the published JSON Schemas. This module must not import
pydantic: every command imports the records, and pydantic takes as long to import as a short command takes to run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from typing_extensions import TypedDict, is_typeddict

from rootkeeper.values import json_time, parse_flag, parse_instant, parse_text, render_instant

_RecordType = TypeVar("_RecordType")
_FactsType = TypeVar("_FactsType")


class JsonSchema:
    """Keywords of JSON Schema that a type adds to its own, such as ``pattern``."""

    def __init__(self, **keywords: Any) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Source: pydantic, "Implementing ``__get_pydantic_json_schema__``"."""
        return {**handler(core_schema), **self._keywords}


class Limits:
    """Limits of a text or list, such as ``max_length``: pydantic checks them and writes them into the JSON Schema."""

    def __init__(self, check: Callable[[Any], Any] | None = None, **limits: Any) -> None:
        """:param check: a rule that JSON Schema can't say; raises ``ValueError``."""
        self._check = check
        self._limits = limits

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        """Source: pydantic, "Custom types"; pydantic_core, "core_schema"."""
        schema = {**handler(source), **self._limits}
        if self._check is None:
            return schema
        return {"type": "function-after", "function": {"type": "no-info", "function": self._check}, "schema": schema}


def require_printable(text: str) -> str:
    """Refuse control characters: PostgreSQL stores no NUL, and a terminal reads the others as commands.

    :raises ValueError: if it contains any.
    """
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("control characters aren't allowed")
    return text


ShortText: TypeAlias = Annotated[
    str, Limits(strip_whitespace=True, min_length=1, max_length=256, check=require_printable)
]
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
"""A ``Moment`` that never has fractions of a second."""
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
    """A document."""

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


class JsonRecord(dict[str, Any]):
    """A JSON object with the fields of a dataclass; an instance is a plain ``dict``.

    An annotation in the class adds a field, or replaces type and docstring of one that the dataclass has. A field that
    may be left out is ``Annotated[…, NotRequired]``.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Source: pydantic, "Custom types"."""
        return handler.generate_schema(_make_typed_dict(cls))


class JsonAnswer(JsonRecord):
    """A ``JsonRecord`` that is a document."""

    schema_version: Literal[1]
    """Raised when a field is removed or changes its meaning."""


class Source:
    """The dataclass that a record follows from."""

    def __init__(
        self, kind: type, only: Collection[str], inside: Mapping[str, type], before: Mapping[str, str], moment: Any
    ) -> None:
        self.kinds = {"": kind, **inside}
        """By the attribute in which it is."""
        self.only = only
        self.before = before
        self.moment = moment
        self.names: dict[str, str] = {}
        """Attributes by the name of the record's field."""

    def collect(self, read: Callable[[type], Mapping[str, Any]]) -> dict[str, Any]:
        """Read something of each field, such as its type, where there is any."""
        found = {place: read(kind) for place, kind in self.kinds.items()}
        places = ((name, *attribute.rpartition(".")[::2]) for name, attribute in self.names.items())
        return {name: found[place][member] for name, place, member in places if member in found[place]}


SOURCES: dict[type, Source] = {}
"""By record."""


def record_of(
    kind: type,
    *,
    only: Collection[str] = (),
    without: Collection[str] = (),
    renamed: Mapping[str, str] | None = None,
    before: Mapping[str, str] | None = None,
    inside: Mapping[str, type] | None = None,
    moment: Any = Moment,
) -> Callable[[type[_RecordType]], type[_RecordType]]:
    """Give a ``JsonRecord`` the fields of a dataclass.

    :param only: the record's fields in their order, if they are few of the dataclass.
    :param without: fields that it doesn't have.
    :param renamed: names in the record, by field.
    :param before: for a field that isn't at its place in the dataclass, or isn't in it: the field that follows.
    :param inside: fields with a dataclass whose fields the record has in their place.
    :param moment: the type of its moments.
    :raises TypeError: if a name isn't a field's, or a field is secret (``field(repr=False)``).
    """

    def describe(shape: Any) -> Any:
        source = SOURCES[shape] = Source(kind, only, inside or {}, before or {}, moment)
        seen = set()
        for member in fields(kind):
            for part in fields(source.kinds[member.name]) if member.name in source.kinds else (member,):
                seen.add(part.name)
                name = (renamed or {}).get(part.name, part.name)
                if name not in only if only else part.name in without:
                    continue
                if not part.repr:
                    raise TypeError(f"{kind.__name__}.{part.name} is secret and can't be in {shape.__name__}")
                attribute = part.name if part is member else f"{member.name}.{part.name}"
                source.names[name] = attribute
        if unknown := {*without, *(renamed or {})} - seen:
            raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}, which {shape.__name__} names")
        return shape

    return describe


def record_for(names: Iterable[str], hint: Any) -> Callable[[type[_RecordType]], type[_RecordType]]:
    """Give a ``JsonRecord`` a field of the same type for each name, such as those of an enumeration."""

    def describe(shape: Any) -> Any:
        shape.__annotations__ = shape.__annotations__ | {str(name): hint for name in names}
        return shape

    return describe


def filled_from(**places: str) -> Callable[[type[_RecordType]], type[_RecordType]]:
    """Name the attribute that a field is filled from, such as ``plan.request.change``, if the names differ.

    If an attribute on the way is ``None``, the field is ``null``.
    """

    def describe(shape: Any) -> Any:
        _PLACES[shape] = {name: tuple(place.split(".")) for name, place in places.items()}
        return shape

    return describe


_PLACES: dict[type, Mapping[str, tuple[str, ...]]] = {}
"""By record: the attributes on the way to a field's value."""


@cache
def list_places(shape: Any) -> dict[str, str]:
    """List the fields of a record and the attributes that they are filled from."""
    if not issubclass(shape, JsonRecord):
        return {name: name for name in shape.__annotations__}
    places: dict[str, str] = {}
    for base in shape.__bases__:
        if issubclass(base, JsonRecord):
            places |= list_places(base)
    source = SOURCES.get(shape)
    if source is not None:
        places |= source.names
    places |= {name: name for name in shape.__annotations__ if name not in places}
    if source is None:
        return places
    order = list(source.only) or [name for name in places if name not in source.before]
    for name, following in source.before.items():
        order.insert(order.index(following), name)
    return {name: places[name] for name in order}


@cache
def _make_typed_dict(shape: type[JsonRecord]) -> Any:
    """Make the class that pydantic reads."""
    found: dict[str, tuple[Any, ...]] = {}
    for source in (SOURCES[base] for base in reversed(shape.__mro__) if base in SOURCES):
        found |= {name: (hint, source.moment) for name, hint in source.collect(_read_hints).items()}
    found |= {name: (hint,) for name, hint in _read_hints(shape).items()}
    make: Any = TypedDict
    made = make(shape.__name__, {name: _to_json_type(*found[name]) for name in list_places(shape)})
    made.__doc__, made.__module__, made.__qualname__ = shape.__doc__, shape.__module__, shape.__qualname__
    made.record = shape
    return record(made)


def _to_json_type(hint: Any, moment: Any = Moment) -> Any:
    """Return the type of a value after ``to_plain_value``."""
    if hint is datetime:
        return moment
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        shown = _to_json_type(inner[0], moment)
        return NotRequired[shown] if NotRequired in inner else Annotated[(shown, *hint.__metadata__)]
    if origin in (UnionType, Union):
        return Union[tuple(_to_json_type(part, moment) for part in inner)]  # noqa: UP007 - of a tuple
    if origin in (tuple, frozenset) and (origin is frozenset or inner[-1] is Ellipsis):
        return list[_to_json_type(inner[0], moment)]  # type: ignore[misc]  # known only now
    if origin is Mapping:
        return dict[str, _to_json_type(inner[1], moment)]  # type: ignore[misc]  # known only now
    if is_dataclass(hint):
        whole = {member.name: member.name for member in fields(hint)}
        (found,) = (shape for shape, source in SOURCES.items() if source.kinds[""] is hint and source.names == whole)
        return found
    return hint


@cache
def _list_getters(shape: Any) -> tuple[tuple[str, Callable[[Any], Any], Any], ...]:
    """List the fields of a record, how each is read from the facts, and the record in it, if any."""
    hints, places, names = _read_hints(shape), _inherit_places(shape), list_places(shape)
    if unknown := places.keys() - names.keys():
        raise TypeError(f"{shape.__name__} has no {', '.join(sorted(unknown))}")
    getters: list[tuple[str, Callable[[Any], Any], Any]] = []
    for name, attribute in names.items():
        get: Callable[[Any], Any] = attrgetter(attribute)
        if name == "schema_version":
            get = _read_schema_version
        elif name in places:
            get = partial(_follow, places[name])
        getters.append((name, get, _find_inner_record(hints.get(name))))
    return tuple(getters)


def _inherit_places(shape: Any) -> dict[str, tuple[str, ...]]:
    """Collect the places of a record and its bases; a ``TypedDict`` has its bases in ``__orig_bases__`` only."""
    places: dict[str, tuple[str, ...]] = {}
    for base in vars(shape).get("__orig_bases__", shape.__bases__):
        if isinstance(base, type):
            places |= _inherit_places(base)
    return {**places, **_PLACES.get(shape, {})}


def _read_schema_version(_facts: Any) -> int:
    return SCHEMA_VERSION


def _follow(attributes: Iterable[str], facts: Any) -> Any:
    for attribute in attributes:
        if facts is None:
            return None
        facts = getattr(facts, attribute)
    return facts


def _find_inner_record(hint: Any) -> Any:
    """Find the record in a type such as ``list[WindowRecord] | None``; ``None`` if there is none, or several."""
    if get_origin(hint) is None:
        is_record = isinstance(hint, type) and (issubclass(hint, JsonRecord) or is_typeddict(hint))
        return hint if is_record else None
    found = {_find_inner_record(part) for part in get_args(hint)} - {None}
    return found.pop() if len(found) == 1 else None


def fill_record(
    shape: type[_RecordType], facts: object, render: Callable[[datetime], str] = json_time, /, **further: Any
) -> _RecordType:
    """Make the record, and the records in it, from attributes of ``facts`` and fields given by name.

    ``render`` writes the moments.
    """
    filled: Any = {}
    for name, get, inner in _list_getters(shape):  # type: ignore[arg-type]  # a class is hashable
        value = further[name] if name in further else get(facts)
        if value is not None and type(value) not in _PLAIN:
            value = to_plain_value(value, render) if inner is None else _fill_inner(inner, value, render)
        filled[name] = value
    return filled  # type: ignore[no-any-return]  # by the name of the shape


def _fill_inner(shape: Any, value: Any, render: Callable[[datetime], str]) -> Any:
    if isinstance(value, (tuple, list)):
        return [_fill_inner(shape, item, render) for item in value]
    return value if isinstance(value, Mapping) else fill_record(shape, value, render)


def to_json_record(facts: Any) -> dict[str, Any]:
    """Turn a dataclass into a JSON object of its fields; moments keep their microseconds."""
    return {name: to_plain_value(getattr(facts, name), render_instant) for name in list_field_names(facts)}


_PLAIN = frozenset({str, bool, int})


def to_plain_value(value: Any, render: Callable[[datetime], Any]) -> Any:
    """Turn a value of a dataclass into types of JSON; ``render`` writes its moments. Sets become sorted lists."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return render(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [to_plain_value(item, render) for item in value]
    if isinstance(value, frozenset):
        return [to_plain_value(item, render) for item in sorted(value)]
    if isinstance(value, Mapping):
        return {key: to_plain_value(item, render) for key, item in value.items()}
    if is_dataclass(value):
        return {name: to_plain_value(getattr(value, name), render) for name in list_field_names(value)}
    return value


def list_field_names(facts: Any) -> tuple[str, ...]:
    """List the names of a dataclass's fields."""
    return _list_field_names(facts.__class__)


@cache
def _list_field_names(kind: Any) -> tuple[str, ...]:
    return tuple(member.name for member in fields(kind))


def parse_facts(kind: type[_FactsType], plain: Mapping[str, Any]) -> _FactsType:
    """Make the dataclass from its fields; other keys are ignored. An instance is returned unchanged.

    :raises KeyError: if a field is missing.
    :raises TypeError: and ValueError, if a value has another type.
    """
    if isinstance(plain, kind):
        return plain
    return kind(**{name: parse(plain[name]) for name, parse in _list_parsers(kind)})  # type: ignore[arg-type]  # a class is hashable


@cache
def _list_parsers(kind: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = _read_hints(kind)
    return tuple((member.name, _find_parser(hints[member.name])) for member in fields(kind))


def _read_hints(kind: type) -> dict[str, Any]:
    """Read the types of fields. JSON is kept as it is; its type refers to itself."""
    return get_type_hints(kind, localns={"JsonValue": Any}, include_extras=True)


def _find_parser(hint: Any) -> Callable[[Any], Any]:
    hint = getattr(hint, "__supertype__", hint)
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if hint in _PARSERS:
        return _PARSERS[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return partial(_parse_first, tuple(_find_parser(part) for part in inner if part is not NoneType))
    if origin in (tuple, frozenset):
        return partial(_parse_items, origin, _find_parser(inner[0]))
    if origin is not None:
        return partial(_parse_mapping, _find_parser(inner[1]))
    return hint if issubclass(hint, Enum) else partial(parse_facts, hint)


def _parse_first(parsers: tuple[Callable[[Any], Any], ...], value: Any) -> Any:
    """Parse an optional value as the first of several types that has it, such as two enumerations."""
    if value is None:
        return None
    for parse in parsers[:-1]:
        try:
            return parse(value)
        except ValueError:
            continue
    return parsers[-1](value)


def _parse_items(kind: Callable[[Any], Any], parse: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, (str, Mapping)):
        raise TypeError(f"{value!r} isn't a list")
    return kind(parse(item) for item in value)


def _parse_mapping(parse: Callable[[Any], Any], value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} isn't an object")
    return {parse_text(key): parse(item) for key, item in value.items()}


def _parse_moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else parse_instant(value)


def _parse_number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} isn't a whole number")
    return value


def _keep(value: Any) -> Any:
    return value


_PARSERS: Mapping[Any, Callable[[Any], Any]] = {
    str: parse_text,
    bool: parse_flag,
    int: _parse_number,
    datetime: _parse_moment,
    Any: _keep,
}
