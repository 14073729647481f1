"""The adoption of a restored database as JSON, with the recovery windows that it may have lost."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import TypedDict

from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import StatusReason
from rootkeeper.settlement.lost_windows import LostWindows
from rootkeeper.shapes import SCHEMA_VERSION, AccountNumber, Answer, Moment, Ordinal, fill_record, record
from rootkeeper.values import json_time
from rootkeeper.windows.rules import CloseOutcome, CloseResult


@record
class LostWindowRecord(TypedDict):
    """An account that the lost part of the ledger may have opened."""

    account_id: AccountNumber
    account_name: str
    allowed_at: Moment
    """When password recovery was allowed, or the password was set."""
    obstacle: str | None
    """Why it isn't closed from here."""
    window_id: str | None
    """The window that closes it; ``null``: it was left as it is."""
    closing: CloseOutcome | None
    explanation: str | None
    """What the closing showed."""


@record
class UnreadAccountRecord(TypedDict):
    """An account that couldn't be read, so that a window may be open in it."""

    account_id: AccountNumber
    account_name: str
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
    found, unread = ((), ()) if searched is None else (searched.found, searched.unread)
    lost = []
    for window in found:
        closing = closings.get(window.account.account_id)
        lost.append(
            fill_record(
                LostWindowRecord,
                window,
                account_id=window.account.account_id,
                account_name=window.account.name,
                window_id=None if closing is None else closing.window.window_id,
                closing=None if closing is None else closing.outcome.value,
                explanation=None if closing is None else closing.explanation,
            )
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "adopted_entry": adopted_entry,
        "since": None if searched is None else json_time(searched.since),
        "search_failure": search_failure,
        "lost_windows": lost,
        "unread_accounts": [
            fill_record(
                UnreadAccountRecord, status, account_id=status.account.account_id, account_name=status.account.name
            )
            for status in unread
        ],
    }
