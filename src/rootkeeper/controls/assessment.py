"""Judges controls by an evidence report: each check once, then every control that rests on it.

Makes no AWS call and reads no clock: the same report and the same map give the same verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from rootkeeper.controls.account_checks import (
    check_no_root_key,
    check_root_hardware_mfa,
    check_root_mfa,
    check_root_unused,
)
from rootkeeper.controls.attestations import find_attestations
from rootkeeper.controls.organization_checks import (
    check_audit_integrity,
    check_centralized,
    check_delegated,
    check_drill,
    check_inventory,
    check_no_root_credentials,
    check_privileged_calls_logged,
    check_root_alert,
    check_scp_guard,
)
from rootkeeper.controls.rules import (
    CheckName,
    CheckResult,
    Control,
    ControlAssessment,
    Framework,
    WithoutPassword,
    apply_without_password,
    assess_control,
)
from rootkeeper.controls.window_checks import check_breakglass, check_time_limit
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.statuses import FailOn

CHECKS: Mapping[CheckName, Callable[[EvidenceReport], CheckResult]] = MappingProxyType(
    {
        CheckName.AUDIT_INTEGRITY: check_audit_integrity,
        CheckName.BREAKGLASS: check_breakglass,
        CheckName.CENTRALIZED: check_centralized,
        CheckName.DELEGATED: check_delegated,
        CheckName.DRILL: check_drill,
        CheckName.INVENTORY: check_inventory,
        CheckName.NO_ROOT_CREDS: check_no_root_credentials,
        CheckName.NO_ROOT_KEY: check_no_root_key,
        CheckName.PRIV_LOGGED: check_privileged_calls_logged,
        CheckName.ROOT_ALERT: check_root_alert,
        CheckName.ROOT_HW_MFA: check_root_hardware_mfa,
        CheckName.ROOT_MFA: check_root_mfa,
        CheckName.ROOT_UNUSED: check_root_unused,
        CheckName.SCP_GUARD: check_scp_guard,
        CheckName.TIME_LIMIT: check_time_limit,
    }
)


@dataclass(frozen=True, slots=True)
class AssessedReport(EvidenceReport):
    """An evidence report with the verdicts on the controls of some frameworks."""

    frameworks: tuple[Framework, ...] = ()
    assessments: tuple[ControlAssessment, ...] = ()
    """Framework by framework, in the order of the map."""

    def has_findings(self, fail_on: frozenset[FailOn]) -> bool:
        """Whether the answer is a bad one, also because of a control."""
        verdicts = {one.verdict for one in self.assessments}
        is_bad = FailOn.PRESENT in fail_on and Verdict.FAIL in verdicts
        is_unknown = FailOn.UNKNOWN in fail_on and verdicts & {Verdict.MANUAL, Verdict.UNKNOWN}
        return bool(is_bad or is_unknown) or EvidenceReport.has_findings(self, fail_on)


def evaluate(report: EvidenceReport, controls: Iterable[Control]) -> tuple[ControlAssessment, ...]:
    """Judge controls at the end of the report's period."""
    attestations = find_attestations(report.history.control_attestations, report.period.end)
    results: dict[CheckName, CheckResult] = {}
    applied: dict[tuple[CheckName, WithoutPassword], CheckResult] = {}

    def apply(result: CheckResult, rule: WithoutPassword) -> CheckResult:
        if (result.check, rule) not in applied:
            applied[result.check, rule] = apply_without_password(result, rule)
        return applied[result.check, rule]

    found = []
    for control in controls:
        for one in control.checks:
            if one.check not in results:
                results[one.check] = CHECKS[one.check](report)
        # An altered ledger proves no statement of a person.
        attestation = attestations.get(control.key) if report.ledger.is_intact else None
        found.append(assess_control(control, [results[one.check] for one in control.checks], attestation, apply))
    return tuple(found)


def assess_report(report: EvidenceReport, frameworks: Iterable[Framework]) -> AssessedReport:
    """Add the verdicts on every control of ``frameworks``."""
    chosen = tuple(frameworks)
    known = {one.name: getattr(report, one.name) for one in fields(EvidenceReport)}
    controls = [control for framework in chosen for control in framework.controls]
    return AssessedReport(**known, frameworks=chosen, assessments=evaluate(report, controls))


def list_assessments(report: EvidenceReport) -> tuple[ControlAssessment, ...]:
    """List the verdicts of a report; none if no framework was asked for."""
    return report.assessments if isinstance(report, AssessedReport) else ()
