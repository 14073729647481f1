"""How routes are written down: one row each, which says who may call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

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

    @property
    def tag(self) -> str:
        """What it is about: the first part of its path."""
        return self.path.removeprefix(PREFIX).strip("/").partition("/")[0] or "server"


def read(path: str, demand: Demand, endpoint: Callable[..., Any]) -> Row:
    """A route that changes nothing."""
    return Row("GET", PREFIX + path, demand, endpoint)


def change(path: str, demand: Demand, endpoint: Callable[..., Any], status: HTTPStatus = HTTPStatus.OK) -> Row:
    """A route that changes something, or has something done."""
    return Row("POST", PREFIX + path, demand, endpoint, status)
