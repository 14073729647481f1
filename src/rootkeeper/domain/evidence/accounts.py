"""What is known of one account's root user credentials at the end of a period.

Three things count as a reading: the last status of the account, one that an audit of the period kept, and a recovery
window of ours whose closing was shown by a re-read. The newest one that isn't later than the period's end is judged; a
window that was opened after it takes the proof away again. What wasn't read in the period is unknown, whatever an older
reading said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from rootkeeper.domain.deletion_exceptions import DeletionException
from rootkeeper.domain.evidence.periods import EvidenceVerdict, Period
from rootkeeper.domain.organizations import Account
from rootkeeper.domain.root_credentials import KIND_ORDER, CredentialKind, RootCredentials, RootCredentialsSummary
from rootkeeper.domain.statuses import AccountRole, AccountStatus, Status, StatusReason, find_status_without_reading
from rootkeeper.domain.windows import RecoveryWindow, WindowState

BY_ROOT_SESSION = "sts:AssumeRoot IAMAuditRootUserCredentials + iam:GetAccountSummary"
BY_OWN_CREDENTIALS = "iam:GetAccountSummary with credentials of the account itself"
BY_CLOSING = f"{BY_ROOT_SESSION}, as a recovery window was closed"
_IN_DETAIL = {
    CredentialKind.PASSWORD: "iam:GetLoginProfile",
    CredentialKind.ACCESS_KEYS: "iam:ListAccessKeys",
    CredentialKind.SIGNING_CERTIFICATES: "iam:ListSigningCertificates",
    CredentialKind.MFA_DEVICES: "iam:ListMFADevices",
}

_NEVER_OPENED = frozenset(
    {WindowState.APPROVED, WindowState.CANCELLED, WindowState.DENIED, WindowState.LAPSED, WindowState.REQUESTED}
)
_NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)


@dataclass(frozen=True, slots=True)
class KindEvidence:
    """One of the four kinds."""

    kind: CredentialKind
    is_present: bool | None
    """``None`` where no reading of the period tells."""
    count: int | None
    """Where read in detail."""
    read_at: datetime | None
    method: str | None
    """The AWS calls that told it."""


@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """One account at the end of the period."""

    account: Account
    role: AccountRole
    status: Status
    reason: StatusReason | None
    detail: str | None
    verdict: EvidenceVerdict
    """Whether it has no root user credentials."""
    kinds: tuple[KindEvidence, ...]
    """In the order of ``KIND_ORDER``."""
    read_at: datetime | None
    session_access_key_id: str | None
    """Of the root session that read it, as CloudTrail shows it in the account."""
    found: AccountStatus
    """The status that all of this was made of."""
    exception: DeletionException | None = None
    """The one in force at the period's end."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the database knows of one account."""

    account: Account
    role: AccountRole
    partition: str
    last: AccountStatus | None
    windows: tuple[RecoveryWindow, ...]
    exception: DeletionException | None
    listed_at: datetime
    """When the account's state was read."""
    kept: AccountStatus | None = None
    """The newest reading of the period that an audit kept."""


def evaluate_account(facts: AccountFacts, period: Period) -> AccountEvidence:
    """One account's evidence; nothing that wasn't read in the period is ever a pass."""
    account = facts.account
    if account.joined_at is not None and account.joined_at > period.end:
        joined = AccountStatus(account, facts.role, Status.NOT_APPLICABLE, None, "It joined after the period's end.")
        return _describe(joined, None, facts)
    unread = find_status_without_reading(account, facts.role, facts.partition)
    if unread is not None and facts.role is not AccountRole.MANAGEMENT:
        return _describe(_evaluate_listing(unread, facts, period), None, facts)
    reading = _find_reading(facts, period)
    if reading is None:
        return _describe(_evaluate_unread(facts, unread), None, facts)
    status, method = reading
    stale = period.find_staleness(status.observed_at) if status.observed_at is not None else None
    if stale is not None:
        return _describe(_evaluate_stale(status, stale), None, facts)
    return _describe(_evaluate_windows(status, facts, period), method, facts)


def _find_reading(facts: AccountFacts, period: Period) -> tuple[AccountStatus, str | None] | None:
    """The newest reading that isn't later than the period's end, and how it was made."""
    statuses = [one for one in (facts.kept, facts.last) if one is not None]
    found = [(one.observed_at, one, _find_method(one)) for one in statuses if one.observed_at is not None]
    for window in facts.windows:
        if window.state is WindowState.CLOSED_VERIFIED and window.closed_at is not None:
            shown = AccountStatus(
                facts.account,
                facts.role,
                Status.NOT_PRESENT,
                detail=f"Shown empty as recovery window {window.window_id} was closed.",
                summary=_NOTHING,
                observed_at=window.closed_at,
            )
            found.append((window.closed_at, shown, BY_CLOSING))
    earlier = [one for one in found if one[0] <= period.end]
    if not earlier:
        return None
    _, status, method = max(earlier, key=lambda one: one[0])
    return replace(status, account=facts.account, role=facts.role), method


def _find_method(status: AccountStatus) -> str | None:
    if status.summary is None:
        return None
    return BY_ROOT_SESSION if status.session_access_key_id is not None else BY_OWN_CREDENTIALS


def _evaluate_listing(unread: AccountStatus, facts: AccountFacts, period: Period) -> AccountStatus:
    """An account's state is as old as the list of accounts, and tells nothing of a period that ended before."""
    stale = period.find_staleness(facts.listed_at)
    if unread.reason is StatusReason.NOT_ACTIVE and stale is not None:
        return replace(
            unread, status=Status.UNKNOWN, reason=StatusReason.STALE, detail=f"{unread.detail} Its state was {stale}."
        )
    return unread


def _evaluate_unread(facts: AccountFacts, unread: AccountStatus | None) -> AccountStatus:
    last = facts.last
    if unread is not None:
        detail = (last.detail if last is not None else None) or "Read only from the management account."
        return replace(unread, detail=detail)
    detail = "Never read."
    if last is not None and last.observed_at is not None:
        detail = f"Read only after the period's end, at {_render_moment(last.observed_at)}: of earlier readings none is kept."
    return AccountStatus(facts.account, facts.role, Status.UNKNOWN, StatusReason.NEVER_READ, detail)


def _evaluate_stale(status: AccountStatus, stale: str) -> AccountStatus:
    was = status.status.value.replace("_", " ")
    detail = f"Last read at {_render_moment(status.observed_at)}, {stale}; it then was {was}."
    if status.role is AccountRole.MANAGEMENT:
        return replace(status, reason=StatusReason.STALE, detail=detail, summary=None, credentials=None)
    return replace(
        status, status=Status.UNKNOWN, reason=StatusReason.STALE, detail=detail, summary=None, credentials=None
    )


def _evaluate_windows(status: AccountStatus, facts: AccountFacts, period: Period) -> AccountStatus:
    """A window opened since the reading: what was shown absent may be there again."""
    for window in facts.windows:
        opened_at = window.opening_started_at
        if opened_at is None or window.state in _NEVER_OPENED or status.observed_at is None:
            continue
        is_closed = window.state is WindowState.CLOSED_VERIFIED and (window.closed_at or period.end) <= period.end
        if status.observed_at < opened_at <= period.end and not is_closed:
            return replace(
                status,
                status=Status.RECOVERY_OPEN,
                reason=None,
                detail=f"Recovery window {window.window_id} was opened after the last reading.",
                summary=None,
                credentials=None,
            )
    return status


def _describe(status: AccountStatus, method: str | None, facts: AccountFacts) -> AccountEvidence:
    return AccountEvidence(
        account=facts.account,
        role=facts.role,
        status=status.status,
        reason=status.reason,
        detail=status.detail,
        verdict=_evaluate(status),
        kinds=tuple(_describe_kind(kind, status, method) for kind in KIND_ORDER),
        read_at=status.observed_at,
        session_access_key_id=status.session_access_key_id,
        found=status,
        exception=facts.exception,
    )


def _evaluate(status: AccountStatus) -> EvidenceVerdict:
    if status.role is AccountRole.FAILSAFE and status.status is Status.PRESENT and status.is_in_order:
        return EvidenceVerdict.KEPT
    if status.status is Status.NOT_PRESENT and (status.summary is None or not status.summary.is_empty):
        return EvidenceVerdict.UNKNOWN  # a row that says so without its four kinds proves nothing
    return {
        Status.NOT_APPLICABLE: EvidenceVerdict.NOT_APPLICABLE,
        Status.NOT_PRESENT: EvidenceVerdict.PASS,
        Status.PRESENT: EvidenceVerdict.FAIL,
        Status.RECOVERY_OPEN: EvidenceVerdict.FAIL,
        Status.UNKNOWN: EvidenceVerdict.UNKNOWN,
    }[status.status]


def _describe_kind(kind: CredentialKind, status: AccountStatus, method: str | None) -> KindEvidence:
    if status.summary is None or method is None:
        return KindEvidence(kind, None, None, None, None)
    detail = status.credentials
    return KindEvidence(
        kind=kind,
        is_present=status.summary.has(kind),
        count=None if detail is None else _count(kind, detail),
        read_at=status.observed_at,
        method=method if detail is None else f"{method} + {_IN_DETAIL[kind]}",
    )


def _count(kind: CredentialKind, found: RootCredentials) -> int:
    return {
        CredentialKind.PASSWORD: int(found.login_profile is not None),
        CredentialKind.ACCESS_KEYS: len(found.access_keys),
        CredentialKind.SIGNING_CERTIFICATES: len(found.signing_certificates),
        CredentialKind.MFA_DEVICES: len(found.mfa_devices),
    }[kind]


def count_verdicts(accounts: Iterable[AccountEvidence]) -> dict[EvidenceVerdict, int]:
    """How many accounts there are of each verdict, every verdict named."""
    counts = dict.fromkeys(
        (
            EvidenceVerdict.PASS,
            EvidenceVerdict.FAIL,
            EvidenceVerdict.UNKNOWN,
            EvidenceVerdict.KEPT,
            EvidenceVerdict.NOT_APPLICABLE,
        ),
        0,
    )
    for account in accounts:
        counts[account.verdict] += 1
    return counts


def _render_moment(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")
