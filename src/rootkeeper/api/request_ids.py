"""The id of each request: in its answer's headers, in problem documents and in the log, so that they can be matched."""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from typing import Any

HEADER = "X-Request-Id"
_STATE, _KEY = "state", "request_id"


def assign_request_id(scope: MutableMapping[str, Any]) -> str:
    """Give a request its id. One that a client sends along isn't taken: it would be anybody's text in our log."""
    request_id = f"r-{secrets.token_hex(8)}"
    scope.setdefault(_STATE, {})[_KEY] = request_id
    return request_id


def id_of(scope: MutableMapping[str, Any]) -> str | None:
    """The request's id."""
    found: str | None = scope.get(_STATE, {}).get(_KEY)
    return found
