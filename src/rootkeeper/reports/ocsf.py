"""Findings as events of the Open Cybersecurity Schema Framework: a Compliance Finding in each line.

``compliance.status_id`` has words for pass, fail and unknown. Other verdicts are ``Other`` with a word of their own,
as the schema asks. The event's ``status_id``, the state of people's work with the finding, is left to them.

Source: OCSF 1.5.0, class ``compliance_finding`` (2003) with the profile ``cloud``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rootkeeper import __version__
from rootkeeper.findings.rules import Finding, FindingReport, Severity, Verdict, find_finding_id
from rootkeeper.untrusted_text import json_text, printable, printable_json
from rootkeeper.values import JsonValue

Event = dict[str, Any]

SCHEMA_VERSION = "1.5.0"

_STATUSES: Mapping[Verdict, tuple[int, str]] = {
    Verdict.FAIL: (3, "Fail"),
    Verdict.KEPT: (99, "Kept"),
    Verdict.MANUAL: (99, "Manual"),
    Verdict.NOT_APPLICABLE: (99, "Not applicable"),
    Verdict.PASS: (1, "Pass"),
    Verdict.UNKNOWN: (0, "Unknown"),
}

_SEVERITIES: Mapping[Severity, int] = {severity: place for place, severity in enumerate(Severity, start=1)}


def render(report: FindingReport) -> Iterator[bytes]:
    for finding in report.findings:
        yield f"{json_text(describe_event(report, finding))}\n".encode()


def describe_event(report: FindingReport, finding: Finding) -> Event:
    rule, (status_id, status) = finding.rule, _STATUSES[finding.verdict]
    account = {"uid": finding.account_id, "name": printable(finding.account_name), "type_id": 10, "type": "AWS Account"}
    organization = {"uid": report.organization_id, "ou_name": printable(finding.ou_path)}
    compliance: Event = {"control": rule.rule_id, "desc": rule.title, "status_id": status_id, "status": status}
    event: Event = {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200301,
        "type_name": "Compliance Finding: Create",
        "time": _milliseconds(report.observed_at),
        "severity_id": _SEVERITIES[finding.severity],
        "severity": finding.severity.value.capitalize(),
        "message": printable(finding.message),
        "status_code": finding.verdict.value,
        "metadata": {
            "version": SCHEMA_VERSION,
            "product": {"name": "Rootkeeper", "vendor_name": "Rootkeeper", "version": __version__},
            "profiles": ["cloud"],
            "event_code": rule.rule_id,
            **({"labels": ["sandbox"]} if report.is_sandbox else {}),
        },
        "cloud": {"provider": "AWS", "account": account, "org": organization},
        "compliance": compliance,
        "finding_info": _describe_finding(report, finding),
        "remediation": {"desc": rule.remediation, "references": [rule.guide]},
        "resources": [_describe_account(report, finding)],
        "unmapped": {"endpoint": printable(report.endpoint), "source": report.source},
    }
    if finding.reason:
        compliance["status_detail"] = event["status_detail"] = printable(finding.reason)
    return event


def _describe_finding(report: FindingReport, finding: Finding) -> Event:
    rule = finding.rule
    title = f"SANDBOX: {rule.title}" if report.is_sandbox else rule.title
    described: Event = {
        "uid": find_finding_id(report, finding),
        "title": title,
        "desc": rule.description,
        "analytic": {"uid": rule.rule_id, "name": rule.title, "type_id": 1, "type": "Rule"},
    }
    if finding.observed_at is not None:
        described["last_seen_time"] = _milliseconds(finding.observed_at)
    return described


def _describe_account(report: FindingReport, finding: Finding) -> Event:
    facts: dict[str, JsonValue] = dict(finding.facts)
    if finding.subject is not None:
        facts["subject"] = finding.subject
    return {
        "uid": f"AWS::::Account:{finding.account_id}",
        "name": printable(finding.account_name),
        "type": "AwsAccount",
        "cloud_partition": report.partition,
        "data": printable_json(facts),
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
