"""The evidence report as one JSON document (docs/reference/report.schema.json)."""

from __future__ import annotations

from collections.abc import Iterator

from rootkeeper.evidence.records import describe_report
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.untrusted_text import json_text


def render(report: EvidenceReport) -> Iterator[bytes]:
    yield f"{json_text(describe_report(report), indent=2)}\n".encode()
