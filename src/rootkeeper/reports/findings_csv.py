"""Findings as CSV: one in each row, with the organization and endpoint, so that a copied row keeps its context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rootkeeper.findings.records import describe_finding
from rootkeeper.findings.rules import FindingReport
from rootkeeper.reports.rows import render_rows

COLUMNS = (
    "finding_id",
    "source",
    "organization_id",
    "endpoint",
    "account_id",
    "account_name",
    "ou_path",
    "rule",
    "title",
    "severity",
    "verdict",
    "subject",
    "message",
    "reason",
    "observed_at",
    "remediation",
    "guide",
    "facts",
)


def render(report: FindingReport) -> Iterator[bytes]:
    records: Iterator[Mapping[str, Any]] = (describe_finding(report, finding) for finding in report.findings)
    return render_rows(COLUMNS, (tuple(record[name] for name in COLUMNS) for record in records))
