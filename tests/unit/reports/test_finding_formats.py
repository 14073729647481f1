"""Every format of findings in the table: what holds in all of them.

A format that is added falls under these tests, and needs a reader here: how its own tools count what passed.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.findings.rules import FindingReport, LazyFindings, Verdict
from rootkeeper.reports.formats import FINDING_FORMATS, Format
from tests.fakes.findings import findings, make_finding, make_findings
from tests.fakes.hostile_texts import HOSTILE_TEXTS


def count_csv(text: str) -> int:
    return sum(row["verdict"] == "pass" for row in csv.DictReader(io.StringIO(text)))


def count_lines(text: str) -> int:
    return sum(json.loads(line)["verdict"] == "pass" for line in text.split("\n")[:-1])


def count_ocsf(text: str) -> int:
    return sum(json.loads(line)["compliance"]["status_id"] == 1 for line in text.split("\n")[:-1])


def count_asff(text: str) -> int:
    return sum(one["Compliance"]["Status"] == "PASSED" for one in json.loads(text))


def count_sarif(text: str) -> int:
    """Count the results, and what the run says of passes without one: each result would be an alert."""
    runs = json.loads(text)["runs"]
    shown: int = sum(result["kind"] == "pass" for run in runs for result in run["results"])
    passes: int = sum(run["properties"]["verdicts"]["pass"] for run in runs)
    return shown + passes


def count_junit(text: str) -> int:
    """Count what a pipeline takes for a success: a test case that didn't fail, and wasn't skipped."""
    cases = ElementTree.fromstring(text).iter("testcase")  # noqa: S314 - our own document
    return sum(not any(case.find(name) is not None for name in ("failure", "error", "skipped")) for case in cases)


PASSED: Mapping[str, Callable[[str], int]] = {
    "asff": count_asff,
    "findings-csv": count_csv,
    "findings-jsonl": count_lines,
    "junit": count_junit,
    "ocsf": count_ocsf,
    "sarif": count_sarif,
}
"""By the name of the format: the number of findings that it shows as passed."""

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, marks of the reading direction, and separators of lines."""
FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")

each_format = pytest.mark.parametrize("chosen", FINDING_FORMATS, ids=lambda one: one.name)
several = st.lists(findings, max_size=5).map(
    lambda reports: make_findings(*(finding for report in reports for finding in report.findings))
)


def render(chosen: Format, report: FindingReport) -> str:
    return b"".join(chosen.render(report)).decode()


@each_format
@given(report=several)
def test_p06_nothing_but_a_pass_is_shown_as_passed(chosen: Format, report: FindingReport) -> None:
    passed = sum(finding.verdict is Verdict.PASS for finding in report.findings)
    assert PASSED[chosen.name](render(chosen, report)) == passed


@each_format
@pytest.mark.parametrize("verdict", Verdict)
def test_p06_each_verdict_alone_is_shown_as_passed_only_if_it_is(chosen: Format, verdict: Verdict) -> None:
    text = render(chosen, make_findings(make_finding(verdict, reason="access_denied")))
    assert PASSED[chosen.name](text) == (verdict is Verdict.PASS)


@each_format
def test_an_unknown_says_why(chosen: Format) -> None:
    text = render(chosen, make_findings(make_finding(Verdict.UNKNOWN, reason="the-reason-of-this-one")))
    assert "the-reason-of-this-one" in text


@each_format
@given(report=several)
def test_the_same_report_gives_the_same_bytes(chosen: Format, report: FindingReport) -> None:
    kept = tuple(report.findings)
    walked = replace(report, findings=LazyFindings(lambda: iter(kept)))
    first, second = b"".join(chosen.render(report)), b"".join(chosen.render(report))
    assert first == second == b"".join(chosen.render(walked))


@each_format
@given(report=several)
def test_p26_nothing_in_a_text_steers_a_terminal_or_a_reader(chosen: Format, report: FindingReport) -> None:
    assert CONTROLS.findall(render(chosen, report)) == []


@each_format
@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_p26_a_hostile_text_is_neutralised_wherever_it_is(chosen: Format, text: str) -> None:
    finding = make_finding(
        Verdict.FAIL, account_name=text, ou_path=text, subject=text, message=text, reason=text, facts={text: [text]}
    )
    shown = render(chosen, make_findings(finding))
    assert CONTROLS.findall(shown) == []
    if chosen.media_type.startswith("text/csv"):
        cells = [cell for row in csv.reader(io.StringIO(shown)) for cell in row]
        assert [cell for cell in cells if cell.startswith(FORMULA_STARTS)] == []


@each_format
def test_a_report_without_findings_can_be_read(chosen: Format) -> None:
    assert PASSED[chosen.name](render(chosen, make_findings())) == 0


@each_format
def test_accounts_are_in_the_order_of_the_report(chosen: Format) -> None:
    ids = [f"{number:012}" for number in (222233334444, 111122223333, 333344445555)]
    report: Any = make_findings(*(make_finding(Verdict.FAIL, account_id=one) for one in ids))
    found = re.findall("|".join(ids), render(chosen, replace(report, management_account_id="999999999999")))
    assert list(dict.fromkeys(found)) == ids
