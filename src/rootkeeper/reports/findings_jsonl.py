"""Findings as JSON Lines: one in each line (docs/reference/finding.schema.json)."""

from __future__ import annotations

from collections.abc import Iterator

from rootkeeper.findings.records import describe_finding
from rootkeeper.findings.rules import FindingReport
from rootkeeper.untrusted_text import json_text


def render(report: FindingReport) -> Iterator[bytes]:
    for finding in report.findings:
        yield f"{json_text(describe_finding(report, finding))}\n".encode()
