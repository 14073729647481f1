"""Turns an evidence report into findings, for the formats that carry findings."""

from __future__ import annotations

from collections.abc import Iterator

from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.catalogue import (
    CENTRALIZED_ROOT_ACCESS,
    FAILSAFE_RULES,
    LEDGER_INTACT,
    MANAGEMENT_ROOT_USER,
    ROOT_USER_CREDENTIALS,
    SETUP_DRIFT,
)
from rootkeeper.findings.rules import Finding, FindingReport, LazyFindings, Verdict, make_finding
from rootkeeper.findings.sources import make_check_findings, make_drift_finding, make_status_finding
from rootkeeper.organization.accounts import Account, AccountState
from rootkeeper.organization.statuses import AccountRole

_NOT_JUDGED = frozenset({"failsafe", "policies"})
"""Checks that need AWS: a report has no finding of them, so that it doesn't replace the finding of a check."""


def list_findings(report: EvidenceReport) -> FindingReport:
    """List every account at the period's end, then the failsafes and the organization."""
    return FindingReport(
        source="report",
        organization_id=report.organization_id,
        management_account_id=report.management_account_id,
        partition=report.partition,
        endpoint=report.endpoint,
        is_sandbox=report.is_sandbox,
        observed_at=report.period.end,
        rules=(
            ROOT_USER_CREDENTIALS,
            MANAGEMENT_ROOT_USER,
            CENTRALIZED_ROOT_ACCESS,
            SETUP_DRIFT,
            LEDGER_INTACT,
            *(rule for name, rule in FAILSAFE_RULES.items() if name not in _NOT_JUDGED),
        ),
        findings=LazyFindings(lambda: _walk(report)),
    )


def _walk(report: EvidenceReport) -> Iterator[Finding]:
    for account in report.all_accounts:
        yield make_status_finding(account.found)
    for kept in report.kept_logins:
        if kept.evidence.role is AccountRole.FAILSAFE:
            checks = (check for check in kept.checks if check.name not in _NOT_JUDGED)
            yield from make_check_findings(checks, kept.evidence.account, kept.evidence.read_at)
    management = Account(report.management_account_id, "", "", AccountState.UNKNOWN, (), "")
    if report.management is not None:
        management = report.management.account
    centralized, state = report.centralized, report.setup.state
    read_at = None if state is None else state.read_at
    yield make_finding(
        CENTRALIZED_ROOT_ACCESS,
        centralized.verdict,
        management,
        " ".join(centralized.reasons),
        reason=" ".join(centralized.reasons) if centralized.verdict is Verdict.UNKNOWN else None,
        observed_at=read_at,
        facts={"attestations": len(centralized.attestations)},
    )
    yield make_drift_finding(report.setup.drift, management, read_at)
    ledger = report.ledger
    yield make_finding(
        LEDGER_INTACT,
        Verdict.PASS if ledger.is_intact else Verdict.FAIL,
        management,
        ledger.problem or f"Every entry up to {ledger.head_sequence} is as it was written.",
        observed_at=report.period.end,
        facts={"entries": ledger.entries, "head_sequence": ledger.head_sequence, "head_hash": ledger.head_hash},
    )
