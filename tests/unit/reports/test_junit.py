"""Findings as JUnit XML: what a pipeline counts as passed, failed, broken and skipped."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given

from rootkeeper.findings.rules import FindingReport, Verdict
from rootkeeper.reports.junit import render
from tests.fakes.findings import RULE, findings, make_finding, make_findings
from tests.fakes.hostile_texts import HOSTILE_TEXTS
from tests.official_schemas import require_junit

OTHER_RULE = replace(RULE, rule_id="root-email-address")
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")


def read(report: FindingReport) -> ET.Element:
    """The root element of the file, which is valid."""
    rendered = b"".join(render(report))
    require_junit(rendered)
    return ET.fromstring(rendered)  # noqa: S314 - our own document


def read_case(verdict: Verdict, **changes: object) -> ET.Element:
    (case,) = read(make_findings(make_finding(verdict, **changes))).iter("testcase")
    return case


@pytest.mark.parametrize(
    ("verdict", "elements"),
    [
        (Verdict.FAIL, ["failure"]),
        (Verdict.KEPT, ["skipped"]),
        (Verdict.MANUAL, ["skipped"]),
        (Verdict.NOT_APPLICABLE, ["skipped"]),
        (Verdict.PASS, []),
        (Verdict.UNKNOWN, ["error"]),
    ],
)
def test_a_verdict_has_its_element(verdict: Verdict, elements: list[str]) -> None:
    assert [child.tag for child in read_case(verdict)] == elements


@given(findings)
def test_p06_only_a_pass_passed_and_an_unknown_is_an_error(report: FindingReport) -> None:
    for finding, case in zip(report.findings, read(report).iter("testcase"), strict=True):
        assert (len(case) == 0) is (finding.verdict is Verdict.PASS)
        assert (case.find("error") is not None) is (finding.verdict is Verdict.UNKNOWN)


def test_the_counts_are_those_of_the_cases() -> None:
    whole = read(make_findings(*(make_finding(verdict) for verdict in Verdict)))
    (suite,) = whole
    counts = {"tests": "6", "failures": "1", "errors": "1"}
    assert counts.items() <= whole.attrib.items()
    assert (counts | {"skipped": "3", "timestamp": "2026-10-30T08:20:00Z"}).items() <= suite.attrib.items()
    assert {one.attrib["name"]: one.attrib["value"] for one in suite.iter("property")} == {
        "organization_id": "o-exampleorgid",
        "management_account_id": "111122223333",
        "endpoint": "AWS",
        "sandbox": "false",
    }


def test_a_failure_says_what_to_do() -> None:
    failure = read_case(Verdict.FAIL, message="The root user has a password.")[0]
    assert failure.attrib == {"type": "fail", "message": "Fail. The root user has a password."}
    assert (failure.text or "").splitlines() == [
        "Fail. The root user has a password.",
        "Rule: A member account has no root user credentials. Severity: high.",
        "Place: Root/Workloads",
        "Read at: 2026-10-30T08:15:00Z",
        "What to do: Delete them: rootkeeper delete ACCOUNT. Guide: docs/guides/bulk-deletion.md",
    ]


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.KEPT, Verdict.MANUAL, Verdict.NOT_APPLICABLE])
def test_what_is_neither_good_nor_bad_says_why(verdict: Verdict) -> None:
    found = read_case(verdict, message="See here.", reason="blocked_by_policy", observed_at=None)[0]
    word = verdict.value.replace("_", " ").capitalize()
    message = f"{word}. See here. Reason: blocked_by_policy"
    assert found.attrib == {"type": verdict.value, "message": message}
    assert (found.text or "").splitlines()[0] == message
    assert "Read at: never" in (found.text or "")
    assert "What to do" not in (found.text or ""), "It is about a failure."


def test_the_name_of_a_case_is_its_own_within_the_rule() -> None:
    """GitLab drops a second case of the same class and name."""
    failing = (
        make_finding(Verdict.FAIL),
        make_finding(Verdict.FAIL, account_id="555566667777"),
        make_finding(Verdict.FAIL, rule=OTHER_RULE),
        make_finding(Verdict.FAIL, subject="IAMAuditRootUserCredentials"),
    )
    cases = read(make_findings(*failing)).iter("testcase")
    assert [(case.attrib["classname"], case.attrib["name"]) for case in cases] == [
        ("root-user-credentials", "222233334444 Shop Prod"),
        ("root-user-credentials", "555566667777 Shop Prod"),
        ("root-email-address", "222233334444 Shop Prod"),
        ("root-user-credentials", "222233334444 Shop Prod: IAMAuditRootUserCredentials"),
    ]


@pytest.mark.parametrize("text", [*HOSTILE_TEXTS, "\ufffe\uffff", "\ud800"])
def test_a_hostile_text_stays_text(text: str) -> None:
    changes = {"account_name": text, "subject": text, "message": text, "reason": text, "ou_path": text}
    case = read_case(Verdict.UNKNOWN, **changes)
    assert [child.tag for child in case] == ["error"]
    texts = [*case.attrib.values(), *case[0].attrib.values(), *(case[0].text or "").split("\n")]
    assert [one for one in texts if STEERING.search(one)] == []


def test_the_schema_refuses_what_is_no_junit() -> None:
    rendered = b"".join(render(make_findings(make_finding(Verdict.UNKNOWN))))
    with pytest.raises(AssertionError):
        require_junit(rendered.replace(b"<error ", b"<unknown ").replace(b"</error>", b"</unknown>"))
