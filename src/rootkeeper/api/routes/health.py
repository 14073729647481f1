"""Whether the server is there and can work; what it offers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from rootkeeper.api.answers.server import ApiDocument, HealthAnswer, ReadinessAnswer
from rootkeeper.api.documents import describe_api
from rootkeeper.api.guarding import AccessRequirement, Served, comes_from_here
from rootkeeper.api.route_tables import Row


async def show_health() -> dict[str, Any]:
    """Say that the process answers; nothing else is looked at."""
    return {"status": "ok"}


def show_readiness(request: Request, services: Served) -> JSONResponse:
    """Say whether the server can do its work now, and what is amiss.

    Explanations may name accounts and roles: only this machine itself is told them, since nobody need be signed in.
    """
    readiness, may_see = services.readiness(), comes_from_here(request)
    content = {
        "status": "ready" if readiness.is_ready else "not_ready",
        "checks": [
            {"name": check.name, "is_good": check.is_good, "explanation": check.explanation if may_see else ""}
            for check in readiness.checks
        ],
    }
    return JSONResponse(content, HTTPStatus.OK if readiness.is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


def show_api(request: Request) -> JSONResponse:
    """Describe the API (OpenAPI)."""
    return JSONResponse(describe_api(request.app))


ROWS = (
    Row("GET", "/healthz", AccessRequirement.ANYBODY, show_health, answer=HealthAnswer),
    Row(
        "GET",
        "/readyz",
        AccessRequirement.ANYBODY,
        show_readiness,
        answer=ReadinessAnswer,
        further_statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Row("GET", "/api/openapi.json", AccessRequirement.ANYBODY, show_api, answer=ApiDocument),
)
