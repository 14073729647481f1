"""Controls as JSON, and the words in which people see them.

A report shows the accounts that aren't good once for each check, not once for each control: many controls of many
frameworks rest on the same check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from typing_extensions import TypedDict

from rootkeeper.controls.assessment import AssessedReport, list_assessments
from rootkeeper.controls.rules import (
    ORDER,
    AccountResult,
    CheckName,
    CheckResult,
    Control,
    ControlAssessment,
    ControlAttestation,
    Framework,
    LeftOut,
    Showing,
    ShownCheck,
    Strength,
    count_accounts,
)
from rootkeeper.evidence.records import VERDICTS, PeriodRecord, Record, ReportDocument, describe_period, describe_report
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.records import ConfirmationRecord, RootLoginsLeftRecord
from rootkeeper.shapes import (
    SCHEMA_VERSION,
    Answer,
    Count,
    JsonAnswer,
    JsonRecord,
    OrganizationId,
    WholeSecond,
    fill_record,
    record,
    record_of,
)


@record_of(ControlAttestation)
class ControlAttestationRecord(JsonRecord):
    """A person's statement about a control, as its entry in the ledger has it."""


AccountCounts = TypedDict(
    "AccountCounts",
    {"fail": Count, "unknown": Count, "manual": Count, "kept": Count, "pass": Count, "not_applicable": Count},
)
"""How many accounts, or recovery windows, have each verdict. Written so because of a field's name."""
record(AccountCounts)


@record_of(
    CheckResult, without=("latest_fact_at",), before={"showing": "verdict", "strength": "verdict", "source": "verdict"}
)
class ShownCheckRecord(JsonRecord):
    """One check that a control rests on, with its result."""

    showing: Showing
    strength: Strength
    source: str
    """Of the mapping."""
    accounts: AccountCounts
    confirmations: list[ConfirmationRecord]
    """Statements about single accounts that it rests on."""


@record_of(Control, before={"control": "framework_id", "verdict": "checks", "attested": "checks", "reasons": "checks"})
class AssessmentRecord(JsonRecord):
    """The verdict on one control."""

    control: str
    """Such as ``cis-7.0/2.1.1``."""
    verdict: Verdict
    attested: bool
    """Whether it passes because of statements of people."""
    reasons: list[str]
    checks: list[ShownCheckRecord]
    attestation: ControlAttestationRecord | None
    """The one in force, also if it doesn't count."""


@record_of(AccountResult, without=("has_no_password",), before={"check": "account_id"}, moment=WholeSecond)
class JudgedAccountRecord(JsonRecord):
    """What a check found in one account, or in a recovery window of it."""

    check: CheckName


@record_of(LeftOut)
class LeftOutRecord(JsonRecord):
    """Mappings that are known and not judged."""


@record_of(Framework)
class FrameworkRecord(JsonRecord):
    """One version of a framework."""

    controls: Count


@record
class AssessedReportDocument(ReportDocument):
    """Evidence."""

    frameworks: list[FrameworkRecord]
    """Those that were asked for."""
    controls: list[AssessmentRecord]
    control_accounts: list[JudgedAccountRecord]
    """Of the checks behind ``controls``: accounts that fail, are unknown, or need a person's judgement."""


@record
class AssessedDocument(Answer):
    """The organization and the period of judged controls."""

    organization_id: OrganizationId
    endpoint: str
    period: PeriodRecord
    root_logins_left_to_secure: RootLoginsLeftRecord
    """At the period's end."""


@record
class ControlsDocument(AssessedDocument):
    """The verdicts on the controls of some frameworks."""

    frameworks: list[FrameworkRecord]
    controls: list[AssessmentRecord]


@record
class ControlDocument(AssessedDocument):
    """The verdict on one control, and the accounts behind it."""

    control: AssessmentRecord
    accounts: list[JudgedAccountRecord]
    """The worst first."""
    total: Count
    next: str | None
    """``after`` of the next page; ``null`` on the last page."""


class ControlAttestationAnswer(ControlAttestationRecord, JsonAnswer):
    """An attestation, recorded."""


@record
class ControlAttestationsDocument(Answer):
    """An attestation, recorded."""

    attestations: list[ControlAttestationRecord]


@record
class FrameworksDocument(Answer):
    """The frameworks of the control map."""

    frameworks: list[FrameworkRecord]


def describe_assessed_report(report: EvidenceReport) -> Record:
    """Describe a report with the controls that it was asked for."""
    frameworks = report.frameworks if isinstance(report, AssessedReport) else ()
    return {
        **describe_report(report),
        "frameworks": [describe_framework(framework) for framework in frameworks],
        "controls": [describe_assessment(assessment) for assessment in list_assessments(report)],
        "control_accounts": [describe_account(check, account) for check, account in list_open_accounts(report)],
    }


def describe_controls(report: AssessedReport) -> Record:
    """Describe the verdicts on the controls of a report."""
    return {
        **_describe_period(report),
        "frameworks": [describe_framework(framework) for framework in report.frameworks],
        "controls": [describe_assessment(assessment) for assessment in report.assessments],
    }


def describe_control(
    report: AssessedReport,
    assessment: ControlAssessment,
    *,
    only_open: bool = False,
    after: int = 0,
    limit: int | None = None,
) -> Record:
    """Describe a control and a page of the accounts behind it.

    :param only_open: leaves out the accounts that no one has to look at.
    :param after: how many accounts earlier pages had.
    :param limit: the largest number of accounts.
    """
    accounts = [item for item in list_accounts(assessment) if not only_open or item[1].verdict in OPEN]
    page = accounts[after : None if limit is None else after + limit]
    reached = after + len(page)
    return {
        **_describe_period(report),
        "control": describe_assessment(assessment),
        "accounts": [describe_account(check, account) for check, account in page],
        "total": len(accounts),
        "next": str(reached) if reached < len(accounts) else None,
    }


def _describe_period(report: EvidenceReport) -> Record:
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": report.organization_id,
        "endpoint": report.endpoint,
        "period": describe_period(report.period),
        "root_logins_left_to_secure": fill_record(RootLoginsLeftRecord, report.root_logins_left),
    }


def describe_framework(framework: Framework) -> FrameworkRecord:
    return fill_record(FrameworkRecord, framework, controls=len(framework.controls))


def describe_assessment(assessment: ControlAssessment) -> AssessmentRecord:
    control = assessment.control
    return fill_record(
        AssessmentRecord,
        control,
        control=control.key,
        verdict=assessment.verdict,
        attested=assessment.is_attested,
        reasons=assessment.reasons,
        checks=[_describe_check(check) for check in assessment.checks],
        attestation=assessment.attestation,
    )


def _describe_check(shown: ShownCheck) -> ShownCheckRecord:
    result = shown.result
    counts = count_accounts(result.accounts)
    return fill_record(
        ShownCheckRecord,
        shown.mapping,
        verdict=result.verdict,
        reasons=result.reasons,
        accounts={name: counts.get(Verdict(name), 0) for name in AccountCounts.__annotations__},
        confirmations=result.confirmations,
    )


def describe_account(check: CheckName, account: AccountResult) -> JudgedAccountRecord:
    return fill_record(JudgedAccountRecord, account, check=check.value)


OPEN = frozenset({Verdict.FAIL, Verdict.UNKNOWN, Verdict.MANUAL})
"""Verdicts on accounts that someone has to look at."""


def list_accounts(assessment: ControlAssessment) -> list[tuple[CheckName, AccountResult]]:
    """List the results of a control's checks for each account, the worst first."""
    found = [(shown.result.check, account) for shown in assessment.checks for account in shown.result.accounts]
    return sorted(found, key=lambda item: ORDER.index(item[1].verdict))


def list_open_accounts(report: EvidenceReport) -> Iterator[tuple[CheckName, AccountResult]]:
    """List the accounts that someone has to look at, check by check; each result once."""
    seen = set[tuple[CheckName, timedelta | None]]()
    listed = set[tuple[CheckName, AccountResult]]()
    for assessment in list_assessments(report):
        for shown in assessment.checks:
            check, longest_gap = shown.result.check, shown.mapping.longest_gap
            if (check, longest_gap) not in seen:
                seen.add((check, longest_gap))
                found = [(check, account) for account in shown.result.accounts if account.verdict in OPEN]
                yield from (judged for judged in found if judged not in listed)
                listed.update(found)


CHECK_NAMES: Mapping[CheckName, str] = {
    CheckName.AUDIT_INTEGRITY: "Ledger intact",
    CheckName.BREAKGLASS: "Recoveries approved and closed",
    CheckName.CENTRALIZED: "Root access centralized",
    CheckName.DELEGATED: "Delegated administrator for IAM",
    CheckName.DRILL: "Drill of emergency access",
    CheckName.INVENTORY: "Root users read",
    CheckName.NO_ROOT_CERTIFICATE: "No root signing certificates",
    CheckName.NO_ROOT_CREDS: "No root user credentials",
    CheckName.NO_ROOT_KEY: "No root access keys",
    CheckName.PRIV_LOGGED: "Privileged calls recorded",
    CheckName.ROOT_ALERT: "Alarm on root use",
    CheckName.ROOT_HW_MFA: "Hardware MFA of the root user",
    CheckName.ROOT_MFA: "MFA of the root user",
    CheckName.ROOT_UNUSED: "Last use of the root user",
    CheckName.SCP_GUARD: "Policies of the organization",
    CheckName.TIME_LIMIT: "Recoveries ended in time",
}

SHOWING_NAMES: Mapping[Showing, str] = {
    Showing.CONTEXT: "facts for a person",
    Showing.DIRECT: "shows the control",
    Showing.PARTIAL: "shows a part",
}

STRENGTH_NAMES: Mapping[Strength, str] = {
    Strength.DIRECT: "the framework's text",
    Strength.OURS: "our reading",
    Strength.VENDOR: "another tool's mapping",
}


def render_control_verdict(assessment: ControlAssessment) -> str:
    """The verdict in words: a pass that rests on people's statements says so."""
    word = VERDICTS[assessment.verdict]
    return f"{word} (attested)" if assessment.is_attested else word


def render_check(shown: ShownCheck) -> str:
    """A check in one sentence: its result, the part of the control that it shows, and where the mapping is from."""
    mapping, result = shown.mapping, shown.result
    source = f"{STRENGTH_NAMES[mapping.strength]}, {mapping.source}"
    what = f"{CHECK_NAMES[mapping.check]}: {VERDICTS[result.verdict]} ({SHOWING_NAMES[mapping.showing]}; {source})."
    return " ".join([what, *result.reasons])
