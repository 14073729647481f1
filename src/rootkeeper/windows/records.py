"""A recovery window as JSON values and back: for the command line, the API and its client."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired

from typing_extensions import TypedDict

from rootkeeper.ledger.rules import ActorKind
from rootkeeper.shapes import AccountNumber, Answer, Count, Moment, fill_record, parse_facts, record
from rootkeeper.windows.approvals import is_lapsing
from rootkeeper.windows.rules import ApprovalPurpose, RecoveryWindow, WindowState


@record
class ApprovalRecord(TypedDict):
    """One approval, and what it allows."""

    approver: str
    approver_kind: ActorKind
    purpose: ApprovalPurpose
    at: Moment
    account_id: AccountNumber
    task: str
    duration_seconds: Count
    """Length of the window; for an extension, the added length."""
    expires_at: Moment
    used_at: Moment | None
    """When it was used; it counts once."""


@record
class KeptWindowRecord(TypedDict):
    """A recovery window, without what depends on the current time."""

    window_id: str
    account_id: AccountNumber
    state: WindowState
    reason: str
    ticket: str | None
    requested_by: str
    approved_by: list[str]
    """Empty for a window that a command line opened: it is unapproved."""
    expires_at: Moment | None
    closed_at: Moment | None
    organization_id: str
    requested_by_kind: ActorKind
    """How the requester is known."""
    requested_at: Moment
    duration_seconds: Count
    approvals_needed: Count
    """As the policy was when it was requested."""
    approvals: list[ApprovalRecord]
    is_approved: bool
    """Whether someone other than the requester approved it."""
    lapses_at: Moment | None
    """When the request, or an unused approval, lapses."""
    is_drill: bool
    is_emergency: bool
    """Whether it was opened before it was approved."""
    review_due_at: Moment | None
    reviewed_by: str | None
    activated_by: str | None
    opened_at: Moment | None
    watched_by: str | None
    """The source of root events; ``null``: not watched."""
    closed_by: str | None
    """Who closed it; ``null`` if it reached its end."""
    failure: str | None
    """Why the last attempt to close failed."""
    failed_closings: Count
    """Attempts to close that failed in a row."""
    next_closing_at: Moment | None
    rereads_done: Count
    next_reread_at: Moment | None
    """When the account is read again after the closing."""


@record
class WindowRecord(KeptWindowRecord):
    """A recovery window now."""

    is_overdue: bool
    """Whether it must still be closed and its end is past."""
    has_lapsed: bool
    """Whether its request or approval lapsed and the state doesn't show it yet."""


@record
class WindowAnswer(WindowRecord, Answer):
    """One window."""


@record
class ListedWindowRecord(KeptWindowRecord):
    """A recovery window as the command line shows it."""

    is_overdue: NotRequired[bool]
    """Whether it must still be closed and its end is past. Only from a server."""
    has_lapsed: NotRequired[bool]
    """Whether its request or approval lapsed and the state doesn't show it yet. Only from a server."""


@record
class WindowDocument(ListedWindowRecord, Answer):
    """Recovery window."""


@record
class WindowsDocument(Answer):
    """Recovery windows."""

    windows: list[ListedWindowRecord]


def window_to_record(window: RecoveryWindow) -> KeptWindowRecord:
    """The window, the same at every time."""
    return fill_record(KeptWindowRecord, window)


def current_window_to_record(window: RecoveryWindow, now: datetime) -> WindowRecord:
    return fill_record(WindowRecord, window, is_overdue=window.is_overdue(now), has_lapsed=is_lapsing(window, now))


def window_from_record(plain: Mapping[str, Any]) -> RecoveryWindow:
    """Read a record that :func:`window_to_record` made, to the second.

    :raises ValueError: if it isn't a window.
    """
    try:
        return parse_facts(RecoveryWindow, plain)
    except (KeyError, TypeError) as error:
        raise ValueError(f"Not a recovery window: {error!r}") from error
