"""Finds the operation that a REST request means, by the URI templates of a service's model.

Among the operations whose method and path fit, the one that asks for most beyond them wins: a query parameter that
its template fixes (``?policy``), or query parameters and headers that it requires (``partNumber``,
``x-amz-copy-source``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from botocore.model import OperationModel, ServiceModel, Shape

MAX_QUERY_PARAMETERS = 200

Query = Mapping[str, list[str]]


def parse_query(query_string: str) -> dict[str, list[str]]:
    """Parse a query string; a name without a value has the empty one. What is beyond the bound is dropped."""
    query: dict[str, list[str]] = {}
    for pair in query_string.split("&", MAX_QUERY_PARAMETERS)[:MAX_QUERY_PARAMETERS]:
        name, _, value = pair.partition("=")
        if name:
            query.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return query


@dataclass(frozen=True, slots=True)
class Route:
    """How one operation is called."""

    operation: str
    method: str
    segments: tuple[str, ...]
    """Of the path; labels in braces, a greedy one with ``+``."""
    fixed_query: Mapping[str, str]
    required_query: frozenset[str]
    required_headers: frozenset[str]

    @property
    def weight(self) -> int:
        return len(self.fixed_query) + len(self.required_query) + len(self.required_headers)

    def fits(self, method: str, segments: list[str], query: Query, headers: Mapping[str, str]) -> bool:
        return (
            method == self.method
            and self.match_path(segments) is not None
            and all(
                name in query and (not value or query[name][0] == value) for name, value in self.fixed_query.items()
            )
            and all(name in query for name in self.required_query)
            and all(name in headers for name in self.required_headers)
        )

    def _fits_query(self, query: Query) -> bool:
        """``?policy`` fits with any value, ``?list-type=2`` with that one."""
        return all(name in query and value in ("", query[name][0]) for name, value in self.fixed_query.items())

    def match_path(self, segments: list[str]) -> dict[str, str] | None:
        """Give the values of the labels, still encoded; ``None`` when the path doesn't fit."""
        labels: dict[str, str] = {}
        for position, expected in enumerate(self.segments):
            if expected.endswith("+}"):
                rest = "/".join(segments[position:])
                return labels | {expected[1:-2]: rest} if rest else None
            if position >= len(segments):
                return None
            if expected.startswith("{"):
                labels[expected[1:-1]] = segments[position]
            elif expected != segments[position]:
                return None
        return labels if len(segments) == len(self.segments) else None


class RouteTable:
    """The routes of all operations of a service."""

    def __init__(self, model: ServiceModel) -> None:
        routes = [_make_route(model.operation_model(name)) for name in model.operation_names]
        self._routes = sorted(routes, key=lambda route: -route.weight)
        self._by_operation = {route.operation: route for route in routes}

    def find(self, method: str, path: str, query: Query, headers: Mapping[str, str]) -> Route | None:
        segments = split_path(path)
        return next((route for route in self._routes if route.fits(method, segments, query, headers)), None)

    def get(self, operation: str) -> Route:
        return self._by_operation[operation]


def split_path(path: str) -> list[str]:
    """Split a path at its slashes; the root is one empty segment."""
    return path.removeprefix("/").split("/")


def _make_route(operation: OperationModel) -> Route:
    path, _, query_string = operation.http["requestUri"].partition("?")
    query = {name: values[0] for name, values in parse_query(query_string).items()}
    return Route(
        operation=operation.name,
        method=operation.http["method"],
        segments=tuple(split_path(path)),
        fixed_query=query,
        required_query=frozenset(_required_names(operation, "querystring")) - query.keys(),
        required_headers=frozenset(name.lower() for name in _required_names(operation, "header")),
    )


def _required_names(operation: OperationModel, location: str) -> Iterable[str]:
    shape = operation.input_shape
    if shape is None:
        return
    for member in shape.required_members:
        inner: Shape = shape.members[member]
        if inner.serialization.get("location") == location:
            yield str(inner.serialization.get("name", member))
