"""The report of a recovery window or drill: who did what, how long each step took, and the watched events and re-reads.

Made from the window's row, the ledger's entries and the events that were watched; the same three give the same report.
Unknown facts are shown as unknown and never left out; a window that wasn't watched says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from typing_extensions import TypedDict

from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.shapes import Answer, Endpoint, JsonRecord, Moment, fill_record, filled_from, record, record_of
from rootkeeper.untrusted_text import markdown_table, markdown_text
from rootkeeper.values import describe_duration
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from rootkeeper.watching.store import WatchedEventReader
from rootkeeper.windows.records import ApprovalRecord, KeptWindowRecord
from rootkeeper.windows.rules import (
    FINAL_STATES,
    OWING_STATES,
    Approval,
    ApprovalPurpose,
    RecoveryWindow,
    WindowState,
)
from rootkeeper.windows.store import RecoveryWindowStore


@filled_from(
    requested_by="window.requested_by",
    closed_by="window.closed_by",
    reviewed_by="window.reviewed_by",
)
class WindowPeople(JsonRecord):
    """Who did what."""

    requested_by: str
    approved_by: list[str]
    activated_by: str | None
    closed_by: str | None
    reviewed_by: str | None


@filled_from(requested_at="window.requested_at", opened_at="window.opened_at", expires_at="window.expires_at")
class WindowTimes(JsonRecord):
    """When it was done; ``null`` for what wasn't, or isn't known."""

    requested_at: Moment
    activated_at: Moment | None
    opened_at: Moment | None
    signed_in_at: Moment | None
    expires_at: Moment | None
    closing_began_at: Moment | None
    closed_at: Moment | None


@record
class WindowDurations(TypedDict):
    """How long each step took; ``null`` where one end isn't known."""

    to_approve: float | None
    to_open: float | None
    to_sign_in: float | None
    open: float | None
    to_close: float | None
    late: float | None
    """From its end to its closing: below zero if it was closed before."""


@record_of(WatchedEvent, without=("account_id", "window_id", "has_mfa"))
class WatchedEventRecord(JsonRecord):
    """A root event of CloudTrail."""


@filled_from(approvals="window.approvals")
@record
class WindowReportDocument(Answer):
    """The report of a window or drill."""

    window: KeptWindowRecord
    endpoint: Endpoint
    remarks: list[str]
    """What a reader must not miss."""
    people: WindowPeople
    approvals: list[ApprovalRecord]
    times: WindowTimes
    durations_seconds: WindowDurations
    steps: list[WindowStepRecord]
    events: list[WatchedEventRecord]
    alerts: list[WatchedEventRecord]
    """The events that people were notified of."""
    rereads: list[WindowRereadRecord]


@record
class WindowReportAnswer(WindowReportDocument):
    """The same, also as text."""

    markdown: str
    """The same for a person."""


@dataclass(frozen=True, slots=True)
class WindowStep:
    """A step of a person or of the server."""

    at: datetime
    what: str
    """The ledger's word for it, such as ``window:approve``."""
    actor: str
    result: str
    """``done``, ``failed`` or ``unknown``; ``open`` for an intent without an outcome."""
    detail: str = ""


@record_of(WindowStep)
class WindowStepRecord(JsonRecord):
    """One step of a person or of the server."""

    what: Action
    result: Literal["done", "failed", "unknown", "open"]
    """``open`` for an intent without an outcome."""


@dataclass(frozen=True, slots=True)
class WindowReread:
    """A reading of the account after the closing."""

    at: datetime
    found: tuple[str, ...]
    """Kinds of root user credentials."""

    @property
    def is_clean(self) -> bool:
        return not self.found


@record_of(WindowReread, before={"is_clean": "found"})
class WindowRereadRecord(JsonRecord):
    """One reading of the account after the closing."""

    is_clean: bool


@dataclass(frozen=True, slots=True)
class WindowReport:
    """The facts about a recovery window."""

    window: RecoveryWindow
    endpoint: Endpoint
    steps: tuple[WindowStep, ...]
    events: tuple[WatchedEvent, ...]
    rereads: tuple[WindowReread, ...]
    activated_at: datetime | None
    signed_in_at: datetime | None
    """The first sign-in that was watched."""
    closing_began_at: datetime | None
    closed_at: datetime | None
    """When a re-read showed it empty for the first time; a later re-read may have reopened it."""
    governs_login: bool = False
    """Whether it governs a root login that the account had before."""

    @property
    def activated_by(self) -> str | None:
        """Who opened it: a command line without a server opens the window of its own request at once."""
        window = self.window
        is_own = window.lapses_at is None and self.activated_at is not None
        return window.activated_by or (window.requested_by if is_own else None)

    @property
    def opening_approvals(self) -> tuple[Approval, ...]:
        """Those that were there when it was opened, or that wait for it."""
        return tuple(approval for approval in self.window.approvals if approval.purpose is ApprovalPurpose.OPENING)

    @property
    def alerts(self) -> tuple[WatchedEvent, ...]:
        return tuple(event for event in self.events if event.verdict is EventVerdict.SUSPICIOUS)

    @property
    def durations(self) -> dict[str, timedelta | None]:
        """How long each step took; ``None`` if its start or end isn't known.

        ``to_approve`` counts from the request to the last approval, ``to_open`` from the activation to the login
        profile, ``to_sign_in`` from there to the first sign-in, ``to_close`` from the closing's begin to its proof.
        """
        window = self.window
        approved_at = max((approval.at for approval in self.opening_approvals), default=None)
        ends = {
            "to_approve": (window.requested_at, approved_at),
            "to_open": (self.activated_at, window.opened_at),
            "to_sign_in": (window.opened_at, self.signed_in_at),
            "open": (window.opened_at, self.closed_at),
            "to_close": (self.closing_began_at, self.closed_at),
            "late": (window.expires_at, self.closed_at),
        }
        return {name: None if start is None or end is None else end - start for name, (start, end) in ends.items()}

    @property
    def remarks(self) -> tuple[str, ...]:
        """Facts that a reader must not miss."""
        window, remarks = self.window, list[str]()
        was_open = window.opened_at is not None
        if was_open and not window.is_approved:
            remarks.append("It has no approval.")
        if self.governs_login:
            remarks.append("It governs the root login that the account had before; nothing was opened in AWS.")
        if was_open and window.is_emergency:
            review = f"reviewed by {window.reviewed_by}" if window.reviewed_by else "not reviewed yet"
            remarks.append(f"Opened in an emergency; {review}.")
        if was_open and window.watched_by is None:
            remarks.append("Not watched: what the root user did isn't known here.")
        if self.alerts:
            remarks.append(f"{len(self.alerts)} of the watched events raised an alert.")
        if window.state in OWING_STATES:
            remarks.append(f"Not closed: it is {window.state.value}.")
        if window.reopened_at is not None:
            closed = f", and closed again {_describe_time(window.closed_at)}" if window.closed_at else ""
            remarks.append(
                f"Reopened by someone else: credentials were found {_describe_time(window.reopened_at)}{closed}."
            )
        if window.reread_owed_at is not None:
            remarks.append(f"It couldn't be read again since {_describe_time(window.reread_owed_at)}: audit it.")
        failed = sum(step.what == Action.WINDOW_CLOSE and step.result != Result.DONE for step in self.steps)
        if failed:
            remarks.append(f"{failed} closings failed or weren't proven.")
        if any(reread.found for reread in self.rereads) and window.reopened_at is None:
            remarks.append("A re-read after the closing found root user credentials.")
        if window.state is WindowState.CLOSED_VERIFIED and window.next_reread_at is not None:
            next_at = _describe_time(window.next_reread_at)
            remarks.append(f"Read again {len(self.rereads)} times so far; next at {next_at}.")
        return tuple(remarks)


def _describe_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S UTC}"


def make_window_report(
    window: RecoveryWindow, entries: Iterable[LedgerEntry], events: Sequence[WatchedEvent], endpoint: str
) -> WindowReport:
    """Put the report of a window together.

    :param entries: of the window's account, in the order of their sequence; entries of other windows are left out.
    :param events: of the window, by their time.
    """
    mine: list[LedgerEntry] = []
    outcomes: dict[int, LedgerEntry] = {}
    for entry in entries:
        if entry.intent_sequence is not None:
            outcomes[entry.intent_sequence] = entry
        elif entry.action.value.startswith("window:") and entry.parameters.get("window_id") == window.window_id:
            mine.append(entry)
    closings = [entry for entry in mine if entry.action is Action.WINDOW_CLOSE]
    ends = (outcomes.get(entry.sequence) for entry in closings)
    return WindowReport(
        window=window,
        endpoint=endpoint,
        steps=tuple(
            _describe_step(entry, outcomes.get(entry.sequence) if entry.phase is Phase.INTENT else entry)
            for entry in mine
        ),
        events=tuple(events),
        rereads=tuple(_describe_reread(entry) for entry in mine if entry.action is Action.WINDOW_REREAD),
        activated_at=next(
            (entry.at for entry in mine if entry.action is Action.WINDOW_ACTIVATE),
            window.opening_started_at,
        ),
        signed_in_at=next((event.at for event in events if event.name == "ConsoleLogin"), None),
        closing_began_at=closings[0].at if closings else None,
        closed_at=next(
            (outcome.at for outcome in ends if outcome is not None and outcome.result is Result.DONE),
            window.first_closed_at or window.closed_at,
        ),
        governs_login=any(entry.parameters.get("governs_login") is True for entry in mine),
    )


def report_to_record(report: WindowReport) -> WindowReportDocument:
    return fill_record(
        WindowReportDocument,
        report,
        people=fill_record(
            WindowPeople, report, approved_by=[approval.approver for approval in report.opening_approvals]
        ),
        times=fill_record(WindowTimes, report),
        durations_seconds={
            name: None if length is None else round(length.total_seconds(), 1)
            for name, length in report.durations.items()
        },
    )


def _describe_step(entry: LedgerEntry, outcome: LedgerEntry | None) -> WindowStep:
    result = "open" if outcome is None or outcome.result is None else outcome.result.value
    failure = None if outcome is None else outcome.parameters.get("failure") or outcome.parameters.get("message")
    detail = failure or entry.parameters.get("reason") or ""
    return WindowStep(entry.at, entry.action.value, entry.actor.name, result, str(detail))


def _describe_reread(entry: LedgerEntry) -> WindowReread:
    found = entry.parameters.get("found")
    return WindowReread(entry.at, tuple(map(str, found)) if isinstance(found, list | tuple) else ())


@dataclass(frozen=True, slots=True)
class WindowReporter:
    """Reads window, ledger and watched events."""

    windows: RecoveryWindowStore
    ledger_reader: LedgerReader
    events: WatchedEventReader
    endpoint: Endpoint
    organization_id: str

    def report(self, window_id_or_account_id: str) -> WindowReport:
        """:raises InputError: if there is no such window."""
        window = self.windows.get(window_id_or_account_id)
        entries = self.ledger_reader.list_entries(account_id=window.account_id)
        mine = (entry for entry in entries if entry.organization_id == self.organization_id)
        return make_window_report(window, mine, self.events.list_of_window(window.window_id), self.endpoint)


_DURATIONS = {
    "to_approve": "From the request to the last approval",
    "to_open": "From the activation to the open window",
    "to_sign_in": "From the open window to the first sign-in",
    "open": "Open",
    "to_close": "From the begin of the closing to its proof",
    "late": "From the window's end to the proof of its closing",
}


def render_window_markdown(report: WindowReport) -> str:
    """The same report gives the same bytes."""
    window = report.window
    title = "Drill" if window.is_drill else "Recovery window"
    lines = [f"# {title} {markdown_text(window.window_id)} of account {window.account_id}", ""]
    if report.endpoint != "AWS":
        lines += [f"**{markdown_text(report.endpoint)}: this is play, not evidence of an AWS organization.**", ""]
    if report.remarks:
        lines += [*(f"- {markdown_text(remark)}" for remark in report.remarks), ""]
    facts = [
        ("State", window.state.value),
        ("Reason", window.full_reason),
        ("Requested", f"{window.requested_by}, {_render_text(window.requested_at)}"),
        ("Approved by", ", ".join(approval.approver for approval in report.opening_approvals) or "no one"),
        ("Activated", _render_act(report.activated_by or "unknown", report.activated_at, window)),
        ("Opened", _render_act(None, window.opened_at, window)),
        ("Due", _render_act(None, window.expires_at, window)),
        ("Closed", _render_act(window.closed_by or "at its end", report.closed_at, window)),
        ("Watched by", window.watched_by or "no one"),
    ]
    durations = [(_DURATIONS[name], _render_length(length)) for name, length in report.durations.items()]
    steps = [(_render_text(step.at), step.what, step.actor, step.result, step.detail) for step in report.steps]
    events = [(_render_text(event.at), event.name, event.verdict.value, event.explanation) for event in report.events]
    rereads = [(_render_text(reread.at), ", ".join(reread.found) or "nothing") for reread in report.rereads]
    lines += [*markdown_table(("", ""), facts), ""]
    for heading, titles, rows in (
        ("How long it took", ("Step", "Time"), durations),
        ("Steps", ("At", "Step", "By", "Result", "Detail"), steps),
        ("Watched events", ("At", "Event", "Verdict", "Explanation"), events),
        ("Re-reads after the closing", ("At", "Found"), rereads),
    ):
        lines += [f"## {heading}", "", *markdown_table(titles, rows), ""]
    return "\n".join(lines) + "\n"


def _render_text(at: datetime | None) -> str:
    return "unknown" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _render_act(name: str | None, at: datetime | None, window: RecoveryWindow) -> str:
    """What has no time may still come, can't come any more, or was at a time that isn't known."""
    if at is not None:
        return f"{name}, {_render_text(at)}" if name else _render_text(at)
    if window.state is WindowState.CLOSED_VERIFIED:
        return "unknown"
    return "never" if window.state in FINAL_STATES else "not yet"


def _render_length(length: timedelta | None) -> str:
    if length is None:
        return "unknown"
    seconds = length.total_seconds()
    if seconds < 0:
        return f"{describe_duration(-length)} before"
    return f"{seconds:.1f} seconds" if seconds < 60 else describe_duration(length)
