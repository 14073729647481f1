"""Findings as events of the Open Cybersecurity Schema Framework."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from rootkeeper.findings.rules import FindingReport, Verdict, find_finding_id
from rootkeeper.organization.accounts import AccountId
from rootkeeper.reports.ocsf import render
from tests.examples import examples
from tests.fakes.findings import READ, findings, make_finding, make_findings
from tests.official_schemas import require_ocsf


def read(report: FindingReport) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(render(report)).split(b"\n")[:-1]]


def read_one(verdict: Verdict, **changes: object) -> dict[str, Any]:
    (event,) = read(make_findings(make_finding(verdict, **changes)))
    return event


@settings(max_examples=examples(40))
@given(findings)
def test_the_schema_accepts_any_finding(report: FindingReport) -> None:
    for event in read(report):
        require_ocsf(event)


@pytest.mark.parametrize(
    "damage",
    [
        lambda event: event.update(verdict="pass"),
        lambda event: event["compliance"].update(verdict="pass"),
        lambda event: event.pop("compliance"),
        lambda event: event["finding_info"].pop("uid"),
        lambda event: event["compliance"].update(status_id=7),
        lambda event: event.update(severity_id=7),
    ],
    ids=["unknown", "unknown, within", "missing", "missing, within", "no such value, within", "no such value"],
)
def test_the_schema_refuses_what_it_does_not_know(damage: Callable[[dict[str, Any]], object]) -> None:
    event = read_one(Verdict.PASS)
    require_ocsf(event)
    damage(event)
    with pytest.raises(AssertionError):
        require_ocsf(event)


@given(findings)
def test_p06_only_a_pass_is_a_pass(report: FindingReport) -> None:
    for finding, event in zip(report.findings, read(report), strict=True):
        compliance = event["compliance"]
        assert (compliance["status_id"] == 1) is (finding.verdict is Verdict.PASS)
        assert (compliance["status"] == "Pass") is (finding.verdict is Verdict.PASS)


@pytest.mark.parametrize(
    ("verdict", "status_id", "status", "severity_id"),
    [
        (Verdict.FAIL, 3, "Fail", 4),
        (Verdict.KEPT, 99, "Kept", 2),
        (Verdict.MANUAL, 99, "Manual", 4),
        (Verdict.NOT_APPLICABLE, 99, "Not applicable", 1),
        (Verdict.PASS, 1, "Pass", 1),
        (Verdict.UNKNOWN, 0, "Unknown", 4),
    ],
)
def test_each_verdict_has_its_status_and_severity(
    verdict: Verdict, status_id: int, status: str, severity_id: int
) -> None:
    event = read_one(verdict)
    assert (event["compliance"]["status_id"], event["compliance"]["status"]) == (status_id, status)
    assert (event["severity_id"], event["status_code"]) == (severity_id, verdict.value)


def test_an_unknown_says_why() -> None:
    event = read_one(Verdict.UNKNOWN, reason="access_denied")
    assert event["compliance"]["status_detail"] == event["status_detail"] == "access_denied"


def test_the_state_of_the_work_is_left_to_people() -> None:
    assert {"status", "status_id"}.isdisjoint(read_one(Verdict.FAIL))


def test_an_event_names_organization_account_rule_and_times() -> None:
    account_id = AccountId("000000000042")
    report = make_findings(
        make_finding(Verdict.FAIL, account_id=account_id, subject="queue-a", facts={"password": True})
    )
    (finding,), (event,) = list(report.findings), read(report)
    assert event["finding_info"]["uid"] == find_finding_id(report, finding)
    assert event["finding_info"]["last_seen_time"] == READ.timestamp() * 1000
    assert event["time"] == report.observed_at.timestamp() * 1000
    assert event["cloud"]["org"]["uid"] == report.organization_id
    assert event["cloud"]["account"]["uid"] == account_id
    assert event["compliance"]["control"] == event["metadata"]["event_code"] == finding.rule.rule_id
    (resource,) = event["resources"]
    assert resource["uid"] == "AWS::::Account:000000000042"
    assert resource["data"] == {"password": True, "subject": "queue-a"}


def test_a_sandbox_is_named() -> None:
    on_aws = replace(make_findings(make_finding(Verdict.PASS)), endpoint="AWS", is_sandbox=False)
    in_sandbox = replace(on_aws, endpoint="SANDBOX 127.0.0.1:4599", is_sandbox=True)
    (real,), (play,) = read(on_aws), read(in_sandbox)
    assert play["metadata"]["labels"] == ["sandbox"]
    assert "labels" not in real["metadata"]
    assert play["finding_info"]["title"] == f"SANDBOX: {real['finding_info']['title']}"
    assert play["unmapped"]["endpoint"] == "SANDBOX 127.0.0.1:4599"


def test_each_finding_is_one_line_and_the_same_findings_give_the_same_bytes() -> None:
    report = make_findings(*(make_finding(Verdict.PASS, account_id=AccountId(f"{one:012}")) for one in range(3)))
    parts = list(render(report))
    assert [part.count(b"\n") for part in parts] == [1, 1, 1]
    assert parts == list(render(report))
