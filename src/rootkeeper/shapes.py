"""The JSON shape of records: how the classes in each subject's ``records.py`` are written, and what many of them share.

A record is a ``TypedDict``. mypy checks the function that makes it, and pydantic reads the same class for the OpenAPI
document and the published JSON Schemas. This module must not import pydantic: every command imports the records, and
pydantic takes as long to import as a short command takes to run.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from typing_extensions import TypedDict

_RecordType = TypeVar("_RecordType")


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
    shape.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
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
