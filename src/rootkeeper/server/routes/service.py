"""Routes of the server itself: health, metrics, policy, schedules."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from rootkeeper.access.rules import Permission
from rootkeeper.server.answers.setup import (
    ApiDocument,
    HealthAnswer,
    PolicyAnswer,
    ReadinessAnswer,
    SchedulePage,
    ScheduleRecord,
)
from rootkeeper.server.documents import Row, describe_api, read
from rootkeeper.server.guards import AccessRequirement, Served, comes_from_here
from rootkeeper.server.metrics import ServerMetrics
from rootkeeper.server.parameters import show_one, show_page
from rootkeeper.shapes import fill_record
from rootkeeper.values import render_duration


async def show_health() -> dict[str, Any]:
    """Answer if the process runs, without any check."""
    return {"status": "ok"}


def show_readiness(request: Request, services: Served) -> JSONResponse:
    """Show whether the server can do its work now, and what is wrong.

    Explanations may name accounts and roles. This route needs no sign-in, so only requests from this machine get them.
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


HEALTH_ROWS = (
    Row("GET", "/healthz", AccessRequirement.ANYONE, show_health, answer=HealthAnswer),
    Row(
        "GET",
        "/readyz",
        AccessRequirement.ANYONE,
        show_readiness,
        answer=ReadinessAnswer,
        further_statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Row("GET", "/api/openapi.json", AccessRequirement.ANYONE, show_api, answer=ApiDocument),
)


def show_metrics(request: Request) -> Response:
    """Show the metrics in the format of Prometheus."""
    metrics: ServerMetrics = request.app.state.metrics
    content, media_type = metrics.render(request.headers.get("accept", ""))
    return Response(content, headers={"Content-Type": media_type})


METRICS_ROWS = (
    Row("GET", "/metrics", AccessRequirement.ON_THIS_MACHINE, show_metrics, response_class=PlainTextResponse),
)


def show_policy(services: Served) -> dict[str, Any]:
    """Show the settings of windows, deletion and retention, and the names of notification targets.

    The window policy is what holds now: an administrator can make it stricter. The rest is in the server's settings.
    """
    settings = services.settings
    windows = services.settings_in_force.windows
    return show_one(
        {
            "windows": {
                "longest_seconds": _count(windows.longest),
                "default_seconds": _count(windows.default_length),
                "approvals": windows.approvals,
                "approval_valid_seconds": _count(windows.approval_valid),
                "requesters": list(windows.requesters),
                "approvers": list(windows.approvers),
                "emergency": windows.emergency,
                "read_again_after": [render_duration(length) for length in windows.rereads],
            },
            "deletion": {
                "recently_used_days": settings.deletion.recently_used_days,
                "never_changed_policies": list(settings.unlock.protect),
            },
            "retention": {
                "audits_seconds": _count(settings.history.keep),
                "stale_after_seconds": _count(settings.history.stale_after),
            },
            "notification_targets": [text.split()[0] for text in settings.notifications.targets if text.split()],
        }
    )


def _count(length: timedelta) -> int:
    return int(length.total_seconds())


POLICY_ROWS = (read("/policy", Permission.SETTINGS_READ, show_policy, PolicyAnswer),)


def list_schedules(services: Served) -> dict[str, Any]:
    """List schedules with their last and next run. They are changed in the settings."""
    return show_page("schedules", [fill_record(ScheduleRecord, one) for one in services.list_schedules()], None)


SCHEDULES_ROWS = (read("/schedules", Permission.SCHEDULES_READ, list_schedules, SchedulePage),)
