"""What the answers are made of: records, pages of them, and the values that many of them have."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Moment: TypeAlias = Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time", "pattern": "Z$"})]
"""RFC 3339, in UTC."""
Count: TypeAlias = Annotated[int, Field(ge=0)]
AccountNumber: TypeAlias = Annotated[str, Field(pattern="^[0-9]{12}$")]
"""Leading zeros count."""
Sha256: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Record(BaseModel):
    """JSON with these fields and no others; each is always there."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, defer_build=True)


class Answer(Record):
    """One thing."""

    schema_version: Literal[1]
    """Raised when a field changes its meaning or goes."""


class Page(Answer):
    """A part of a list."""

    next: str | None
    """``after`` of the page after this one; ``null`` on the last one."""


class CountedPage(Page):
    """The same, of a list that is counted."""

    total: Count
    """Of all pages."""


def make_enum_schema(kind: type[StrEnum]) -> WithJsonSchema:
    """A text that is one of an enumeration's words, where others have the enumeration's name too."""
    return WithJsonSchema({"type": "string", "enum": [one.value for one in kind]})
