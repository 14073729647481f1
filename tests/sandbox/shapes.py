"""Hypothesis strategies that make values of botocore's shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.examples import examples

Named = tuple[str, str]
"""A service and one of its operations."""
FEW = settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
"""How many examples of each served operation are tried."""
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12)
_MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def choose_representatives(shapes: Mapping[Named, Shape]) -> list[Named]:
    """Choose the operations whose shapes together have every feature that a codec distinguishes.

    A codec compiles each type, binding and nesting in one place, so that operations with the same features run the same
    code. ``test_oracle.py`` still tries every operation.
    """
    seen: set[tuple[object, ...]] = set()
    chosen = []
    for name, shape in sorted(shapes.items(), key=lambda pair: -len(_features_of(pair[1]))):
        features = {(name[0], *feature) for feature in _features_of(shape)}
        if not features <= seen:
            seen |= features
            chosen.append(name)
    return chosen


def take_turns(operations: Sequence[Named]) -> list[Any]:
    """The operations as parameters, of which the quick suite tries every fourth."""
    return [
        pytest.param(*operation, marks=[] if place % 4 == 0 else pytest.mark.long)
        for place, operation in enumerate(operations)
    ]


def _features_of(shape: Shape, parent: str = "", depth: int = 3) -> set[tuple[object, ...]]:
    serialization = shape.serialization
    features: set[tuple[object, ...]] = {
        (
            parent,
            shape.type_name,
            "enum" in shape.metadata,
            "name" in serialization,
            serialization.get("flattened"),
            serialization.get("location"),
            serialization.get("timestampFormat"),
        )
    }
    inner: list[Shape] = []
    if isinstance(shape, StructureShape):
        inner = list(shape.members.values())
    elif isinstance(shape, ListShape):
        inner = [shape.member]
    elif isinstance(shape, MapShape):
        inner = [shape.key, shape.value]
    for one in inner if depth else ():
        features |= _features_of(one, shape.type_name, depth - 1)
    return features


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "character": TEXTS,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "timestamp": _MOMENTS.map(lambda moment: moment.replace(microsecond=0)),
    "blob": st.binary(max_size=12),
}


def values_of(shape: Shape, depth: int = 3) -> st.SearchStrategy[Any]:
    """Make values of a shape, nested no deeper than ``depth``; lists and maps aren't empty."""
    if isinstance(shape, StructureShape):
        return structures_of(shape, depth)
    if isinstance(shape, ListShape):
        return st.lists(values_of(shape.member, depth - 1), min_size=1, max_size=3)
    if isinstance(shape, MapShape):
        return st.dictionaries(_keys_of(shape.key), values_of(shape.value, depth - 1), min_size=1, max_size=3)
    enumeration = shape.metadata.get("enum")
    return st.sampled_from(list(enumeration)) if enumeration else SCALARS[shape.type_name]


def _keys_of(shape: Shape) -> st.SearchStrategy[str]:
    enumeration = shape.metadata.get("enum")
    return st.sampled_from(list(enumeration)) if enumeration else TEXTS.filter(bool)


def structures_of(shape: StructureShape, depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Make structures with any of their members, and at least one inside others."""
    members = {
        name: values_of(inner, depth - 1)
        for name, inner in shape.members.items()
        if depth > 0 or inner.type_name not in ("structure", "list", "map")
    }
    structures = st.fixed_dictionaries({}, optional=members)
    return structures if depth == 3 or not members else structures.filter(bool)


HEADER_TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=",\"'\\="), min_size=1)
"""What a header carries as it is; how else S3 encodes metadata is beyond its model."""
FOLLOWS_FROM_BODY = "ContentLength"
KEY_TEXTS = TEXTS.map(lambda text: text.strip("/.")).filter(bool)


def messages_of(shape: StructureShape) -> st.SearchStrategy[dict[str, Any]]:
    """Make inputs or outputs as HTTP carries them: labels and payloads are never left out, headers hold plain text."""
    payload = shape.serialization.get("payload")
    members: dict[str, st.SearchStrategy[Any]] = {}
    required: dict[str, st.SearchStrategy[Any]] = {}
    for name, inner in shape.members.items():
        location = inner.serialization.get("location")
        if name == FOLLOWS_FROM_BODY:
            continue
        if location == "uri":
            required[name] = KEY_TEXTS if name == "Key" else st.just("amzn-s3-demo-bucket")
        elif name == payload:
            required[name] = values_of(inner)
        elif location in ("header", "headers"):
            members[name] = _header_values_of(inner)
        else:
            members[name] = values_of(inner, 2)
    return st.fixed_dictionaries(required, optional=members)


def _header_values_of(shape: Shape) -> st.SearchStrategy[Any]:
    if isinstance(shape, MapShape):
        return st.dictionaries(HEADER_TEXTS.map(str.lower), HEADER_TEXTS, min_size=1, max_size=2)
    if isinstance(shape, ListShape):
        return st.lists(_header_values_of(shape.member), min_size=1, max_size=2)
    if shape.type_name == "string" and "enum" not in shape.metadata:
        return HEADER_TEXTS
    return values_of(shape)
