"""A recovery window as JSON values and back: for the command line, the API and its client."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NotRequired

from rootkeeper.shapes import AccountNumber, Answer, JsonAnswer, JsonRecord, fill_record, parse_facts, record, record_of
from rootkeeper.windows.approvals import EarlierWindows, RequestCheck, WindowBackground, is_lapsing
from rootkeeper.windows.rules import Approval, RecoveryWindow


@record_of(Approval)
class ApprovalRecord(JsonRecord):
    """One approval, and what it allows."""


@record_of(RecoveryWindow, before={"is_approved": "lapses_at"})
class KeptWindowRecord(JsonRecord):
    """A recovery window, without what depends on the current time."""

    is_approved: bool
    """Whether someone other than the requester approved it."""


class WindowRecord(KeptWindowRecord):
    """A recovery window now."""

    is_overdue: bool
    """Whether it must still be closed and its end is past."""
    has_lapsed: bool
    """Whether its request or approval lapsed and the state doesn't show it yet."""


class WindowAnswer(WindowRecord, JsonAnswer):
    """One window."""


@record_of(
    RecoveryWindow,
    only=("window_id", "account_id", "state", "reason", "requested_by", "requested_at", "is_drill"),
)
class EarlierWindowRecord(JsonRecord):
    """An earlier recovery window."""


@record_of(EarlierWindows)
class EarlierWindowsRecord(JsonRecord):
    """Earlier recovery windows: how many there are, and the newest."""

    newest: list[EarlierWindowRecord]


@record_of(RequestCheck)
class RequestCheckRecord(JsonRecord):
    """What the check of a request found."""


@record_of(WindowBackground)
class WindowBackgroundAnswer(JsonAnswer):
    """The facts for a decision about a window."""

    check: RequestCheckRecord | None
    """``null`` if the ledger doesn't record it."""
    of_account: EarlierWindowsRecord
    of_requester: EarlierWindowsRecord


class ListedWindowRecord(KeptWindowRecord):
    """A recovery window as the command line shows it."""

    is_overdue: Annotated[bool, NotRequired]
    """Whether it must still be closed and its end is past. Only from a server."""
    has_lapsed: Annotated[bool, NotRequired]
    """Whether its request or approval lapsed and the state doesn't show it yet. Only from a server."""


class WindowDocument(ListedWindowRecord, JsonAnswer):
    """Recovery window."""


@record
class WindowsDocument(Answer):
    """Recovery windows."""

    windows: list[ListedWindowRecord]


@record
class FailedRecoveryRecord(JsonRecord):
    """An account in which the opening or the closing of a window failed, or isn't proven."""

    account_id: AccountNumber
    explanation: str


@record
class RecoveriesDocument(WindowsDocument):
    """Recovery windows of one command for several accounts."""

    failures: list[FailedRecoveryRecord]
    """The exit status is 4 if there are any."""


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
