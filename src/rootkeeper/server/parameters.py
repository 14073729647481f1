"""Parameters and answers that several routes share: texts, pages, and progress that only logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from rootkeeper.errors import InputError
from rootkeeper.organization.progress import RemarkProgress
from rootkeeper.server.request_path import LOGGER_NAME
from rootkeeper.shapes import SCHEMA_VERSION, ShortText, require_printable
from rootkeeper.values import require_usable_time

LARGEST_PAGE = 500

T = TypeVar("T")


def _require_printable_or_none(text: str | None) -> str | None:
    return None if text is None else require_printable(text)


Text: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000), AfterValidator(require_printable)
]
"""A line or a few sentences."""

NamedAccountText: TypeAlias = Annotated[
    ShortText, Field(validation_alias=AliasChoices("account", "account_id"), description="An id or a unique name.")
]
"""The account of a body."""

Name: TypeAlias = Annotated[str, Path(min_length=1, max_length=256), AfterValidator(require_printable)]
"""A part of a path: an id or a name."""

Time: TypeAlias = Annotated[AwareDatetime, AfterValidator(require_usable_time)]
"""A time with its zone, RFC 3339."""

Filter: TypeAlias = Annotated[str | None, Query(max_length=512), AfterValidator(_require_printable_or_none)]
Filters: TypeAlias = Annotated[list[ShortText] | None, Query(max_length=100)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="The largest number of items in the page.")]

After: TypeAlias = Annotated[
    str | None,
    Query(max_length=256, description="``next`` of the previous page."),
    AfterValidator(_require_printable_or_none),
]


def show_example(*examples: dict[str, Any]) -> ConfigDict:
    """Return the model's configuration with examples for the OpenAPI document."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class Body(BaseModel):
    """A request's body; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")


def cut_page(
    found: Sequence[T], identify: Callable[[T], str], after: str | None, limit: int
) -> tuple[Sequence[T], str | None]:
    """Return the page after the item of that id, and the id after which the next page begins.

    :param found: all items; without ``after``, those from the page's first item to one behind its last are enough.
    :raises InputError: if there is no such item any more.
    """
    begin = 0
    if after is not None:
        begin = next((place for place, item in enumerate(found, start=1) if identify(item) == after), 0)
        if begin == 0:
            raise InputError(f"There is no page after {after!r}.", hint="Start again with the first page.")
    page = found[begin : begin + limit]
    has_more = begin + limit < len(found)
    return page, identify(page[-1]) if has_more else None


def show_page(name: str, records: Sequence[Any], following: str | None, **head: Any) -> dict[str, Any]:
    """Return a page of a list; ``next`` is ``null`` on the last page."""
    return {"schema_version": SCHEMA_VERSION, **head, name: list(records), "next": following}


def show_one(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, **record}


def log_remarks() -> RemarkProgress:
    """Make the progress of work within a request, which no one watches."""
    log = logging.getLogger(LOGGER_NAME)
    return RemarkProgress(lambda text: log.info("%s", text, extra={"event": "api:remark", "ids": {}}))
