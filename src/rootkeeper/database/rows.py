"""Rows of a table whose columns are the fields of a dataclass.

A table that has such rows lists its columns in ``schema.py`` and nowhere else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Row

from rootkeeper.shapes import list_field_names, parse_facts, to_plain_value
from rootkeeper.values import render_time

_FactsType = TypeVar("_FactsType")


def to_row(facts: Any) -> dict[str, Any]:
    """Turn a dataclass into the values of its columns; nested values become JSON, with exact times."""
    found = ((name, getattr(facts, name)) for name in list_field_names(facts))
    return {name: value if isinstance(value, datetime) else to_plain_value(value, render_time) for name, value in found}


def parse_row(kind: type[_FactsType], row: Row[Any]) -> _FactsType:
    """Make the dataclass from its row; columns that aren't fields are ignored."""
    return parse_facts(kind, row._asdict())
