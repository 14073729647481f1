"""Findings in the AWS Security Finding Format, as Security Hub imports them (BatchImportFindings).

A finding keeps its ``Id`` over all readings, and a clean account gets a ``PASSED`` finding: so the finding of a
fixed account is updated, and no longer fails. ``Workflow``, notes and user-defined fields belong to the people who work
with the findings and are never written. Severity and types are written as the finding provider's, because people may
change the others.

Security Hub accepts a finding for its default product only from the account that is named in ``AwsAccountId``. That is
the account which sends; the account that the finding is about is the resource.

Source: Security Hub BatchImportFindings, API version 2018-10-26, and the user guide, "BatchImportFindings for finding
providers"; the limits of lengths come from AwsSecurityFinding in the API reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rootkeeper.findings.rules import Finding, FindingReport, Verdict, find_finding_id
from rootkeeper.organization.accounts import AccountId, get_iam_region
from rootkeeper.untrusted_text import json_text, printable
from rootkeeper.values import JsonValue, json_time

Asff = dict[str, Any]

_STATUSES: Mapping[Verdict, str] = {
    Verdict.FAIL: "FAILED",
    Verdict.KEPT: "WARNING",
    Verdict.MANUAL: "WARNING",
    Verdict.NOT_APPLICABLE: "NOT_AVAILABLE",
    Verdict.PASS: "PASSED",
    Verdict.UNKNOWN: "WARNING",
}
"""``WARNING`` is Security Hub's word for missing information; ``NOT_AVAILABLE`` is also its word for not applicable."""

_TYPES = ["Software and Configuration Checks/AWS Security Best Practices"]

MOST_TITLE, MOST_DESCRIPTION, MOST_RECOMMENDATION = 256, 1024, 512
MOST_DETAIL = 1023
"""Of a value in ``Details.Other``: fewer than 1,024 characters."""
MOST_DETAILS = 50
"""Keys in ``Details.Other``."""
_MOST_KEY = 127


@dataclass(frozen=True, slots=True)
class SecurityHub:
    """Where the findings go: Security Hub of an account in a Region."""

    account_id: AccountId
    """Of the account that sends them."""
    region: str
    partition: str = "aws"

    @property
    def product_arn(self) -> str:
        """The default product, which custom integrations use."""
        place = f"{self.region}:{self.account_id}:product/{self.account_id}/default"
        return f"arn:{self.partition}:securityhub:{place}"


def render(report: FindingReport) -> Iterator[bytes]:
    """A JSON array, as ``aws securityhub batch-import-findings`` reads it, 100 findings at most a call.

    It is addressed to the management account, in the Region of IAM's endpoint.
    """
    partition = report.partition
    hub = SecurityHub(report.management_account_id, get_iam_region(partition), partition)
    before = "[\n"
    for finding in report.findings:
        yield f"{before}{json_text(to_finding(report, finding, hub))}".encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def to_finding(report: FindingReport, finding: Finding, hub: SecurityHub) -> Asff:
    """Describe a finding for BatchImportFindings.

    ``UpdatedAt`` is the time of the whole reading, not of the account's: Security Hub ignores an update that isn't
    newer, and a verdict can change without a reading of the account.
    """
    rule, status = finding.rule, _STATUSES[finding.verdict]
    label, subject = finding.severity.value.upper(), _line(finding.subject)
    title = f"{rule.title}: {_line(finding.account_name) or 'account'} ({finding.account_id})"
    title += f", {subject}" if subject else ""
    compliance: Asff = {"Status": status}
    if finding.verdict not in {Verdict.FAIL, Verdict.PASS}:
        reason = _line(finding.reason) or _line(finding.message) or "The reason isn't known."
        compliance["StatusReasons"] = [
            {"ReasonCode": finding.verdict.value.upper(), "Description": shorten(reason, MOST_DESCRIPTION)}
        ]
    described: Asff = {
        "SchemaVersion": "2018-10-08",
        "Id": find_finding_id(report, finding),
        "ProductArn": hub.product_arn,
        "ProductName": "Rootkeeper",
        "CompanyName": "Rootkeeper",
        "GeneratorId": f"rootkeeper/{rule.rule_id}",
        "AwsAccountId": hub.account_id,
        "CreatedAt": json_time(finding.observed_at or report.observed_at),
        "UpdatedAt": json_time(report.observed_at),
        # A sandbox is named first, so that play is never taken for AWS.
        "Title": shorten(f"SANDBOX: {title}" if report.is_sandbox else title, MOST_TITLE),
        "Description": shorten(_line(finding.message) or rule.title, MOST_DESCRIPTION),
        "Remediation": {"Recommendation": {"Text": shorten(rule.remediation, MOST_RECOMMENDATION)}},
        "Resources": [_describe_account(report, finding, hub)],
        "Compliance": compliance,
        "RecordState": "ARCHIVED" if finding.verdict is Verdict.NOT_APPLICABLE else "ACTIVE",
        "FindingProviderFields": {"Severity": {"Label": label, "Original": rule.severity.value}, "Types": _TYPES},
        "ProductFields": {"rootkeeper/guide": rule.guide, "rootkeeper/source": report.source},
    }
    if finding.observed_at is not None:
        described["LastObservedAt"] = json_time(finding.observed_at)
    if report.is_sandbox:
        described["Sample"] = True
    return described


def _describe_account(report: FindingReport, finding: Finding, hub: SecurityHub) -> Asff:
    details: dict[str, JsonValue] = {
        "AccountId": finding.account_id,
        "AccountName": finding.account_name,
        "OrganizationId": report.organization_id,
        "OrganizationalUnit": finding.ou_path,
        "Endpoint": report.endpoint,
        "Verdict": finding.verdict.value,
        "Subject": finding.subject,
        **finding.facts,
    }
    texts = (
        (name, _line(value if isinstance(value, str) else json_text(value)))
        for name, value in details.items()
        if value is not None
    )
    other = [(shorten(printable(name), _MOST_KEY), shorten(text, MOST_DETAIL)) for name, text in texts if text]
    return {
        "Type": "AwsAccount",
        "Id": f"AWS::::Account:{finding.account_id}",
        "Partition": report.partition,
        "Region": hub.region,
        "Details": {"Other": dict(other[:MOST_DETAILS])},
    }


def _line(text: str | None) -> str:
    """In a single line, and empty where nothing would be seen: Security Hub refuses texts without any character."""
    return printable(text).strip() if text is not None else ""


def shorten(text: str, most: int) -> str:
    """``text`` in at most ``most`` UTF-16 code units, with an ellipsis where something is left out."""
    encoded = text.encode("utf-16-le")
    if len(encoded) <= 2 * most:
        return text
    return encoded[: 2 * (most - 1)].decode("utf-16-le", errors="ignore") + "\N{HORIZONTAL ELLIPSIS}"
