"""The OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457.",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "That of Rootkeeper's own errors; never changes."},
        "hint": {"type": "string", "description": "What to do next."},
        "request_id": {"type": "string", "description": "The log names it too."},
    },
    "required": ["type", "title", "status"],
}
OPEN_PROBLEMS: dict[int | str, dict[str, Any]] = {422: {"description": "Not understood.", **_PROBLEM}}
"""What a route answers that anybody may call."""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Nobody is signed in.", **_PROBLEM},
    403: {"description": "The role doesn't permit it.", **_PROBLEM},
    404: {"description": "There is none.", **_PROBLEM},
    409: {"description": "Something stands in the way.", **_PROBLEM},
    502: {"description": "AWS refused or can't be reached.", **_PROBLEM},
    503: {"description": "The server can't do it now.", **_PROBLEM},
    **OPEN_PROBLEMS,
}
"""What any other one answers. Source: RFC 9457."""


def describe_api(application: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if application.openapi_schema is None:
        document = get_openapi(title=application.title, version=application.version, routes=application.routes)
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        application.openapi_schema = document
    return application.openapi_schema
