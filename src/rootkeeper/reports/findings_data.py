"""Findings as JSON Lines (docs/reference/finding.schema.json) and as CSV, and rows as CSV for every other table.

Apart from evidence as data, because a command that shows findings needn't import the compiler of evidence.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rootkeeper.findings.records import FindingRecord, describe_finding
from rootkeeper.findings.rules import FindingReport
from rootkeeper.untrusted_text import csv_cell, json_text

_ROWS_AT_A_TIME = 500


def render_json_lines(report: FindingReport) -> Iterator[bytes]:
    for finding in report.findings:
        yield f"{json_text(describe_finding(report, finding))}\n".encode()


def render_csv(report: FindingReport) -> Iterator[bytes]:
    """A finding in each row, with the organization and endpoint, so that a copied row keeps its context."""
    columns = [name for name in FindingRecord.__annotations__ if name != "schema_version"]
    records: Iterator[Mapping[str, Any]] = (describe_finding(report, finding) for finding in report.findings)
    return render_rows(columns, ([record[name] for name in columns] for record in records))


def render_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """UTF-8 text with line feeds; every cell that a spreadsheet could take for a formula is escaped."""
    remaining = iter(rows)
    part: list[Sequence[object]] = [columns]
    while part:
        target = io.StringIO()
        csv.writer(target, lineterminator="\n").writerows([csv_cell(value) for value in row] for row in part)
        yield target.getvalue().encode()
        part = list(islice(remaining, _ROWS_AT_A_TIME))
