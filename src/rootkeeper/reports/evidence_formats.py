"""In which forms evidence is written, and what writes each."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rootkeeper.domain.evidence.reports import EvidenceReport


class ReportFormat(StrEnum):
    """How a report is written."""

    HTML = "html"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def find_renderer(chosen: ReportFormat) -> Callable[[EvidenceReport], str]:
    """Imported here: each command pays only for the format that it writes."""
    if chosen is ReportFormat.HTML:
        from rootkeeper.reports.evidence_html import render_html

        return render_html
    if chosen is ReportFormat.CSV:
        from rootkeeper.reports.evidence_csv import render_csv

        return render_csv
    if chosen is ReportFormat.JSON:
        from rootkeeper.reports.evidence_json import render_json

        return render_json
    from rootkeeper.reports.evidence_markdown import render_markdown

    return render_markdown
