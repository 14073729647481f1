"""Renders findings as JUnit XML, for pipelines: each finding is a test case of its rule.

Only a pass is a case that passed. An unknown is an error with its reason; a kept, manual or not applicable finding is
skipped, with the reason. GitLab identifies a case by class and name, shows an element's text but not its message, and
drops a second case of the same name. So the name begins with the account's id, and the text repeats the message.

Source: the schema ``junit-10.xsd`` of Jenkins' xUnit plugin; GitLab Docs, "Unit test reports".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from rootkeeper.findings.rules import Finding, FindingReport, Verdict
from rootkeeper.untrusted_text import xml_text
from rootkeeper.values import json_time

ELEMENTS: Mapping[Verdict, str | None] = {
    Verdict.PASS: None,
    Verdict.FAIL: "failure",
    Verdict.UNKNOWN: "error",
    Verdict.MANUAL: "skipped",
    Verdict.KEPT: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}
"""The element that says why a case didn't pass. A verdict without an entry is an error, and never shown as a pass."""


def render(report: FindingReport) -> Iterator[bytes]:
    """Walk the findings twice: a suite begins with its counts."""
    counts = Counter(ELEMENTS[finding.verdict] for finding in report.findings)
    name = xml_text(f"rootkeeper {report.source}")
    totals = f'name="{name}" tests="{counts.total()}" failures="{counts["failure"]}" errors="{counts["error"]}"'
    at = json_time(report.observed_at)
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {totals}>\n'.encode()
    yield f'<testsuite {totals} skipped="{counts["skipped"]}" timestamp="{at}">\n<properties>\n'.encode()
    properties = {
        "organization_id": report.organization_id,
        "management_account_id": report.management_account_id,
        "endpoint": report.endpoint,
        "sandbox": str(report.is_sandbox).lower(),
    }
    for key, value in properties.items():
        yield f'<property name="{key}" value="{xml_text(value)}"/>\n'.encode()
    yield b"</properties>\n"
    for finding in report.findings:
        yield _render_case(finding).encode()
    yield b"</testsuite>\n</testsuites>\n"


def _render_case(finding: Finding) -> str:
    rule = finding.rule
    name = f"{finding.account_id} {finding.account_name}"
    if finding.subject is not None:
        name = f"{name}: {finding.subject}"
    case = f'<testcase classname="{xml_text(rule.rule_id)}" name="{xml_text(name)}"'
    element = ELEMENTS[finding.verdict]
    if element is None:
        return f"{case}/>\n"
    verdict = finding.verdict.value.replace("_", " ").capitalize()
    reason = "" if finding.reason is None else f" Reason: {finding.reason}"
    message = f"{verdict}. {finding.message}{reason}"
    lines = [message, f"Rule: {rule.title}. Severity: {rule.severity.value}."]
    if finding.ou_path:
        lines.append(f"Place: {finding.ou_path}")
    lines.append(f"Read at: {json_time(finding.observed_at) or 'never'}")
    if finding.verdict is Verdict.FAIL:
        lines.append(f"What to do: {rule.remediation} Guide: {rule.guide}")
    text = "\n".join(map(xml_text, lines))
    opening = f'<{element} type="{finding.verdict.value}" message="{xml_text(message)}">'
    return f"{case}>{opening}{text}</{element}></testcase>\n"
