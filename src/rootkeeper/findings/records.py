"""A finding as JSON, for the formats that are Rootkeeper's own."""

from __future__ import annotations

from typing import Any

from rootkeeper.findings.rules import Finding, FindingReport, Severity, Verdict, find_finding_id
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Endpoint,
    Moment,
    OrganizationId,
    fill_record,
    filled_from,
    record,
)


@filled_from(
    rule="rule.rule_id",
    title="rule.title",
    severity="rule.severity",
    remediation="rule.remediation",
    guide="rule.guide",
)
@record
class FindingRecord(Answer):
    """One judgement of one account, or of the organization."""

    finding_id: str
    """Equal in every later reading: of endpoint, organization, rule, account and subject."""
    source: str
    """The command that judged."""
    organization_id: OrganizationId
    endpoint: Endpoint
    account_id: AccountNumber
    """Of a finding about the organization: the management account's."""
    account_name: str
    ou_path: str
    rule: str
    """The id of the rule."""
    title: str
    """What must be true."""
    severity: Severity
    """Of a failure."""
    verdict: Verdict
    subject: str | None
    """The finer thing within the account, such as a task."""
    message: str
    reason: str | None
    """Why an unknown is unknown, or why the rule isn't applicable."""
    observed_at: Moment | None
    """``null`` if it was never read."""
    remediation: str
    """What to do about a failure."""
    guide: str
    """The page about it."""
    facts: dict[str, Any]
    """What the verdict rests on."""


def describe_finding(report: FindingReport, finding: Finding) -> FindingRecord:
    return fill_record(
        FindingRecord,
        finding,
        finding_id=find_finding_id(report, finding),
        source=report.source,
        organization_id=report.organization_id,
        endpoint=report.endpoint,
    )
