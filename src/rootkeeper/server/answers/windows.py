"""Recovery windows, what came of their opening and closing, and their reports."""

from __future__ import annotations

from typing import Literal

from rootkeeper.ledger.rules import Action, ActorKind
from rootkeeper.server.answers.shapes import AccountNumber, Answer, Count, CountedPage, Moment, Record
from rootkeeper.watching.rules import EventVerdict
from rootkeeper.windows.closing import CloseOutcome
from rootkeeper.windows.rules import ApprovalPurpose, OpenOutcome, WindowState


class Approval(Record):
    """One person's consent, and what it was given for."""

    approver: str
    approver_kind: ActorKind
    purpose: ApprovalPurpose
    at: Moment
    account_id: AccountNumber
    task: str
    duration_seconds: Count
    """Of the window; of an extension, by how much it is prolonged."""
    expires_at: Moment
    used_at: Moment | None
    """When it was used; it counts once."""


class WindowRecord(Record):
    """A recovery window, whatever the time is."""

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
    approvals: list[Approval]
    approved_by: list[str]
    """Empty for a window that a command line opened: it is unapproved."""
    is_approved: bool
    """Whether anybody but the requester approved it."""
    lapses_at: Moment | None
    """When the request, or the approval that nobody used, lapses."""
    is_drill: bool
    is_emergency: bool
    """Whether it was opened before anybody approved it."""
    review_due_at: Moment | None
    reviewed_by: str | None
    activated_by: str | None
    opened_at: Moment | None
    expires_at: Moment | None
    watched_by: str | None
    """The source of root events; ``null``: not watched."""
    closed_at: Moment | None
    closed_by: str | None
    """Who asked for the closing; ``null`` for the window's end."""
    failure: str | None
    """Why the last attempt to close failed."""
    failed_closings: Count
    """Attempts to close that failed in a row."""
    next_closing_at: Moment | None
    rereads_done: Count
    next_reread_at: Moment | None
    """When the account is read again after the closing."""


class RecoveryWindow(WindowRecord):
    """A recovery window as it stands now."""

    is_overdue: bool
    """Whether its closing is owed and its end is past."""
    has_lapsed: bool
    """Whether its request or approval lapsed and isn't recorded as such yet."""


class WindowPage(CountedPage):
    """Windows, the newest first."""

    windows: list[RecoveryWindow]


class WindowAnswer(RecoveryWindow, Answer):
    """One window."""


class WindowOpenedAnswer(WindowAnswer):
    """A window, and what came of its opening."""

    outcome: OpenOutcome
    explanation: str
    hint: str | None
    exit_status: int
    """What the command line ends with."""


class WindowClosedAnswer(WindowAnswer):
    """A window, and what came of its closing."""

    outcome: CloseOutcome
    explanation: str
    hint: str | None
    is_closed: bool


class KindsPresent(Record):
    """The four kinds of root user credentials."""

    password: bool
    access_keys: bool
    signing_certificates: bool
    mfa_devices: bool


class WindowCheckAnswer(Answer):
    """What a request would ask for; nobody was asked."""

    account_id: AccountNumber
    name: str
    email: str
    duration_seconds: Count
    approvals_needed: Count
    present: KindsPresent
    """What the account has already."""
    remarks: list[str]


class WindowPeople(Record):
    """Who did what."""

    requested_by: str
    approved_by: list[str]
    activated_by: str | None
    closed_by: str | None
    reviewed_by: str | None


class WindowTimes(Record):
    """When it was done; ``null`` for what wasn't, or isn't known."""

    requested_at: Moment
    activated_at: Moment | None
    opened_at: Moment | None
    signed_in_at: Moment | None
    expires_at: Moment | None
    closing_began_at: Moment | None
    closed_at: Moment | None


class WindowDurations(Record):
    """How long each step took; ``null`` where one end isn't known."""

    to_approve: float | None
    to_open: float | None
    to_sign_in: float | None
    open: float | None
    to_close: float | None
    late: float | None
    """From its end to its closing: below zero if it was closed before."""


class WindowStep(Record):
    """One thing that somebody did, or the server by itself."""

    at: Moment
    what: Action
    actor: str
    result: Literal["done", "failed", "unknown", "open"]
    """``open`` for an intent without an outcome."""
    detail: str


class WatchedEvent(Record):
    """A root event of CloudTrail."""

    event_id: str
    at: Moment
    name: str
    verdict: EventVerdict
    explanation: str


class WindowReread(Record):
    """One reading of the account after the closing."""

    at: Moment
    is_clean: bool
    found: list[str]
    """Kinds of root user credentials."""


class WindowReportAnswer(Answer):
    """The report of a window or drill."""

    window: WindowRecord
    endpoint: str
    remarks: list[str]
    """What a reader must not miss."""
    people: WindowPeople
    approvals: list[Approval]
    times: WindowTimes
    durations_seconds: WindowDurations
    steps: list[WindowStep]
    events: list[WatchedEvent]
    alerts: list[WatchedEvent]
    """Those of them that people were told of."""
    rereads: list[WindowReread]
    markdown: str
    """The same for a person."""
