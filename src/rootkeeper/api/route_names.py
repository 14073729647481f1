"""How log and metrics name what a request was for: few names, whatever is asked for."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

CONSOLE_ROUTE = "console"
"""Any file of the console."""
NO_ROUTE = "none"
"""Whatever there is none for."""
_STATE, _KEY = "state", "route_name"


def set_route_name(scope: MutableMapping[str, Any], name: str) -> None:
    """Say what it was for, where no route of the API answers."""
    scope.setdefault(_STATE, {})[_KEY] = name


def route_name_of(scope: MutableMapping[str, Any]) -> str:
    """The path of the route, with its parameters' names and not their values."""
    named: str | None = scope.get(_STATE, {}).get(_KEY)
    return named or getattr(scope.get("route"), "path", None) or NO_ROUTE
