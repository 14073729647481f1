"""How routes are written down: one row each, which says who may call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse, Response

from rootkeeper.api.guarding import Demand

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Row:
    """One route."""

    method: str
    path: str
    demand: Demand
    """Who may call it."""
    endpoint: Callable[..., Any]
    status: HTTPStatus = HTTPStatus.OK
    needs_fresh_factor: bool = False
    """Whether a browser's sign-in needs a second factor that was given just now."""
    response_class: type[Response] = JSONResponse
    """What it answers with; says the media type in the OpenAPI document."""
    media_types: tuple[str, ...] = ()
    """Where it isn't one alone."""
    answer: Any = None
    """The type of the JSON that it answers; ``None`` where it answers none, or a file's."""
    further_statuses: tuple[HTTPStatus, ...] = ()
    """With which it may answer JSON of that type, too."""

    @property
    def operation_id(self) -> str:
        """Its name in the OpenAPI document."""
        return f"{self.method.lower()}_{self.endpoint.__name__}"

    @property
    def tag(self) -> str:
        """What it is about: the first part of its path."""
        return self.path.removeprefix(PREFIX).strip("/").partition("/")[0] or "server"


def read(path: str, demand: Demand, endpoint: Callable[..., Any], answer: Any) -> Row:
    """A route that changes nothing."""
    return Row("GET", PREFIX + path, demand, endpoint, answer=answer)


def change(
    path: str,
    demand: Demand,
    endpoint: Callable[..., Any],
    answer: Any,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    needs_fresh_factor: bool = False,
    method: str = "POST",
) -> Row:
    """A route that changes something, or has something done."""
    return Row(method, PREFIX + path, demand, endpoint, status, needs_fresh_factor, answer=answer)


remove = partial(change, method="DELETE")
"""A route that takes something away."""
