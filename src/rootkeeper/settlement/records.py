"""The adoption of a restored database as JSON, with the recovery windows that it may have lost."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.organization.statuses import AccountStatus, StatusReason
from rootkeeper.settlement.lost_windows import LostWindow, LostWindows
from rootkeeper.shapes import Answer, JsonRecord, Moment, Ordinal, fill_record, record, record_of
from rootkeeper.windows.rules import CloseOutcome, CloseResult


@record_of(
    LostWindow,
    inside={"account": Account},
    only=("account_id", "account_name", "allowed_at", "obstacle", "window_id", "closing", "explanation"),
    renamed={"name": "account_name"},
)
class LostWindowRecord(JsonRecord):
    """An account that the lost part of the ledger may have opened."""

    window_id: str | None
    """The window that closes it; ``null``: it was left as it is."""
    closing: CloseOutcome | None
    explanation: str | None
    """What the closing showed."""


@record_of(
    AccountStatus,
    inside={"account": Account},
    only=("account_id", "account_name", "reason", "detail"),
    renamed={"name": "account_name"},
)
class UnreadAccountRecord(JsonRecord):
    """An account that couldn't be read, so that a window may be open in it."""

    reason: StatusReason | None
    detail: str | None


@record
class AdoptionDocument(Answer):
    """Adoption of a restored database."""

    adopted_entry: Ordinal | None
    """The ledger's entry that records it; ``null`` if there was nothing to adopt."""
    since: Moment | None
    """From when on windows were looked for; ``null`` if they weren't."""
    search_failure: str | None
    """Why lost windows weren't looked for, or weren't all closed."""
    lost_windows: list[LostWindowRecord]
    unread_accounts: list[UnreadAccountRecord]


def adoption_to_record(
    adopted_entry: int | None,
    searched: LostWindows | None,
    closings: Mapping[AccountId, CloseResult],
    search_failure: str | None,
) -> AdoptionDocument:
    """Return the adoption as the command line shows it; ``searched`` is ``None`` if windows weren't looked for."""
    lost = []
    for window in () if searched is None else searched.found:
        closing = closings.get(window.account.account_id)
        lost.append(
            fill_record(
                LostWindowRecord,
                window,
                window_id=None if closing is None else closing.window.window_id,
                closing=None if closing is None else closing.outcome,
                explanation=None if closing is None else closing.explanation,
            )
        )
    return fill_record(
        AdoptionDocument,
        searched,
        adopted_entry=adopted_entry,
        since=None if searched is None else searched.since,
        search_failure=search_failure,
        lost_windows=lost,
        unread_accounts=() if searched is None else searched.unread,
    )
