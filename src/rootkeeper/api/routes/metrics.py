"""Numbers for Prometheus."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from rootkeeper.api.guarding import AccessRequirement
from rootkeeper.api.metrics import ServerMetrics
from rootkeeper.api.route_tables import Row


def show_metrics(request: Request) -> Response:
    """Tell what is measured, as Prometheus reads it."""
    metrics: ServerMetrics = request.app.state.metrics
    content, media_type = metrics.render(request.headers.get("accept", ""))
    return Response(content, headers={"Content-Type": media_type})


ROWS = (Row("GET", "/metrics", AccessRequirement.ON_THIS_MACHINE, show_metrics, response_class=PlainTextResponse),)
