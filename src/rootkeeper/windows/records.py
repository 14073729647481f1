"""A recovery window as JSON values and back: what the command line, the API and its client show of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NotRequired

from typing_extensions import TypedDict

from rootkeeper.ledger.rules import ActorKind
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import AccountNumber, Answer, Count, Moment, record
from rootkeeper.values import JsonValue, json_time
from rootkeeper.windows.approvals import is_lapsing
from rootkeeper.windows.rules import Approval, ApprovalPurpose, RecoveryWindow, WindowState


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
    organization_id: str
    account_id: AccountNumber
    state: WindowState
    reason: str
    ticket: str | None
    requested_by: str
    requested_by_kind: ActorKind
    """How the requester is known."""
    requested_at: Moment
    duration_seconds: Count
    approvals_needed: Count
    """As the policy was when it was requested."""
    approvals: list[ApprovalRecord]
    approved_by: list[str]
    """Empty for a window that a command line opened: it is unapproved."""
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
    expires_at: Moment | None
    watched_by: str | None
    """The source of root events; ``null``: not watched."""
    closed_at: Moment | None
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
class WindowDocument(KeptWindowRecord, Answer):
    """Recovery window."""

    is_overdue: NotRequired[bool]
    """Whether it must still be closed and its end is past. Only from a server."""
    has_lapsed: NotRequired[bool]
    """Whether its request or approval lapsed and the state doesn't show it yet. Only from a server."""


@record
class ListedWindowRecord(KeptWindowRecord):
    """A recovery window as the command line shows it."""

    is_overdue: NotRequired[bool]
    """Whether it must still be closed and its end is past. Only from a server."""
    has_lapsed: NotRequired[bool]
    """Whether its request or approval lapsed and the state doesn't show it yet. Only from a server."""


@record
class WindowsDocument(Answer):
    """Recovery windows."""

    windows: list[ListedWindowRecord]


def window_to_record(window: RecoveryWindow, now: datetime | None = None) -> dict[str, JsonValue]:
    """The window as every interface shows it; ``docs/reference/window.schema.json``.

    :param now: adds whether it is overdue and whether its request has lapsed, as of that moment.
    """
    record: dict[str, JsonValue] = {
        "window_id": window.window_id,
        "account_id": window.account_id,
        "state": window.state.value,
        "reason": window.reason,
        "ticket": window.ticket,
        "requested_by": window.requested_by,
        "approved_by": list(window.approved_by),
        "expires_at": json_time(window.expires_at),
        "closed_at": json_time(window.closed_at),
        **_describe_request(window),
        **_describe_course(window),
    }
    if now is not None:
        record |= {"is_overdue": window.is_overdue(now), "has_lapsed": is_lapsing(window, now)}
    return record


def _describe_request(window: RecoveryWindow) -> dict[str, JsonValue]:
    return {
        "organization_id": window.organization_id,
        "requested_by_kind": window.requested_by_kind.value,
        "requested_at": json_time(window.requested_at),
        "duration_seconds": window.duration_seconds,
        "approvals_needed": window.approvals_needed,
        "approvals": [approval_to_record(approval) for approval in window.approvals],
        "is_approved": window.is_approved,
        "lapses_at": json_time(window.lapses_at),
        "is_drill": window.is_drill,
        "is_emergency": window.is_emergency,
        "review_due_at": json_time(window.review_due_at),
        "reviewed_by": window.reviewed_by,
    }


def _describe_course(window: RecoveryWindow) -> dict[str, JsonValue]:
    return {
        "activated_by": window.activated_by,
        "opened_at": json_time(window.opened_at),
        "watched_by": window.watched_by,
        "closed_by": window.closed_by,
        "failure": window.failure,
        "failed_closings": window.failed_closings,
        "next_closing_at": json_time(window.next_closing_at),
        "rereads_done": window.rereads_done,
        "next_reread_at": json_time(window.next_reread_at),
    }


def approval_to_record(approval: Approval, render: Callable[[datetime], str] = json_time) -> dict[str, JsonValue]:
    """One person's consent, and what it was given for.

    :param render: how its times are written; what is kept is kept exactly.
    """
    return {
        "approver": approval.approver,
        "approver_kind": approval.approver_kind.value,
        "purpose": approval.purpose.value,
        "at": render(approval.at),
        "account_id": approval.account_id,
        "task": approval.task,
        "duration_seconds": approval.duration_seconds,
        "expires_at": render(approval.expires_at),
        "used_at": None if approval.used_at is None else render(approval.used_at),
    }


def window_from_record(record: Mapping[str, Any]) -> RecoveryWindow:
    """Read what :func:`window_to_record` made, to the second.

    :raises ValueError: if it isn't a window.
    """
    try:
        return RecoveryWindow(
            window_id=str(record["window_id"]),
            organization_id=str(record["organization_id"]),
            account_id=AccountId(record["account_id"]),
            state=WindowState(record["state"]),
            reason=str(record["reason"]),
            ticket=record["ticket"],
            requested_by=str(record["requested_by"]),
            requested_at=_parse_time(record["requested_at"]),
            duration_seconds=int(record["duration_seconds"]),
            approved_by=tuple(record["approved_by"]),
            opened_at=_find_time(record["opened_at"]),
            expires_at=_find_time(record["expires_at"]),
            closed_at=_find_time(record["closed_at"]),
            failure=record["failure"],
            requested_by_kind=ActorKind(record["requested_by_kind"]),
            approvals_needed=int(record["approvals_needed"]),
            approvals=tuple(approval_from_record(one) for one in record["approvals"]),
            lapses_at=_find_time(record["lapses_at"]),
            activated_by=record["activated_by"],
            closed_by=record["closed_by"],
            is_emergency=bool(record["is_emergency"]),
            review_due_at=_find_time(record["review_due_at"]),
            reviewed_by=record["reviewed_by"],
            is_drill=bool(record["is_drill"]),
            watched_by=record["watched_by"],
            failed_closings=int(record["failed_closings"]),
            next_closing_at=_find_time(record["next_closing_at"]),
            rereads_done=int(record["rereads_done"]),
            next_reread_at=_find_time(record["next_reread_at"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"Not a recovery window: {error!r}") from error


def approval_from_record(record: Mapping[str, Any]) -> Approval:
    """Read what :func:`approval_to_record` made."""
    return Approval(
        approver=str(record["approver"]),
        approver_kind=ActorKind(record["approver_kind"]),
        purpose=ApprovalPurpose(record["purpose"]),
        at=_parse_time(record["at"]),
        account_id=AccountId(record["account_id"]),
        task=str(record["task"]),
        duration_seconds=int(record["duration_seconds"]),
        expires_at=_parse_time(record["expires_at"]),
        used_at=_find_time(record["used_at"]),
    )


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _find_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
