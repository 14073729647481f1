"""Evidence as JSON, in a fixed order (docs/reference/report.schema.json), and the words in which people see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.evidence.periods import ChangedKind, CoverageGap, CredentialChange, describe_change, describe_deletion
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
from rootkeeper.organization.records import ConfirmationRecord, FailedAttemptRecord, RootLoginsLeftRecord
from rootkeeper.organization.statuses import KIND_ORDER, CredentialKind, FailOn, Status
from rootkeeper.root_emails.records import EmailCounts
from rootkeeper.setup.records import DifferenceRecord
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Count,
    JsonRecord,
    JsonSchema,
    OrganizationId,
    Sha256,
    WholeSecond,
    fill_record,
    filled_from,
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
    """Verdicts that are never merged: the first one is about a setting that removes nothing."""

    centralized: JudgementRecord
    no_root_credentials: JudgementRecord
    """Of the state at the period's end."""
    no_root_credentials_in_period: JudgementRecord
    """Of every reading of the period, and of the times without one."""


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
    failed_attempt: FailedAttemptRecord | None
    confirmation: ConfirmationRecord | None
    """Of a failsafe: what confirms, at the period's end, that its root login is kept on purpose."""


@record_of(Check, without=("hint", "account_id"), renamed={"name": "check"})
class LoginCheckRecord(JsonRecord):
    """One check of a kept root login."""

    check: str
    evidence: str


@filled_from(
    account_id="evidence.account.account_id",
    name="evidence.account.name",
    role="evidence.role",
    read_at="evidence.read_at",
)
class KeptLoginRecord(JsonRecord):
    """A root login that is kept on purpose."""

    account_id: AccountNumber
    name: str
    role: Literal["management", "failsafe"]
    read_at: WholeSecond | None
    checks: list[LoginCheckRecord]


@filled_from(approved="is_approved")
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
        "first_closed_at",
        "reopened_at",
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


@filled_from(actor="actor.name", actor_kind="actor.kind", caller_arn="actor.caller_arn")
@record_of(
    DeletionEvidence,
    without=("begun_at",),
    before={"actor_kind": "cause", "caller_arn": "cause"},
    moment=WholeSecond,
)
class EvidenceDeletionRecord(JsonRecord):
    """One deletion call of the period."""

    actor: str
    actor_kind: ActorKind
    caller_arn: str | None


@record_for(Feature, bool)
class EvidenceFeaturesRecord(JsonRecord):
    """Whether each feature is on."""


@filled_from(deletion="deletion.sequence", deleted_for="deletion.cause")
@record_of(
    CredentialChange,
    only=(
        "account_id",
        "name",
        "kind",
        "from",
        "not_before",
        "last_seen_at",
        "until",
        "audits",
        "audit_ids",
        "explained",
        "window_id",
        "deletion",
        "deleted_for",
        "what",
    ),
    renamed={"first_seen_at": "from"},
    moment=WholeSecond,
)
class CredentialChangeRecord(JsonRecord):
    """A time in which an account had a kind of root user credentials, if it began or ended in the period."""

    name: str
    explained: bool
    """Whether it was seen only within a recovery window."""
    deletion: int | None
    """The ledger entry of the last of our deletions that removed it."""
    deleted_for: str | None
    """The plan or the recovery window of that deletion."""
    what: str
    """The same in sentences."""


@record_of(CoverageGap, only=("from", "until", "days"), renamed={"start": "from", "end": "until"}, moment=WholeSecond)
class CoverageGapRecord(JsonRecord):
    """A time in the period without an audit of the whole organization."""


@filled_from(
    read_at="state.read_at",
    endpoint="state.endpoint",
    caller_arn="state.caller_arn",
    trusted_access="state.setup.trusted_access",
    delegated_administrators="state.setup.delegated_administrators",
)
class EvidenceSetupRecord(JsonRecord):
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


@filled_from(
    accepted_at="accepted.accepted_at", accepted_by="accepted.accepted_by", ledger_sequence="accepted.ledger_sequence"
)
class EvidenceDriftRecord(JsonRecord):
    """How the set-up differs from the accepted one."""

    accepted_at: WholeSecond | None
    accepted_by: str | None
    ledger_sequence: int | None
    differences: list[DifferenceRecord]
    unknown: list[str]


@record_of(Gap)
class GapRecord(JsonRecord):
    """Something that the report doesn't know."""

    subject: Literal["account", "accounts", "audits", "drift", "ledger", "management_account", "setup"]


@filled_from(
    entries="ledger.entries",
    entries_in_period="history.entries",
    audit_batches_in_period="history.audits",
    head_sequence="ledger.head_sequence",
    head_hash="ledger.head_hash",
    intact="ledger.is_intact",
    problem="ledger.problem",
)
class EvidenceLedgerRecord(JsonRecord):
    """The ledger at the end of the period."""

    entries: Count
    entries_in_period: Count
    audit_batches_in_period: Count
    head_sequence: Count
    head_hash: Sha256
    intact: bool
    problem: str | None


@filled_from(
    sandbox="is_sandbox",
    caller_arns="history.caller_arns",
    accounts_listed_at="listed_at",
    root_logins_left_to_secure="root_logins_left",
    ended_exceptions="history.ended_exceptions",
    deletions="history.deletions",
    drift="setup.drift",
)
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
    """Never merged: the first is a setting that removes nothing."""
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
    changes: list[CredentialChangeRecord]
    """Root user credentials that appeared, or were gone again, within the period."""
    days_without_audit: list[CoverageGapRecord]
    """The longest first; each has a whole day, in UTC, without an audit of the whole organization."""
    gaps: list[GapRecord]
    """What the report doesn't know. A gap never counts as good."""
    ledger: EvidenceLedgerRecord


def describe_report(report: EvidenceReport) -> ReportDocument:
    period = report.period
    counts = {verdict.value: count for verdict, count in count_verdicts(report.accounts).items()}
    return fill_record(
        ReportDocument,
        report,
        period=describe_period(period),
        verdicts={
            "centralized": fill_record(JudgementRecord, report.centralized, control=CENTRALIZED_CONTROL),
            "no_root_credentials": fill_record(JudgementRecord, report.no_root_credentials, control=None),
            "no_root_credentials_in_period": fill_record(JudgementRecord, report.credentials_in_period, control=None),
        },
        summary={"accounts": len(report.accounts), **counts},
        management_account=None if report.management is None else describe_account(report.management),
        accounts=[describe_account(account) for account in report.accounts],
        exceptions=[
            fill_record(
                EvidenceExceptionRecord, exception, in_force_at_end=exception.added_at <= period.end < exception.until
            )
            for exception in report.exceptions
        ],
        setup=_describe_setup(report.setup),
        changes=[
            fill_record(
                CredentialChangeRecord,
                change,
                name=report.histories[change.account_id].account.name,
                explained=change.is_explained,
                what=describe_change(change, period),
            )
            for change in report.changes
        ],
        days_without_audit=[fill_record(CoverageGapRecord, gap) for gap in report.shown_gaps],
        ledger=fill_record(EvidenceLedgerRecord, report),
    )


def describe_period(period: Period) -> PeriodRecord:
    return {
        "from": json_time(period.start),
        "to": json_time(period.end),
        "stale_after": render_duration(period.stale_after),
    }


def describe_account(evidence: AccountEvidence) -> EvidenceAccountRecord:
    credentials = {kind.kind.value: fill_record(EvidenceKindRecord, kind) for kind in evidence.kinds}
    return fill_record(EvidenceAccountRecord, evidence, credentials=credentials)


def _describe_setup(evidence: SetupEvidence) -> EvidenceSetupRecord:
    setup = None if evidence.state is None else evidence.state.setup
    return fill_record(
        EvidenceSetupRecord,
        evidence,
        features=(
            None
            if setup is None or setup.features is None
            else {feature.value: feature in setup.features for feature in Feature}
        ),
        unknown=() if setup is None else setup.unknown,
    )


KIND_NAMES: Mapping[CredentialKind, str] = {
    CredentialKind.PASSWORD: "Password",
    CredentialKind.ACCESS_KEYS: "Access keys",
    CredentialKind.SIGNING_CERTIFICATES: "Certificates",
    CredentialKind.MFA_DEVICES: "MFA",
}
"""In the order in which reports show them."""

CHANGED_NAMES: Mapping[ChangedKind, str] = {
    **{ChangedKind(kind.value): name for kind, name in KIND_NAMES.items()},
    ChangedKind.PASSWORD_WITHOUT_MFA: "Password without MFA",
}

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


def render_closing(window: RecoveryWindow) -> str:
    """When it was closed; of a window that someone else reopened, all that is known."""
    if window.reopened_at is None:
        return render_timestamp(window.closed_at)
    again = f", closed again {render_timestamp(window.closed_at)}" if window.closed_at else ""
    reopened = f"reopened by someone else {render_timestamp(window.reopened_at)}{again}"
    return f"{render_timestamp(window.first_closed_at)}, {reopened}"


def render_presence(kind: KindEvidence) -> str:
    """``none``, ``yes`` or a count, ``not applicable`` or ``unknown``."""
    if kind.not_applicable is not None:
        return "not applicable"
    if kind.is_present is None:
        return "unknown"
    if not kind.is_present:
        return "none"
    return "yes" if kind.count is None else str(kind.count)


CHANGE_TITLES = ("Account", "Name", "Kind", "From", "Until", "Seen by", "Explained by")
GAP_TITLES = ("From", "Until", "Days")

CHANGES_REMARK = (
    "Root user credentials that appeared or were gone again within the period, by every reading of it. Those that were "
    "always there are a state, and listed with the accounts."
)
NO_GAPS = "No whole day, in UTC, was without an audit of the whole organization."


def render_change(change: CredentialChange, report: EvidenceReport) -> tuple[str, ...]:
    """The cells of a change, in the order of ``CHANGE_TITLES``."""
    start = "before the period" if change.began_before(report.period.start) else render_timestamp(change.first_seen_at)
    audits = ", ".join(change.audit_ids) if change.audits == len(change.audit_ids) else " to ".join(change.audit_ids)
    counted = "1 audit" if change.audits == 1 else f"{change.audits:,} audits"
    why = "unexplained" if change.has_appeared else "there from the beginning"
    if change.window_id is not None:
        why = f"window {change.window_id}"
    if change.deletion is not None and change.until is not None:
        why += f"; {describe_deletion(change.deletion)}"
    return (
        change.account_id,
        report.histories[change.account_id].account.name,
        CHANGED_NAMES[change.kind],
        start,
        render_timestamp(change.until) or f"still there {render_timestamp(change.last_seen_at)}",
        f"{counted}: {audits}" if audits else "no audit",
        why,
    )


def render_gap(gap: CoverageGap) -> tuple[str, ...]:
    """The cells of a time without an audit, in the order of ``GAP_TITLES``."""
    return render_timestamp(gap.start), render_timestamp(gap.end), f"{gap.days:,}"


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
