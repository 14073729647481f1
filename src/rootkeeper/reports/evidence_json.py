"""The evidence report as one JSON document (docs/reference/report.schema.json)."""

from __future__ import annotations

from collections.abc import Iterator

from rootkeeper.controls.records import describe_assessed_report
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.untrusted_text import json_text


def render(report: EvidenceReport) -> Iterator[bytes]:
    yield f"{json_text(describe_assessed_report(report), indent=2)}\n".encode()
