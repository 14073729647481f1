"""An account's past and the changes between audits, as the JSON values that every interface shows."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.history.rules import AccountDifference, AuditDifference, KindDifference, TimelineEntry
from rootkeeper.history.service import AccountHistory, ComparedAudits
from rootkeeper.organization.statuses import AccountStatus, FailOn, KeptAudit, StatusReason
from rootkeeper.shapes import (
    Answer,
    Count,
    JsonAnswer,
    JsonRecord,
    Moment,
    OrganizationId,
    fill_record,
    record,
    record_of,
)


@record_of(KeptAudit, without=("left_known", "left_unknown", "left_unread"), renamed={"is_complete": "complete"})
class KeptAuditRecord(JsonRecord):
    """An audit without its accounts."""

    endpoint: str | None
    """``null`` for an audit that an earlier version kept."""
    requested_by: str | None


@record_of(AccountStatus, only=("status", "reason", "detail", "read_at"), renamed={"observed_at": "read_at"})
class PastStatus(JsonRecord):
    """What an account was found to be in one of two audits."""

    reason: StatusReason | None
    detail: str | None
    read_at: Moment | None
    """``null`` where it wasn't read."""


@record_of(KindDifference)
class KindChange(JsonRecord):
    """How one kind of credentials changed."""


@record_of(AccountDifference, renamed={"kinds": "credentials"})
class ChangedAccount(JsonRecord):
    """An account that changed."""

    before: PastStatus | None
    """``null`` for one that joined."""
    after: PastStatus | None
    """``null`` for one that left."""


@record
class ChangeCounts(TypedDict):
    """How many accounts changed, and how."""

    changed: Count
    joined: Count
    left: Count
    unchanged: Count
    not_compared: Count
    """Accounts in only one of the two audits, because the other didn't cover the whole organization."""


@record
class DiffDocument(Answer):
    """What changed between two audits."""

    organization_id: OrganizationId
    older: KeptAuditRecord
    newer: KeptAuditRecord
    accounts: list[ChangedAccount]
    """Those that changed, by id."""
    summary: ChangeCounts


@record
class ComparisonAnswer(DiffDocument):
    """The same, with what got worse."""

    worse: list[FailOn]
    """Statuses that more accounts have than before."""


@record_of(TimelineEntry, renamed={"is_alarming": "alarming"}, before={"actor": "reference"})
class HistoryEntry(JsonRecord):
    """One event or finding."""


@record_of(AccountHistory, before={"organization_id": "account_id"})
class HistoryAnswer(JsonAnswer):
    """One account's past."""

    organization_id: OrganizationId
    entries: list[HistoryEntry]
    """The oldest first."""


@record
class AuditsDocument(Answer):
    """Audits that are kept."""

    audits: list[KeptAuditRecord]
    """The newest first."""


def comparison_record(compared: ComparedAudits, organization_id: str) -> DiffDocument:
    return fill_record(
        DiffDocument,
        compared,
        organization_id=organization_id,
        older=kept_audit_record(compared.older),
        newer=kept_audit_record(compared.newer),
        accounts=compared.difference.accounts,
        summary=difference_summary(compared.difference),
    )


def kept_audit_record(audit: KeptAudit) -> KeptAuditRecord:
    return fill_record(KeptAuditRecord, audit, endpoint=audit.endpoint or None, requested_by=audit.requested_by or None)


def difference_summary(difference: AuditDifference) -> dict[str, int]:
    counts = {"changed": 0, "joined": 0, "left": 0}
    for account_change in difference.accounts:
        counts[account_change.change.value] += 1
    return {**counts, "unchanged": difference.unchanged, "not_compared": difference.not_compared}
