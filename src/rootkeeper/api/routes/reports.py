"""Evidence of a period as a document to be kept: the same bytes as the command ``report`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from rootkeeper.api.guarding import Identified, Served
from rootkeeper.api.route_tables import PREFIX, Row
from rootkeeper.domain.access import Permission
from rootkeeper.domain.evidence.periods import DEFAULT_STALE_AFTER, Period, end_second
from rootkeeper.reports.evidence_formats import ReportFormat, find_renderer

_LONGEST_DAYS = 3650


_MEDIA_TYPES: Mapping[ReportFormat, str] = MappingProxyType(
    {
        ReportFormat.HTML: "text/html; charset=utf-8",
        ReportFormat.CSV: "text/csv; charset=utf-8",
        ReportFormat.JSON: "application/json",
        ReportFormat.MARKDOWN: "text/markdown; charset=utf-8",
    }
)
_SUFFIXES = {ReportFormat.MARKDOWN: "md"}
"""How a file's name ends, where that isn't the format's own name."""


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
    last = end_second(services.clock.now()) if end is None else end
    with services.act_as(identity.to_actor(), None) as acting:
        evidence = acting.evidence_compiler(services.organization_id).compile(
            Period(start, last, timedelta(days=stale_after_days))
        )
    suffix = _SUFFIXES.get(report_format, report_format.value)
    name = f"rootkeeper-{start:%Y%m%d}-{last:%Y%m%d}.{suffix}"
    # The name is made of digits alone, so that nothing from outside gets into a header.
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(find_renderer(report_format)(evidence), media_type=_MEDIA_TYPES[report_format], headers=headers)


ROWS = (
    Row(
        "GET",
        f"{PREFIX}/reports",
        Permission.REPORTS_READ,
        make_report,
        response_class=Response,
        media_types=tuple(_MEDIA_TYPES.values()),
    ),
)
