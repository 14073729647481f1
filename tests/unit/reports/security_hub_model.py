"""What Security Hub accepts as a finding, as botocore's service model and the limits in its documentation say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

_LIMITS = (re.compile(r"Maximum length of (\d+)"), re.compile(r"Maximum of (\d+) length"))
_MOST_ITEMS = re.compile(r"Maximum number of (\d+) items")
_PYTHON_TYPES = {"boolean": bool, "double": float, "integer": int}


@cache
def load_finding_shape() -> Shape:
    model = botocore.session.Session().get_service_model("securityhub")
    return model.shape_for("AwsSecurityFinding")


def list_faults(value: object, shape: Shape | None = None, path: str = "finding") -> Iterator[str]:
    """Everything in ``value`` that the model doesn't permit."""
    shape = shape or load_finding_shape()
    if isinstance(shape, StructureShape):
        yield from _list_structure_faults(value, shape, path)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{path} is no list"
            return
        for place, one in enumerate(value):
            yield from list_faults(one, shape.member, f"{path}[{place}]")
    elif isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            yield f"{path} is no map"
            return
        yield from (f"{path} has {len(value)} keys" for _ in range(1) if len(value) > 50)
        for name, one in value.items():
            yield from (f"{path} has a long key" for _ in range(1) if len(name) > 128)
            yield from list_faults(one, shape.value, f"{path}.{name}")
    elif isinstance(shape, StringShape):
        if not isinstance(value, str) or not value.strip():
            yield f"{path} is no text with a character: {value!r}"
        elif shape.enum and value not in shape.enum:
            yield f"{path} is {value!r}"
    elif not isinstance(value, _PYTHON_TYPES[shape.type_name]):
        yield f"{path} is {value!r}"


def _list_structure_faults(value: object, shape: StructureShape, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path} is no structure"
        return
    yield from (f"{path} lacks {name}" for name in shape.required_members if name not in value)
    for name, one in value.items():
        if name not in shape.members:
            yield f"{path} has {name}"
            continue
        member = shape.members[name]
        yield from list_faults(one, member, f"{path}.{name}")
        for limit in filter(None, (found.search(member.documentation) for found in _LIMITS)):
            if _count_units(one) > int(limit[1]):
                yield f"{path}.{name} is longer than {limit[1]}"
        most = _MOST_ITEMS.search(member.documentation)
        if most and isinstance(one, list) and len(one) > int(most[1]):
            yield f"{path}.{name} has more than {most[1]} items"


def _count_units(text: object) -> int:
    return len(str(text).encode("utf-16-le")) // 2
