"""The guide's table of verdicts says what the formats write."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from rootkeeper.controls.assessment import assess_report
from rootkeeper.controls.control_map import choose_frameworks
from rootkeeper.findings.rules import Verdict
from rootkeeper.reports import asff, ocsf, oscal
from tests.fakes.evidence import make_report
from tests.fakes.findings import make_finding, make_findings

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "security-tools.md"


@cache
def read_guide() -> dict[str, tuple[str, ...]]:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", GUIDE.read_text(), re.MULTILINE)
    return {verdict: tuple(re.sub(r"`", "", cells).split(" | ")) for verdict, cells in rows}


def read_oscal(verdict: Verdict) -> str:
    report = assess_report(make_report(), choose_frameworks(["cis-7.0"]))
    report = replace(report, assessments=(replace(report.assessments[0], verdict=verdict),))
    (result,) = json.loads(b"".join(oscal.render(report)))["assessment-results"]["results"]
    if "findings" not in result:
        return "no finding"
    status = result["findings"][0]["target"]["status"]
    return f"{status['state']}, {status['reason']}"


@pytest.mark.parametrize("verdict", Verdict)
def test_the_guide_has_the_words_of_each_format(verdict: Verdict) -> None:
    report = make_findings(make_finding(verdict))
    event = json.loads(b"".join(ocsf.render(report)))["compliance"]
    (finding,) = json.loads(b"".join(asff.render(report)))
    assert read_guide()[verdict.value] == (
        f"{event['status_id']} {event['status']}",
        finding["Compliance"]["Status"],
        finding["RecordState"],
        read_oscal(verdict),
    )
