"""Judges controls by an evidence report, each check once, and records people's attestations of controls.

The same report and the same map give the same verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from rootkeeper.acting import Acting
from rootkeeper.controls import account_checks, organization_checks
from rootkeeper.controls.rules import (
    AccountResult,
    CheckName,
    CheckResult,
    Control,
    ControlAssessment,
    ControlAttestation,
    Framework,
    Showing,
    WithoutPassword,
    apply_without_password,
    assess_control,
    describe_attestation,
    draft_attestation,
    find_attestations,
)
from rootkeeper.evidence.periods import describe_gap, describe_unread, find_long_gaps
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.statuses import FailOn, RootLoginsLeft

JUDGED_OVER_PERIOD = frozenset(
    {
        CheckName.INVENTORY,
        CheckName.NO_ROOT_CERTIFICATE,
        CheckName.NO_ROOT_CREDS,
        CheckName.NO_ROOT_KEY,
        CheckName.ROOT_HW_MFA,
        CheckName.ROOT_MFA,
    }
)
"""Checks of what readings show: what was between two readings, they don't show."""

CHECKS: Mapping[CheckName, Callable[[EvidenceReport], CheckResult]] = {
    CheckName.AUDIT_INTEGRITY: organization_checks.check_audit_integrity,
    CheckName.BREAKGLASS: organization_checks.check_breakglass,
    CheckName.CENTRALIZED: organization_checks.check_centralized,
    CheckName.DELEGATED: organization_checks.check_delegated,
    CheckName.DRILL: organization_checks.check_drill,
    CheckName.INVENTORY: organization_checks.check_inventory,
    CheckName.NO_ROOT_CERTIFICATE: account_checks.check_no_root_certificate,
    CheckName.NO_ROOT_CREDS: organization_checks.check_no_root_credentials,
    CheckName.NO_ROOT_KEY: account_checks.check_no_root_key,
    CheckName.PRIV_LOGGED: organization_checks.check_privileged_calls_logged,
    CheckName.ROOT_ALERT: organization_checks.check_root_alert,
    CheckName.ROOT_HW_MFA: account_checks.check_root_hardware_mfa,
    CheckName.ROOT_MFA: account_checks.check_root_mfa,
    CheckName.ROOT_UNUSED: account_checks.check_root_unused,
    CheckName.SCP_GUARD: organization_checks.check_scp_guard,
    CheckName.TIME_LIMIT: organization_checks.check_time_limit,
}


@dataclass(frozen=True, slots=True)
class AssessedReport(EvidenceReport):
    """An evidence report with the verdicts on the controls of some frameworks."""

    frameworks: tuple[Framework, ...] = ()
    assessments: tuple[ControlAssessment, ...] = ()
    """Framework by framework, in the order of the map."""

    def has_findings(self, fail_on: frozenset[FailOn]) -> bool:
        """Whether the answer is bad, also because of a control."""
        verdicts = {assessment.verdict for assessment in self.assessments}
        is_bad = FailOn.PRESENT in fail_on and Verdict.FAIL in verdicts
        is_unknown = FailOn.UNKNOWN in fail_on and verdicts & {Verdict.MANUAL, Verdict.UNKNOWN}
        return bool(is_bad or is_unknown) or EvidenceReport.has_findings(self, fail_on)


def evaluate(report: EvidenceReport, controls: Iterable[Control]) -> tuple[ControlAssessment, ...]:
    """Judge controls over the report's period."""
    attestations = find_attestations(report.history.control_attestations, report.period.end)
    results: dict[CheckName, CheckResult] = {}
    covered: dict[tuple[CheckName, timedelta], CheckResult] = {}
    # By identity: two results of a check differ if controls allow different gaps, and comparing all accounts is slow.
    applied: dict[tuple[int, WithoutPassword], CheckResult] = {}

    def apply(result: CheckResult, rule: WithoutPassword) -> CheckResult:
        if (id(result), rule) not in applied:
            applied[id(result), rule] = apply_without_password(result, rule)
        return applied[id(result), rule]

    found = []
    for control in controls:
        shown = []
        for mapping in control.checks:
            check, longest_gap = mapping.check, mapping.longest_gap or report.period.stale_after
            if check not in results:
                results[check] = CHECKS[check](report)
            if (check, longest_gap) not in covered:
                covered[check, longest_gap] = apply_coverage(results[check], report, longest_gap)
            shown.append(covered[check, longest_gap])
        # An altered ledger proves no statement of a person.
        attestation = attestations.get(control.key) if report.ledger.is_intact else None
        found.append(explain_left(assess_control(control, shown, attestation, apply), report.root_logins_left))
    return tuple(found)


_SUBJECTS: Mapping[CheckName, str] = {
    CheckName.INVENTORY: "whether the accounts are listed and read",
    CheckName.NO_ROOT_CERTIFICATE: "signing certificates",
    CheckName.NO_ROOT_CREDS: "member accounts, and accepts confirmed failsafes",
    CheckName.NO_ROOT_KEY: "access keys",
    CheckName.ROOT_HW_MFA: "hardware MFA of root users that can sign in",
    CheckName.ROOT_MFA: "MFA of root users that can sign in",
    CheckName.ROOT_UNUSED: "the use of root users",
}
"""What the checks of root users ask about."""


def explain_left(assessment: ControlAssessment, left: RootLoginsLeft) -> ControlAssessment:
    """Say why a control passes while root logins are left to secure, if it is about root users."""
    checks = [shown.mapping for shown in assessment.checks if shown.mapping.showing is not Showing.CONTEXT]
    subjects = list(dict.fromkeys(_SUBJECTS[mapping.check] for mapping in checks if mapping.check in _SUBJECTS))
    if assessment.verdict is not Verdict.PASS or left.is_none or not subjects:
        return assessment
    reason = f"{left.headline}. The control passes all the same: it asks about {'; '.join(subjects)}."
    return replace(assessment, reasons=(*assessment.reasons, reason))


def apply_coverage(result: CheckResult, report: EvidenceReport, longest_gap: timedelta) -> CheckResult:
    """Judge the times without a reading: if one is longer than a control allows, a check that didn't fail is unknown.

    Without an audit of the whole organization for so long, no account was shown. Else it depends on the account.
    """
    if result.check not in JUDGED_OVER_PERIOD or result.verdict is Verdict.NOT_APPLICABLE:
        return result
    verdict = Verdict.FAIL if result.verdict is Verdict.FAIL else Verdict.UNKNOWN
    gaps = find_long_gaps(report.coverage, longest_gap)
    if gaps:
        reasons = [describe_gap(gap, report.period) for gap in gaps]
        return replace(result, verdict=verdict, reasons=(*reasons, *result.reasons))
    accounts = tuple(_apply_account_gap(account, report, longest_gap) for account in result.accounts)
    count = sum(before.verdict is not after.verdict for before, after in zip(result.accounts, accounts, strict=True))
    if not count:
        return result
    reason = (
        f"{'1 account' if count == 1 else f'{count:,} accounts'} had no reading for longer than the control allows."
    )
    return replace(result, verdict=verdict, reasons=(reason, *result.reasons), accounts=accounts)


def _apply_account_gap(account: AccountResult, report: EvidenceReport, longest_gap: timedelta) -> AccountResult:
    history = report.histories.get(account.account_id)
    gap = None if history is None else history.longest_gap
    if gap is None or gap.length <= longest_gap or account.verdict not in {Verdict.PASS, Verdict.KEPT}:
        return account
    return replace(account, verdict=Verdict.UNKNOWN, reason=describe_unread(gap), has_no_password=False)


def assess_report(report: EvidenceReport, frameworks: Iterable[Framework]) -> AssessedReport:
    """Add the verdicts on every control of ``frameworks``."""
    chosen = tuple(frameworks)
    known = {field.name: getattr(report, field.name) for field in fields(EvidenceReport)}
    controls = [control for framework in chosen for control in framework.controls]
    return AssessedReport(**known, frameworks=chosen, assessments=evaluate(report, controls))


def list_assessments(report: EvidenceReport) -> tuple[ControlAssessment, ...]:
    """List the verdicts of a report; none if no framework was asked for."""
    return report.assessments if isinstance(report, AssessedReport) else ()


@dataclass(frozen=True, slots=True)
class ControlAttester:
    """Records a person's attestation of a control."""

    acting: Acting

    def attest(self, control: Control, *, owner: str, reason: str, until: datetime) -> ControlAttestation:
        """Record an attestation, and return it with its entry; it replaces an earlier attestation of the control.

        :raises InputError: if the control is attested account by account, owner or reason is empty, or the end isn't
            valid.
        :raises LedgerUnavailableError: if it can't be recorded.
        """
        now = self.acting.clock.now()
        drafted = draft_attestation(control, self.acting.actor, now, owner=owner, reason=reason, until=until)
        entry = self.acting.ledger.append_fact(Action.CONTROL_ATTEST, parameters=describe_attestation(drafted))
        return replace(drafted, recorded_at=entry.at, ledger_sequence=entry.sequence, entry_hash=entry.entry_hash)
