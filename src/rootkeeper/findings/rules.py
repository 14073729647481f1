"""A finding: a rule, a verdict, and the account that it is about.

A finding exists for good verdicts too, so that a tool that collects findings sees a fixed failure. ``unknown``,
``kept`` and ``manual`` are words of their own: no format shows them as passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status
from rootkeeper.values import JsonValue, canonical_json


class Verdict(StrEnum):
    """What was found of an account, the organization or a control."""

    FAIL = "fail"
    KEPT = "kept"
    """Of an account: root user credentials of a confirmed failsafe, which are kept on purpose and guarded."""
    MANUAL = "manual"
    """A person must judge the facts, and no attestation is in force."""
    NOT_APPLICABLE = "not_applicable"
    PASS = "pass"  # noqa: S105 - a verdict's name
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad a failure is, from the least to the worst."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class FindingRule:
    """A rule that an account or the organization must fulfil."""

    rule_id: str
    """In kebab-case, such as ``root-user-credentials``; never changes."""
    title: str
    """The state that must be true, in a line without a full stop."""
    description: str
    severity: Severity
    """Of a failure."""
    remediation: str
    """How to fix a failure."""
    guide: str
    """The page about it, such as ``docs/guides/bulk-deletion.md``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a rule for an account, or for the organization."""

    rule: FindingRule
    verdict: Verdict
    account_id: AccountId
    """Of a finding about the organization: the management account's."""
    account_name: str
    ou_path: str
    """Such as ``Root/Workloads/Prod``."""
    subject: str | None
    """The finer thing within the account, such as a task or an e-mail address."""
    message: str
    """The result in one or two sentences. Can contain text from outside."""
    reason: str | None = None
    """Why an unknown is unknown, or why the rule isn't applicable: a short word, or a sentence."""
    observed_at: datetime | None = None
    """When it was read; ``None`` if it never was."""
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    """The facts that the verdict rests on: small, for programs."""

    @property
    def severity(self) -> Severity:
        """How bad it is, for tools that sort by it: an unknown is as bad as the failure that it could hide."""
        if self.verdict in {Verdict.NOT_APPLICABLE, Verdict.PASS}:
            return Severity.INFORMATIONAL
        return Severity.LOW if self.verdict is Verdict.KEPT else self.rule.severity


@dataclass(frozen=True, slots=True)
class FindingReport:
    """The findings of a reading."""

    source: str
    """``audit``, ``preflight``, ``failsafe check``, ``emails list`` or ``report``."""
    organization_id: str
    management_account_id: AccountId
    partition: str
    endpoint: str
    """The endpoint's label: ``AWS``, or a label that names a sandbox."""
    is_sandbox: bool
    observed_at: datetime
    """When the reading ended."""
    rules: tuple[FindingRule, ...]
    """Every rule that was checked, also a rule without findings."""
    findings: Iterable[Finding]
    """In a fixed order, account by account. Can be walked more than once."""


@dataclass(frozen=True, slots=True)
class LazyFindings:
    """Findings that are made while they are walked, so that a large organization needs no memory for them."""

    walk: Callable[[], Iterator[Finding]]

    def __iter__(self) -> Iterator[Finding]:
        return self.walk()


def make_finding(
    rule: FindingRule,
    verdict: Verdict,
    account: Account,
    message: str,
    *,
    subject: str | None = None,
    reason: str | None = None,
    observed_at: datetime | None = None,
    facts: Mapping[str, JsonValue] | None = None,
) -> Finding:
    """Make a finding about an account of the inventory."""
    return Finding(
        rule=rule,
        verdict=verdict,
        account_id=account.account_id,
        account_name=account.name,
        ou_path=account.ou_path,
        subject=subject,
        message=message,
        reason=reason,
        observed_at=observed_at,
        facts=facts or {},
    )


def find_finding_id(report: FindingReport, finding: Finding) -> str:
    """Find the id of a finding: equal in every later reading, also with another verdict."""
    place = (report.endpoint, report.organization_id, finding.rule.rule_id, finding.account_id, finding.subject)
    return hashlib.sha256(canonical_json(place).encode()).hexdigest()[:32]


def evaluate_status(status: AccountStatus) -> Verdict:
    """Evaluate whether a member account has no root user credentials.

    An open recovery window is a failure: the root user can have a password at any moment.
    """
    if status.status is Status.PRESENT and status.role is AccountRole.FAILSAFE and status.is_in_order:
        return Verdict.KEPT
    if status.status is Status.NOT_PRESENT and (status.summary is None or not status.summary.is_empty):
        return Verdict.UNKNOWN  # a row that says so without its four kinds proves nothing
    return {
        Status.NOT_APPLICABLE: Verdict.NOT_APPLICABLE,
        Status.NOT_PRESENT: Verdict.PASS,
        Status.PRESENT: Verdict.FAIL,
        Status.RECOVERY_OPEN: Verdict.FAIL,
        Status.UNKNOWN: Verdict.UNKNOWN,
    }[status.status]
