"""Findings as JSON Lines: each line fits the schema that is published for it."""

from __future__ import annotations

import json

import jsonschema
from hypothesis import given

from rootkeeper.findings.rules import FindingReport, find_finding_id
from rootkeeper.reports.findings_data import render_json_lines
from tests.architecture.source_files import REPOSITORY
from tests.fakes.evidence import make_report, render_as
from tests.fakes.findings import findings

SCHEMA = json.loads((REPOSITORY / "docs" / "reference" / "finding.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


@given(findings)
def test_each_finding_is_one_line_that_fits_the_schema(report: FindingReport) -> None:
    lines = b"".join(render_json_lines(report)).decode().split("\n")
    assert lines.pop() == ""
    for finding, line in zip(report.findings, lines, strict=True):
        record = json.loads(line)
        VALIDATOR.validate(record)
        assert record["finding_id"] == find_finding_id(report, finding)
        assert (record["message"], record["facts"]) == (finding.message, dict(finding.facts))


def test_the_findings_of_a_report_fit_the_schema() -> None:
    for line in render_as("findings-jsonl", make_report()).splitlines():
        VALIDATOR.validate(json.loads(line))
