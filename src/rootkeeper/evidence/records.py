"""Evidence as JSON, in a fixed order (docs/reference/report.schema.json), and the words in which people see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.evidence.rules import (
    CENTRALIZED_CONTROL,
    AccountEvidence,
    ControlResult,
    DeletionEvidence,
    EndedException,
    Gap,
    KindEvidence,
    Period,
    count_verdicts,
)
from rootkeeper.evidence.service import EvidenceReport, SetupEvidence
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.failsafe.rules import Check
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.organization.accounts import Account, Feature
from rootkeeper.organization.records import ConfirmationRecord, RootLoginsLeftRecord
from rootkeeper.organization.statuses import KIND_ORDER, CredentialKind, FailOn, Status
from rootkeeper.root_emails.records import EmailCounts
from rootkeeper.setup.records import DifferenceRecord
from rootkeeper.shapes import (
    SCHEMA_VERSION,
    AccountNumber,
    Answer,
    Count,
    JsonRecord,
    JsonSchema,
    OrganizationId,
    Sha256,
    WholeSecond,
    fill_record,
    record,
    record_for,
    record_of,
)
from rootkeeper.values import json_time, render_duration
from rootkeeper.windows.rules import RecoveryWindow

Record: TypeAlias = "dict[str, Any]"


PeriodRecord = TypedDict("PeriodRecord", {"from": WholeSecond, "to": WholeSecond, "stale_after": str})
"""The period of the report. Written so because of its fields' names."""
record(PeriodRecord)


@record_of(ControlResult, before={"control": "verdict"})
class JudgementRecord(JsonRecord):
    """The verdict on one control."""

    control: str | None
    verdict: Literal["fail", "manual", "not_applicable", "pass", "unknown"]
    """``manual``: a person must judge the facts in ``reasons``, and no attestation is in force."""
    attestations: list[ConfirmationRecord]
    """The statements of people that the verdict rests on."""


@record
class ControlVerdictsRecord(TypedDict):
    """Two verdicts that are never merged: the first one is about a setting that removes nothing."""

    centralized: JudgementRecord
    no_root_credentials: JudgementRecord


@record
class EvidenceCounts(EmailCounts):
    """How many member accounts have each verdict."""

    kept: Count


@record_of(KindEvidence, without=("kind",), renamed={"is_present": "present"}, moment=WholeSecond)
class EvidenceKindRecord(JsonRecord):
    """One kind of credentials."""


@record_for(KIND_ORDER, EvidenceKindRecord)
class EvidenceKindsRecord(JsonRecord):
    """The four kinds of credentials."""


@record_of(DeletionException, without=("account_id", "added_by", "added_at"), moment=WholeSecond)
class AccountExceptionRecord(JsonRecord):
    """An exception from deletion."""

    owner: str


@record_of(
    AccountEvidence,
    inside={"account": Account},
    without=("email", "ou_ids", "joined_at", "tags", "kinds", "found"),
    renamed={"verdict": "no_root_credentials"},
    before={"ou_path": "state", "credentials": "exception"},
    moment=WholeSecond,
)
class EvidenceAccountRecord(JsonRecord):
    """What is known of one account at the end of the period."""

    ou_path: str
    """Readable names, such as Root/Workloads/Prod."""
    state: str
    reason: str | None
    no_root_credentials: Verdict
    """``kept``: root user credentials of a confirmed failsafe, guarded by MFA, without access key and certificate."""
    credentials: EvidenceKindsRecord
    exception: AccountExceptionRecord | None
    """From deletion, in force at the period's end."""
    confirmation: ConfirmationRecord | None
    """Of a failsafe: what confirms, at the period's end, that its root login is kept on purpose."""


@record_of(Check, without=("hint", "account_id"), renamed={"name": "check"})
class LoginCheckRecord(JsonRecord):
    """One check of a kept root login."""

    check: str
    evidence: str


@record
class KeptLoginRecord(TypedDict):
    """A root login that is kept on purpose."""

    account_id: AccountNumber
    name: str
    role: Literal["management", "failsafe"]
    read_at: WholeSecond | None
    checks: list[LoginCheckRecord]


@record_of(
    RecoveryWindow,
    only=(
        "window_id",
        "account_id",
        "state",
        "reason",
        "ticket",
        "requested_by",
        "requested_at",
        "approved",
        "approved_by",
        "duration_seconds",
        "opened_at",
        "expires_at",
        "closed_at",
        "failure",
    ),
    moment=WholeSecond,
)
class EvidenceWindowRecord(JsonRecord):
    """A recovery window of the period."""

    state: Annotated[str, JsonSchema(pattern="^[A-Z_]+$")]
    approved: bool
    approved_by: list[str]
    failure: str | None


@record_of(DeletionException, before={"added_by": "until", "added_at": "until"}, moment=WholeSecond)
class EvidenceExceptionRecord(JsonRecord):
    """An exception of the period."""

    owner: str
    in_force_at_end: bool


@record_of(EndedException, before={"ended_by": "ended_at"}, moment=WholeSecond)
class EndedExceptionRecord(JsonRecord):
    """An exception that ended in the period."""


@record_of(DeletionEvidence, before={"actor_kind": "cause", "caller_arn": "cause"}, moment=WholeSecond)
class EvidenceDeletionRecord(JsonRecord):
    """One deletion call of the period."""

    actor: str
    actor_kind: ActorKind
    caller_arn: str | None


@record
class EvidenceFeaturesRecord(TypedDict):
    """Whether each feature is on."""

    RootCredentialsManagement: bool
    RootSessions: bool


@record
class EvidenceSetupRecord(TypedDict):
    """The set-up at the end of the period."""

    detail: str | None
    """Why the set-up wasn't read in the period."""
    read_at: WholeSecond | None
    endpoint: str | None
    caller_arn: str | None
    trusted_access: bool | None
    features: EvidenceFeaturesRecord | None
    delegated_administrators: list[AccountNumber] | None
    unknown: list[str]


@record
class EvidenceDriftRecord(TypedDict):
    """How the set-up differs from the accepted one."""

    accepted_at: WholeSecond | None
    accepted_by: str | None
    ledger_sequence: int | None
    differences: list[DifferenceRecord]
    unknown: list[str]


@record_of(Gap)
class GapRecord(JsonRecord):
    """Something that the report doesn't know."""

    subject: Literal["account", "accounts", "drift", "ledger", "management_account", "setup"]


@record
class EvidenceLedgerRecord(TypedDict):
    """The ledger at the end of the period."""

    entries: Count
    entries_in_period: Count
    audit_batches_in_period: Count
    head_sequence: Count
    head_hash: Sha256
    intact: bool
    problem: str | None


@record
class ReportDocument(Answer):
    """Evidence."""

    organization_id: OrganizationId
    management_account_id: AccountNumber
    partition: str
    endpoint: Annotated[str, JsonSchema(pattern="^(AWS|SANDBOX .+|unknown)$")]
    """``AWS`` only if every reading and change of the period was on AWS."""
    sandbox: bool
    endpoints: list[str]
    caller_arns: list[str]
    """The principals of the period's readings and changes."""
    period: PeriodRecord
    accounts_listed_at: WholeSecond
    verdicts: ControlVerdictsRecord
    """Two, and never merged: the first is a setting that removes nothing."""
    root_logins_left_to_secure: RootLoginsLeftRecord
    """Of every account, the management account included."""
    summary: EvidenceCounts
    """Every account but the management account."""
    management_account: EvidenceAccountRecord | None
    kept_logins: list[KeptLoginRecord]
    accounts: list[EvidenceAccountRecord]
    windows: list[EvidenceWindowRecord]
    exceptions: list[EvidenceExceptionRecord]
    ended_exceptions: list[EndedExceptionRecord]
    """Ended by a person in the period, or replaced by another."""
    deletions: list[EvidenceDeletionRecord]
    setup: EvidenceSetupRecord
    drift: EvidenceDriftRecord
    gaps: list[GapRecord]
    """What the report doesn't know. A gap never counts as good."""
    ledger: EvidenceLedgerRecord


def describe_report(report: EvidenceReport) -> ReportDocument:
    period, drift, history = report.period, report.setup.drift, report.history
    counts = {verdict.value: count for verdict, count in count_verdicts(report.accounts).items()}
    return fill_record(
        ReportDocument,
        report,
        schema_version=SCHEMA_VERSION,
        sandbox=report.is_sandbox,
        caller_arns=list(history.caller_arns),
        period=describe_period(period),
        accounts_listed_at=json_time(report.listed_at),
        verdicts={
            "centralized": _describe_verdict(CENTRALIZED_CONTROL, report.centralized),
            "no_root_credentials": _describe_verdict(None, report.no_root_credentials),
        },
        root_logins_left_to_secure=fill_record(RootLoginsLeftRecord, report.root_logins_left),
        summary={"accounts": len(report.accounts), **counts},
        management_account=None if report.management is None else describe_account(report.management),
        kept_logins=[
            fill_record(
                KeptLoginRecord,
                kept.evidence.account,
                role=kept.evidence.role.value,
                read_at=json_time(kept.evidence.read_at),
                checks=[fill_record(LoginCheckRecord, check) for check in kept.checks],
            )
            for kept in report.kept_logins
        ],
        accounts=[describe_account(account) for account in report.accounts],
        windows=[fill_record(EvidenceWindowRecord, window, approved=window.is_approved) for window in report.windows],
        exceptions=[
            fill_record(
                EvidenceExceptionRecord, exception, in_force_at_end=exception.added_at <= period.end < exception.until
            )
            for exception in report.exceptions
        ],
        ended_exceptions=[fill_record(EndedExceptionRecord, exception) for exception in history.ended_exceptions],
        deletions=[
            fill_record(
                EvidenceDeletionRecord,
                deletion,
                actor=deletion.actor.name,
                actor_kind=deletion.actor.kind.value,
                caller_arn=deletion.actor.caller_arn,
            )
            for deletion in history.deletions
        ],
        setup=_describe_setup(report.setup),
        drift=fill_record(
            EvidenceDriftRecord,
            drift,
            accepted_at=None if drift.accepted is None else json_time(drift.accepted.accepted_at),
            accepted_by=None if drift.accepted is None else drift.accepted.accepted_by,
            ledger_sequence=None if drift.accepted is None else drift.accepted.ledger_sequence,
        ),
        ledger=fill_record(
            EvidenceLedgerRecord,
            report.ledger,
            entries_in_period=history.entries,
            audit_batches_in_period=history.audits,
            intact=report.ledger.is_intact,
        ),
    )


def describe_period(period: Period) -> PeriodRecord:
    return {
        "from": json_time(period.start),
        "to": json_time(period.end),
        "stale_after": render_duration(period.stale_after),
    }


def _describe_verdict(control: str | None, result: ControlResult) -> JudgementRecord:
    attestations = [fill_record(ConfirmationRecord, attestation) for attestation in result.attestations]
    return fill_record(JudgementRecord, result, control=control, attestations=attestations)


def describe_account(evidence: AccountEvidence) -> EvidenceAccountRecord:
    exception, confirmation = evidence.exception, evidence.confirmation
    return fill_record(
        EvidenceAccountRecord,
        evidence,
        credentials={kind.kind.value: fill_record(EvidenceKindRecord, kind) for kind in evidence.kinds},
        exception=None if exception is None else fill_record(AccountExceptionRecord, exception),
        confirmation=None if confirmation is None else fill_record(ConfirmationRecord, confirmation),
    )


def _describe_setup(evidence: SetupEvidence) -> EvidenceSetupRecord | Record:
    if evidence.state is None:
        return {**dict.fromkeys(EvidenceSetupRecord.__annotations__), "detail": evidence.detail, "unknown": []}
    features = evidence.state.setup.features
    return fill_record(
        EvidenceSetupRecord,
        evidence.state.setup,
        detail=evidence.detail,
        read_at=json_time(evidence.state.read_at),
        endpoint=evidence.state.endpoint,
        caller_arn=evidence.state.caller_arn,
        features=None if features is None else {feature.value: feature in features for feature in Feature},
    )


KIND_NAMES: Mapping[CredentialKind, str] = {
    CredentialKind.PASSWORD: "Password",
    CredentialKind.ACCESS_KEYS: "Access keys",
    CredentialKind.SIGNING_CERTIFICATES: "Certificates",
    CredentialKind.MFA_DEVICES: "MFA",
}
"""In the order in which reports show them."""

VERDICTS: Mapping[Verdict, str] = {
    Verdict.FAIL: "Fail",
    Verdict.KEPT: "Kept",
    Verdict.MANUAL: "Manual",
    Verdict.NOT_APPLICABLE: "Not applicable",
    Verdict.PASS: "Pass",
    Verdict.UNKNOWN: "Unknown",
}

_ACCOUNT_VERDICTS: Mapping[Verdict, str] = {
    **VERDICTS,
    Verdict.FAIL: "Present",
    Verdict.KEPT: "Kept, guarded",
    Verdict.PASS: "Not present",
}


def render_verdict(result: ControlResult) -> str:
    """The verdict on a control in words: a pass that rests on people's statements says so."""
    word = VERDICTS[result.verdict]
    return f"{word} (attested)" if result.attestations and result.verdict is Verdict.PASS else word


def render_status(account: AccountEvidence) -> str:
    """The state of an account, in two words."""
    return "Recovery open" if account.status is Status.RECOVERY_OPEN else _ACCOUNT_VERDICTS[account.verdict]


def render_timestamp(moment: datetime | None) -> str:
    """To the second, in UTC; empty where there is none."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def render_presence(kind: KindEvidence) -> str:
    """``none``, ``yes`` or a count, ``not applicable`` or ``unknown``."""
    if kind.not_applicable is not None:
        return "not applicable"
    if kind.is_present is None:
        return "unknown"
    if not kind.is_present:
        return "none"
    return "yes" if kind.count is None else str(kind.count)


def render_setup(setup: SetupEvidence) -> list[tuple[str, str]]:
    state = setup.state
    if state is None:
        return [("Set-up", f"unknown: {setup.detail}")]
    found, delegates = state.setup, state.setup.delegated_administrators
    features = [
        (f"Feature {feature.value}", _render_switch(None if found.features is None else feature in found.features))
        for feature in Feature
    ]
    return [
        ("Read", f"{render_timestamp(state.read_at)} by {state.caller_arn} at {state.endpoint}"),
        ("Trusted access for IAM", _render_switch(found.trusted_access)),
        *features,
        ("Delegated administrators", "unknown" if delegates is None else ", ".join(delegates) or "none"),
        *(("Unknown", sentence) for sentence in found.unknown),
    ]


def _render_switch(is_on: bool | None) -> str:
    return "unknown" if is_on is None else "on" if is_on else "off"


FINDINGS_HEADER = "Rootkeeper-Findings"
"""The header of a report's answer, for the exit status of ``rootkeeper report`` through a server."""


def render_findings(found: frozenset[FailOn]) -> str:
    return ", ".join(sorted(found)) or FailOn.NONE.value


def parse_findings(text: object) -> frozenset[FailOn]:
    """:raises ValueError: unless it comes from ``render_findings``."""
    return frozenset(map(FailOn, str(text).split(", "))) - {FailOn.NONE}
