"""Evidence of a period as a document to be kept: the same bytes as the command ``report`` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from rootkeeper.api.guarding import Identified, Served
from rootkeeper.api.route_tables import PREFIX, Row
from rootkeeper.domain.access import Permission
from rootkeeper.domain.evidence.periods import DEFAULT_STALE_AFTER, Period
from rootkeeper.domain.evidence.reports import EvidenceReport
from rootkeeper.reports.evidence_csv import render_csv
from rootkeeper.reports.evidence_html import render_html
from rootkeeper.reports.evidence_json import render_json
from rootkeeper.reports.evidence_markdown import render_markdown

_LONGEST_DAYS = 3650


class ReportFormat(StrEnum):
    """How a report is written."""

    CSV = "csv"
    HTML = "html"
    JSON = "json"
    MARKDOWN = "markdown"


_RENDERERS: Mapping[ReportFormat, tuple[Callable[[EvidenceReport], str], str, str]] = MappingProxyType(
    {
        ReportFormat.CSV: (render_csv, "text/csv; charset=utf-8", "csv"),
        ReportFormat.HTML: (render_html, "text/html; charset=utf-8", "html"),
        ReportFormat.JSON: (render_json, "application/json", "json"),
        ReportFormat.MARKDOWN: (render_markdown, "text/markdown; charset=utf-8", "md"),
    }
)
"""What writes it, its media type, and how a file's name ends."""


def make_report(
    services: Served,
    identity: Identified,
    start: Annotated[
        AwareDatetime, Query(alias="from", description="The period's beginning.", examples=["2026-01-01T00:00:00Z"])
    ],
    end: Annotated[AwareDatetime | None, Query(alias="to", description="The period's end. Default: now.")] = None,
    report_format: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.HTML,
    stale_after_days: Annotated[
        int, Query(ge=1, le=_LONGEST_DAYS, description="A reading older than this at the period's end is unknown.")
    ] = DEFAULT_STALE_AFTER.days,
) -> Response:
    """Write the evidence of a period as a file: root user credentials, windows, deletions, the set-up, the ledger.

    AWS is asked nothing; what wasn't read in the period is unknown. The whole ledger is verified for it.
    """
    last = _end_second(services.clock.now()) if end is None else end
    with services.act_as(identity.to_actor(), None) as acting:
        evidence = acting.reporting(services.organization_id).compile(
            Period(start, last, timedelta(days=stale_after_days))
        )
    render, media_type, suffix = _RENDERERS[report_format]
    name = f"rootkeeper-{start:%Y%m%d}-{last:%Y%m%d}.{suffix}"
    # The name is made of digits alone, so that nothing from outside gets into a header.
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(render(evidence), media_type=media_type, headers=headers)


def _end_second(now: datetime) -> datetime:
    """The end of this second: what was read just now belongs to a period that ends now."""
    return now.replace(microsecond=0) + timedelta(seconds=1)


_MEDIA_TYPES = tuple(media_type for _, media_type, _ in _RENDERERS.values())

ROWS = (
    Row(
        "GET",
        f"{PREFIX}/reports",
        Permission.REPORTS_READ,
        make_report,
        response_class=Response,
        media_types=_MEDIA_TYPES,
    ),
)
