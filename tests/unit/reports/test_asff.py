"""Findings in the AWS Security Finding Format."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from rootkeeper.findings.rules import FindingReport, Severity, Verdict, find_finding_id
from rootkeeper.organization.accounts import AccountId
from rootkeeper.reports.asff import Asff, SecurityHub, render, shorten, to_finding
from tests.fakes.findings import READ, RULE, findings, make_finding, make_findings
from tests.unit.reports.security_hub_model import list_faults

HUB = SecurityHub(AccountId("999900001111"), "eu-central-1")


def describe(report: FindingReport) -> list[Asff]:
    return [to_finding(report, finding, HUB) for finding in report.findings]


def describe_one(verdict: Verdict, **changes: object) -> Asff:
    (described,) = describe(make_findings(make_finding(verdict, **changes)))
    return described


@given(findings)
def test_security_hub_accepts_any_finding(report: FindingReport) -> None:
    for finding in describe(report):
        assert list(list_faults(finding)) == []
        assert len(json.dumps(finding)) < 240_000
        (resource,) = finding["Resources"]
        assert max(len(value) for value in resource["Details"]["Other"].values()) < 1024


def test_facts_are_limited_in_number_and_length() -> None:
    described = describe_one(Verdict.FAIL, facts={f"fact {one} {'x' * 200}": "y" * 3000 for one in range(80)})
    assert list(list_faults(described)) == []
    other = described["Resources"][0]["Details"]["Other"]
    assert len(other) == 50
    assert other["AccountId"] == "222233334444"


@given(findings)
def test_p06_only_a_pass_is_passed(report: FindingReport) -> None:
    for finding, described in zip(report.findings, describe(report), strict=True):
        compliance = described["Compliance"]
        assert (compliance["Status"] == "PASSED") is (finding.verdict is Verdict.PASS)
        assert (compliance["Status"] == "FAILED") is (finding.verdict is Verdict.FAIL)
        assert ("StatusReasons" in compliance) is (compliance["Status"] not in {"PASSED", "FAILED"})


@pytest.mark.parametrize(
    ("verdict", "status", "severity", "state"),
    [
        (Verdict.FAIL, "FAILED", "HIGH", "ACTIVE"),
        (Verdict.KEPT, "WARNING", "LOW", "ACTIVE"),
        (Verdict.MANUAL, "WARNING", "HIGH", "ACTIVE"),
        (Verdict.NOT_APPLICABLE, "NOT_AVAILABLE", "INFORMATIONAL", "ARCHIVED"),
        (Verdict.PASS, "PASSED", "INFORMATIONAL", "ACTIVE"),
        (Verdict.UNKNOWN, "WARNING", "HIGH", "ACTIVE"),
    ],
)
def test_each_verdict_has_its_status_severity_and_state(
    verdict: Verdict, status: str, severity: str, state: str
) -> None:
    assert RULE.severity is Severity.HIGH
    described = describe_one(verdict)
    assert described["Compliance"]["Status"] == status
    assert described["FindingProviderFields"]["Severity"] == {"Label": severity, "Original": "high"}
    assert described["RecordState"] == state


def test_an_unknown_says_why() -> None:
    (reason,) = describe_one(Verdict.UNKNOWN, reason="access_denied")["Compliance"]["StatusReasons"]
    assert reason == {"ReasonCode": "UNKNOWN", "Description": "access_denied"}


def test_a_fixed_account_is_the_same_finding_updated() -> None:
    """Security Hub ignores an update that isn't newer than what it has."""
    before = make_findings(make_finding(Verdict.FAIL))
    after = replace(before, findings=[make_finding(Verdict.PASS)], observed_at=before.observed_at + timedelta(days=1))
    (failed,), (passed,) = describe(before), describe(after)
    assert failed["Id"] == passed["Id"]
    assert (failed["Compliance"]["Status"], passed["Compliance"]["Status"]) == ("FAILED", "PASSED")
    assert failed["UpdatedAt"] < passed["UpdatedAt"]


def test_a_verdict_that_changes_without_a_reading_is_an_update_too() -> None:
    before = make_findings(make_finding(Verdict.PASS))
    stale = replace(
        before, findings=[make_finding(Verdict.UNKNOWN)], observed_at=before.observed_at + timedelta(days=40)
    )
    (passed,), (unknown,) = describe(before), describe(stale)
    assert passed["CreatedAt"] == unknown["CreatedAt"] == passed["LastObservedAt"] == unknown["LastObservedAt"]
    assert passed["UpdatedAt"] < unknown["UpdatedAt"]


def test_what_people_write_in_security_hub_is_left_alone() -> None:
    """Severity and Types at the top are people's once they changed them; the provider has fields of its own."""
    described = describe_one(Verdict.FAIL)
    assert {"Note", "Severity", "Types", "UserDefinedFields", "VerificationState", "Workflow"}.isdisjoint(described)
    assert described["FindingProviderFields"]["Types"][0].startswith("Software and Configuration Checks/")


def test_a_finding_is_of_the_account_that_sends_and_about_the_account_that_was_read() -> None:
    described = describe_one(Verdict.FAIL, account_id=AccountId("000000000042"))
    assert described["AwsAccountId"] == "999900001111"
    assert described["ProductArn"] == "arn:aws:securityhub:eu-central-1:999900001111:product/999900001111/default"
    (resource,) = described["Resources"]
    assert (resource["Type"], resource["Id"]) == ("AwsAccount", "AWS::::Account:000000000042")
    assert resource["Details"]["Other"]["AccountId"] == "000000000042"


@pytest.mark.parametrize(
    ("partition", "arn"),
    [
        ("aws", "arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default"),
        ("aws-cn", "arn:aws-cn:securityhub:cn-north-1:111122223333:product/111122223333/default"),
        ("aws-us-gov", "arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:product/111122223333/default"),
    ],
)
def test_a_file_is_addressed_to_the_management_account_in_its_partition(partition: str, arn: str) -> None:
    report = replace(make_findings(make_finding(Verdict.PASS)), partition=partition)
    (described,) = json.loads(b"".join(render(report)))
    assert (described["AwsAccountId"], described["ProductArn"]) == ("111122223333", arn)


def test_a_sandbox_is_named_in_the_title_and_marked_as_a_sample() -> None:
    on_aws = replace(make_findings(make_finding(Verdict.PASS)), endpoint="AWS", is_sandbox=False)
    in_sandbox = replace(on_aws, endpoint="SANDBOX 127.0.0.1:4599", is_sandbox=True)
    (real,), (play,) = describe(on_aws), describe(in_sandbox)
    assert (play["Title"], play["Sample"]) == (f"SANDBOX: {real['Title']}", True)
    assert "Sample" not in real
    assert real["Id"] != play["Id"]


def test_the_file_is_a_list_in_the_order_of_the_findings() -> None:
    report = make_findings(*(make_finding(Verdict.PASS, account_id=AccountId(f"{one:012}")) for one in range(3)))
    text = b"".join(render(report))
    assert [one["Id"] for one in json.loads(text)] == [find_finding_id(report, one) for one in report.findings]
    assert len(text.splitlines()) == 5
    assert text == b"".join(render(report))


def test_no_findings_are_an_empty_list() -> None:
    assert json.loads(b"".join(render(make_findings()))) == []


def test_two_subjects_of_an_account_are_two_findings() -> None:
    report = make_findings(*(make_finding(Verdict.FAIL, subject=name) for name in ("queue-a", "queue-b")))
    first, second = describe(report)
    assert first["Id"] != second["Id"]
    assert first["Title"].endswith(", queue-a")


def test_observed_at_is_left_out_where_nothing_was_read() -> None:
    described = describe_one(Verdict.UNKNOWN, observed_at=None)
    assert "LastObservedAt" not in described
    assert described["CreatedAt"] == described["UpdatedAt"]
    assert describe_one(Verdict.PASS)["LastObservedAt"] == f"{READ:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(("text", "most", "shown"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("a😀b", 3, "a…")])
def test_a_shortened_text_says_so_and_ends_with_a_whole_character(text: str, most: int, shown: str) -> None:
    assert shorten(text, most) == shown
