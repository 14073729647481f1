"""Audits that are kept, what changed between two of them, and an account's past."""

from __future__ import annotations

from rootkeeper.api.answers.accounts import DetailedAccount
from rootkeeper.api.answers.shapes import AccountNumber, Answer, Count, CountedPage, Moment, Page, Record
from rootkeeper.domain.audit_diffs import AccountChange, PresenceChange
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.statuses import FailOn, Status, StatusReason
from rootkeeper.domain.timelines import TimelineKind


class KeptAudit(Record):
    """An audit without its accounts."""

    audit_id: str
    """Of the job that made it."""
    started_at: Moment
    ended_at: Moment
    endpoint: str | None
    """``null`` for an audit that an earlier version kept."""
    complete: bool
    """Whether it was of the whole organization."""
    requested_by: str | None
    summary: dict[str, Count]
    """Accounts by status, and ``accounts`` for all of them."""


class AuditPage(CountedPage):
    """Audits, the newest first."""

    audits: list[KeptAudit]


class AuditAnswer(KeptAudit, Page):
    """An audit with a part of what it found."""

    accounts: list[DetailedAccount]


class PastStatus(Record):
    """What an account was found to be in one of two audits."""

    status: Status
    reason: StatusReason | None
    detail: str | None
    read_at: Moment | None
    """``null`` where it wasn't read."""


class KindChange(Record):
    """What became of one kind of credentials."""

    kind: CredentialKind
    before: bool | None
    """``null`` where it wasn't read."""
    after: bool | None
    """``null`` where it wasn't read."""
    change: PresenceChange


class ChangedAccount(Record):
    """An account that isn't as it was."""

    account_id: AccountNumber
    name: str
    change: AccountChange
    before: PastStatus | None
    """``null`` for one that joined."""
    after: PastStatus | None
    """``null`` for one that left."""
    credentials: list[KindChange]


class ChangeCounts(Record):
    """How many accounts changed, and how."""

    changed: Count
    joined: Count
    left: Count
    unchanged: Count
    not_compared: Count
    """Those that only one of the two has, where one wasn't of the whole organization."""


class ComparisonAnswer(Answer):
    """What changed between two audits."""

    organization_id: str
    older: KeptAudit
    newer: KeptAudit
    accounts: list[ChangedAccount]
    """Those that changed, by id."""
    summary: ChangeCounts
    worse: list[FailOn]
    """Of which statuses there are more than before."""


class HistoryEntry(Record):
    """One thing that happened, or was found."""

    at: Moment
    kind: TimelineKind
    what: str
    """The event's name, the action, the status or the step."""
    detail: str
    actor: str | None
    reference: str
    """The event's id, the entry's sequence, the audit's id or the window's id."""
    alarming: bool


class HistoryAnswer(Answer):
    """One account's past."""

    organization_id: str
    account_id: AccountNumber
    name: str | None
    """``null`` for an account that no listing knows any more."""
    audits: Count
    """How many kept audits have it."""
    last_read_at: Moment | None
    entries: list[HistoryEntry]
    """The oldest first."""
