"""What several routes take.

What several routes take: pages, short texts, and who is meant by them.

Progress of what is answered within one request: nobody watches it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from rootkeeper.errors import InputError
from rootkeeper.server.request_path import LOGGER_NAME

LARGEST_PAGE = 500

SCHEMA_VERSION = 1
"""Of every answer; raised when a field changes its meaning or goes."""

T = TypeVar("T")


def _require_printable_or_none(text: str | None) -> str | None:
    return None if text is None else _require_printable(text)


def _require_printable(text: str) -> str:
    """No control characters: PostgreSQL takes no NUL, and a log or terminal takes the others for commands."""
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("control characters aren't taken")
    return text


Text: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000), AfterValidator(_require_printable)
]
"""One line or a few sentences."""

ShortText: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256), AfterValidator(_require_printable)
]

NamedAccountText: TypeAlias = Annotated[
    ShortText, Field(validation_alias=AliasChoices("account", "account_id"), description="An id or a unique name.")
]
"""A body's account."""

Name: TypeAlias = Annotated[str, Path(min_length=1, max_length=256), AfterValidator(_require_printable)]
"""A part of a path: an id or a name."""

Filter: TypeAlias = Annotated[str | None, Query(max_length=512), AfterValidator(_require_printable_or_none)]
Filters: TypeAlias = Annotated[list[ShortText] | None, Query(max_length=100)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="At most so many.")]

After: TypeAlias = Annotated[
    str | None,
    Query(max_length=256, description="``next`` of the page before this one."),
    AfterValidator(_require_printable_or_none),
]


def show_example(*examples: dict[str, Any]) -> ConfigDict:
    """How a body is read, with what the OpenAPI document shows of it."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class Body(BaseModel):
    """A request's body: an unknown field is a mistake and not ignored."""

    model_config = ConfigDict(extra="forbid")


def cut_page(
    found: Sequence[T], identify: Callable[[T], str], after: str | None, limit: int
) -> tuple[Sequence[T], str | None]:
    """The page that begins after the one of that id, and what the next one begins after.

    :raises InputError: if there is none of that id any more.
    """
    begin = 0
    if after is not None:
        begin = next((place for place, one in enumerate(found, start=1) if identify(one) == after), 0)
        if begin == 0:
            raise InputError(f"There is no page after {after!r}.", hint="Begin again with the first page.")
    page = found[begin : begin + limit]
    has_more = begin + limit < len(found)
    return page, identify(page[-1]) if has_more else None


def show_page(name: str, records: Sequence[Any], following: str | None, **head: Any) -> dict[str, Any]:
    """One page of a list: ``next`` is ``null`` on the last one."""
    return {"schema_version": SCHEMA_VERSION, **head, name: list(records), "next": following}


def show_one(record: dict[str, Any]) -> dict[str, Any]:
    """One thing."""
    return {"schema_version": SCHEMA_VERSION, **record}


class QuietProgress:
    """Logs remarks and nothing else; implements the port Progress."""

    def start(self, label: str, total: int | None) -> None:
        """Nothing."""

    def set_total(self, total: int) -> None:
        """Nothing."""

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        """Nothing."""

    def remark(self, text: str) -> None:
        logging.getLogger(LOGGER_NAME).info("%s", text, extra={"event": "api:remark", "ids": {}})

    def finish(self) -> None:
        """Nothing."""
