"""Findings as SARIF: what code scanning shows, and what it must never close."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from rootkeeper.findings.rules import FindingReport, Severity, Verdict
from rootkeeper.reports.sarif import MOST_RESULTS, render
from tests.examples import examples
from tests.fakes.findings import RULE, findings, make_finding, make_findings
from tests.fakes.hostile_texts import HOSTILE_TEXTS
from tests.official_schemas import require_sarif

LOW = replace(RULE, rule_id="root-email-address", severity=Severity.LOW)
CRITICAL = replace(RULE, rule_id="ledger-intact", severity=Severity.CRITICAL)
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def read(report: FindingReport) -> dict[str, Any]:
    """The one run of the file, which is valid."""
    document = json.loads(b"".join(render(report)))
    require_sarif(document)
    (run,) = document["runs"]
    found: dict[str, Any] = run
    return found


def read_result(verdict: Verdict, **changes: object) -> dict[str, Any]:
    (result,) = read(make_findings(make_finding(verdict, **changes)))["results"]
    found: dict[str, Any] = result
    return found


def number(account: int) -> str:
    return f"{account:012d}"


def list_notifications(run: dict[str, Any]) -> list[tuple[str, str]]:
    (invocation,) = run["invocations"]
    return [(one["level"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]]


def list_texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *list_texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in list_texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    ("verdict", "kind", "level"),
    [
        (Verdict.FAIL, "fail", "error"),
        (Verdict.KEPT, "review", "none"),
        (Verdict.MANUAL, "review", "none"),
        (Verdict.UNKNOWN, "open", "none"),
    ],
)
def test_a_verdict_has_its_kind(verdict: Verdict, kind: str, level: str) -> None:
    result = read_result(verdict)
    assert (result["kind"], result["level"]) == (kind, level)
    assert result["properties"]["verdict"] == verdict.value


@given(findings)
@settings(max_examples=examples(25))
def test_any_finding_fits_the_schema(report: FindingReport) -> None:
    read(report)


@given(findings)
def test_p06_only_a_pass_or_what_does_not_apply_is_without_a_result(report: FindingReport) -> None:
    (finding,) = report.findings
    (run,) = json.loads(b"".join(render(report)))["runs"]
    results = run["results"]
    assert (results == []) is (finding.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE))
    assert [one["kind"] for one in results if finding.verdict is Verdict.UNKNOWN] in ([], ["open"])


def test_a_notification_counts_what_has_no_result() -> None:
    passed = [make_finding(Verdict.PASS, account_id=number(account)) for account in range(3)]
    run = read(make_findings(*passed, make_finding(Verdict.NOT_APPLICABLE)))
    assert run["results"] == []
    sentence = "Without a result: 3 passed, 1 not applicable. Code scanning would show an alert for each."
    assert list_notifications(run) == [("note", sentence)]
    assert run["properties"]["verdicts"] == dict.fromkeys(Verdict, 0) | {"pass": 3, "not_applicable": 1}


def test_a_sandbox_is_named() -> None:
    report = replace(make_findings(), is_sandbox=True, endpoint="SANDBOX 127.0.0.1:4599")
    sentence = "SANDBOX 127.0.0.1:4599: no evidence of an AWS organization."
    assert list_notifications(read(report))[0] == ("warning", sentence)


def test_what_github_requires_is_there() -> None:
    """GitHub Docs, "SARIF support for code scanning": the properties that are marked as required."""
    run = read(make_findings(make_finding(Verdict.FAIL), make_finding(Verdict.UNKNOWN, rule=LOW)))
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [RULE.rule_id, LOW.rule_id]
    for rule in driver["rules"]:
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert len(rule["properties"]["tags"]) <= 10
    assert len(run["results"]) == 2
    for result in run["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "accounts/222233334444"
        assert place["region"].keys() == {"startLine", "startColumn", "endLine", "endColumn"}
        assert result["partialFingerprints"]["primaryLocationLineHash"]
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


@pytest.mark.parametrize(
    ("severity", "level", "shown"),
    [
        (Severity.CRITICAL, "error", "critical"),
        (Severity.HIGH, "error", "high"),
        (Severity.MEDIUM, "warning", "medium"),
        (Severity.LOW, "note", "low"),
        (Severity.INFORMATIONAL, "note", None),
    ],
)
def test_a_severity_is_the_one_that_github_shows(severity: Severity, level: str, shown: str | None) -> None:
    rule = replace(RULE, rule_id="any", severity=severity)
    run = read(make_findings(make_finding(Verdict.FAIL, rule=rule)))
    assert run["results"][0]["level"] == level
    score = run["tool"]["driver"]["rules"][1]["properties"].get("security-severity")
    assert (None if score is None else name_score(float(score))) == shown


def name_score(score: float) -> str:
    """GitHub Docs, "SARIF support for code scanning", security-severity."""
    return "critical" if score > 9 else "high" if score >= 7 else "medium" if score >= 4 else "low"


def test_an_account_that_is_no_longer_readable_keeps_the_place_of_its_alert() -> None:
    """An alert closes if a later file lacks its rule, place and fingerprint."""

    def find_place(verdict: Verdict) -> tuple[object, ...]:
        result = read_result(verdict, message=f"It is {verdict}.")
        return result["ruleId"], result["locations"][0]["physicalLocation"], result["partialFingerprints"]

    assert find_place(Verdict.UNKNOWN) == find_place(Verdict.FAIL) == find_place(Verdict.MANUAL)


def test_fingerprints_differ_by_rule_account_and_subject() -> None:
    failing = (
        make_finding(Verdict.FAIL),
        make_finding(Verdict.FAIL, account_id="555566667777"),
        make_finding(Verdict.FAIL, rule=LOW),
        make_finding(Verdict.FAIL, subject="IAMAuditRootUserCredentials"),
    )
    results = read(make_findings(*failing))["results"]
    assert len({one["partialFingerprints"]["primaryLocationLineHash"] for one in results}) == 4


def test_an_unknown_says_why() -> None:
    result = read_result(Verdict.UNKNOWN, message="It wasn't read.", reason="blocked_by_policy", observed_at=None)
    assert result["message"]["text"] == "Shop Prod (222233334444): Unknown. It wasn't read. Reason: blocked_by_policy"
    assert result["properties"]["reason"] == "blocked_by_policy"
    assert result["properties"]["observed_at"] is None


def test_failures_come_first_and_the_worst_of_them_before_the_others() -> None:
    mixed = (
        make_finding(Verdict.KEPT, account_id=number(1)),
        make_finding(Verdict.UNKNOWN, account_id=number(2)),
        make_finding(Verdict.FAIL, account_id=number(3), rule=LOW),
        make_finding(Verdict.FAIL, account_id=number(4), rule=CRITICAL),
        make_finding(Verdict.MANUAL, account_id=number(5)),
        make_finding(Verdict.UNKNOWN, account_id=number(6), rule=CRITICAL),
    )
    results = read(make_findings(*mixed))["results"]
    assert [int(one["properties"]["account_id"]) for one in results] == [4, 3, 6, 2, 5, 1]


def test_more_than_github_keeps_is_left_out_and_counted() -> None:
    failing = [make_finding(Verdict.FAIL, account_id=number(account)) for account in range(MOST_RESULTS - 1)]
    unknown = [make_finding(Verdict.UNKNOWN, account_id=number(account)) for account in range(9000, 9003)]
    report = make_findings(*unknown, make_finding(Verdict.KEPT), *failing)
    (run,) = json.loads(b"".join(render(report)))["runs"]
    assert [one["kind"] for one in run["results"]] == ["fail"] * (MOST_RESULTS - 1) + ["open"]
    limit = "Code scanning keeps 5,000 results of a run. The format findings-jsonl has all."
    assert ("warning", f"Left out: 2 unknown, 1 kept. {limit}") in list_notifications(run)
    assert run["properties"]["verdicts"]["unknown"] == 3


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_steers_nothing(text: str) -> None:
    changes = {"account_name": text, "subject": text, "message": text, "reason": text, "facts": {text: [text]}}
    run = read(make_findings(make_finding(Verdict.FAIL, **changes)))
    assert [one for one in list_texts(run) if STEERING.search(one)] == []
    message = run["results"][0]["message"]["text"]
    assert not re.search(r"(?<!\\)\[[^\]]*(?<!\\)\]\(", message), "a link"
    assert not re.search(r"(?<!\{)\{[^{}]*\}(?!\})", message), "a placeholder"


def test_the_schema_refuses_what_is_no_sarif() -> None:
    document = json.loads(b"".join(render(make_findings(make_finding(Verdict.FAIL)))))
    document["runs"][0]["results"][0]["kind"] = "passed"
    with pytest.raises(AssertionError, match="passed"):
        require_sarif(document)
